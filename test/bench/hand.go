package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// cost is what something took.
type cost struct {
	wall time.Duration
	cpu  usage
}

// byHand is the loop that tfops is compared with: root modules in
// directories, and no state but their own.
type byHand struct {
	engine    string
	cliConfig string
	dir       string
	dirs      []string
}

// newByHand lays out root modules, as a checkout would have them.
func newByHand(engine, cliConfig, dir string, files map[string]string) (*byHand, error) {
	h := &byHand{engine: engine, cliConfig: cmp.Or(cliConfig, os.DevNull), dir: dir}
	if err := h.checkout(files); err != nil {
		return nil, err
	}
	for _, name := range sortedKeys(files) {
		h.dirs = append(h.dirs, filepath.Join(dir, filepath.Dir(name)))
	}
	return h, nil
}

// checkout puts another commit's files in place. It is not measured.
func (h *byHand) checkout(files map[string]string) error {
	for name, content := range files {
		path := filepath.Join(h.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// forget takes away what inits left, as a fresh clone has nothing of it. What a clone
// has, the lock file, stays, and so does the state.
func (h *byHand) forget() error {
	var failed error
	for _, dir := range h.dirs {
		failed = errors.Join(failed, os.RemoveAll(filepath.Join(dir, ".terraform")))
	}
	return failed
}

const planFile = "saved.tfplan"

// plan inits, plans and shows every directory.
func (h *byHand) plan(ctx context.Context) (cost, error) {
	return h.each(ctx, []string{"init", "-input=false", "-no-color"},
		[]string{"plan", "-input=false", "-no-color", "-out=" + planFile},
		[]string{"show", "-json", planFile})
}

// apply applies the saved plan of every directory.
func (h *byHand) apply(ctx context.Context) (cost, error) {
	return h.each(ctx, []string{"apply", "-input=false", "-no-color", planFile})
}

// each runs commands in every directory, in order, two directories at a time.
func (h *byHand) each(ctx context.Context, commands ...[]string) (cost, error) {
	var cpu atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(workers)
	began := time.Now()
	for _, dir := range h.dirs {
		g.Go(func() error {
			for _, args := range commands {
				used, err := h.one(ctx, dir, args)
				if err != nil {
					return err
				}
				cpu.Add(int64(used))
			}
			return nil
		})
	}
	err := g.Wait()
	return cost{wall: time.Since(began), cpu: usage{children: time.Duration(cpu.Load())}}, err
}

// one runs a command and keeps what it prints in a file, as a loop would.
func (h *byHand) one(ctx context.Context, dir string, args []string) (time.Duration, error) {
	out, err := os.OpenFile(filepath.Join(dir, args[0]+".out"), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	defer out.Close()
	world, err := worldOf(h.dir)
	if err != nil {
		return 0, err
	}
	var complaint bytes.Buffer
	cmd := exec.CommandContext(ctx, h.engine, args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, append(engineEnv(h.cliConfig), world), out, &complaint
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
	if err := cmd.Run(); err != nil {
		return 0, fmt.Errorf("terraform %s in %s: %w\n%s", args[0], dir, err, complaint.Bytes())
	}
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), nil
}
