package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/tfops/tfops/internal/api"
)

// patience bounds whatever is waited for.
const patience = 10 * time.Minute

// daemon is a running `tfops serve` and a client of it.
type daemon struct {
	cmd    *exec.Cmd
	dir    string
	client *api.Client
	ended  chan error
}

// setting is what a daemon is configured with.
type setting struct {
	repo       string // path of the repository
	poll       time.Duration
	engine     string // a binary; empty: found on PATH
	apply      string
	env        string                         // NAME=value for the engine; empty: none
	cliConfig  string                         // the engine's CLI configuration; empty: none
	fresh      bool                           // the second pass is also made by hand in a fresh clone, as CI does
	workspaces []string                       // names, and their directories in the repository
	root       func(text, name string) string // a workspace's main.tf
}

func (s setting) hcl() string {
	var b strings.Builder
	fmt.Fprintf(&b, "data_dir = \"data\"\n\nrunner {\n  concurrency = %d\n  pass_env    = [\"TF_CLI_CONFIG_FILE\", "+
		"\"LAB_WORLD\"]\n}\n\n", workers)
	if s.engine != "" {
		fmt.Fprintf(&b, "engine \"terraform\" {\n  path = %q\n}\n\n", s.engine)
	}
	fmt.Fprintf(&b, "repository \"bench\" {\n  url  = %q\n  poll = %q\n}\n\n", s.repo, s.poll)
	fmt.Fprintf(&b, "defaults {\n  repository = \"bench\"\n  branch     = \"main\"\n  apply      = %q\n%s  drift "+
		"{\n    schedule = \"0 2 * * *\"\n  }\n}\n", s.apply, s.engineEnv())
	for _, name := range s.workspaces {
		fmt.Fprintf(&b, "\nworkspace %q {\n  dir = %q\n}\n", name, name)
	}
	return b.String()
}

func (s setting) engineEnv() string {
	name, value, ok := strings.Cut(s.env, "=")
	if !ok {
		return ""
	}
	return fmt.Sprintf("  env        = { %s = %q }\n", name, value)
}

// serve writes the configuration into dir, starts a daemon there and waits
// until it answers and has looked at the repository once.
func (b *bench) serve(ctx context.Context, dir string, s setting) (*daemon, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	config := filepath.Join(dir, "tfops.hcl")
	if err := os.WriteFile(config, []byte(s.hcl()), 0o600); err != nil {
		return nil, err
	}
	log, err := os.OpenFile(filepath.Join(dir, "daemon.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	d := &daemon{dir: dir, ended: make(chan error, 1)}
	d.cmd = exec.Command(b.tfops, "serve", "--config", config)
	d.cmd.Stdout, d.cmd.Stderr = log, log
	d.cmd.Env = slices.DeleteFunc(os.Environ(),
		func(e string) bool { return strings.HasPrefix(e, "TF_CLI_CONFIG_FILE=") })
	if s.cliConfig != "" {
		world, err := worldOf(dir)
		if err != nil {
			return nil, err
		}
		d.cmd.Env = append(d.cmd.Env, "TF_CLI_CONFIG_FILE="+s.cliConfig, world)
	}
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt of this program is not for it
	if err := d.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { d.ended <- d.cmd.Wait() }()
	if d.client, err = api.New(api.ClientOptions{Server: "unix://" +
		filepath.Join(dir, "data", "tfops.sock")}); err == nil {
		err = d.until(ctx, 20*time.Millisecond, func() (bool, error) {
			repos, err := d.client.Repositories(ctx)
			return err == nil && len(repos) == 1 && repos[0].PolledAt != nil, nil
		})
	}
	if err != nil {
		return nil, errors.Join(err, d.stop())
	}
	return d, nil
}

func (d *daemon) pid() int { return d.cmd.Process.Pid }

// stop ends the daemon. Nothing is done when it has ended before.
func (d *daemon) stop() error {
	if d.client != nil {
		d.client.Close()
	}
	_ = d.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-d.ended:
		d.ended <- err
		return nil
	case <-time.After(time.Minute):
		_ = d.cmd.Process.Kill()
		d.ended <- <-d.ended
		return errors.New("the daemon did not stop within a minute and was killed")
	}
}

// until asks again and again, until the answer is yes.
func (d *daemon) until(ctx context.Context, every time.Duration, ask func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		if done, err := ask(); done || err != nil {
			return err
		}
		select {
		case err := <-d.ended:
			d.ended <- err
			return fmt.Errorf("the daemon ended: %w\n%s", err, d.log())
		case <-ctx.Done():
			return fmt.Errorf("waiting for the daemon: %w\n%s", ctx.Err(), d.log())
		case <-time.After(every):
		}
	}
}

func (d *daemon) log() string {
	b, _ := os.ReadFile(filepath.Join(d.dir, "daemon.log"))
	return string(b[max(0, len(b)-2000):])
}

// glance is how often the daemon is asked whether it is done. When it was done
// is read from the times that it recorded, so a rare look costs no precision,
// and takes next to nothing from what is measured.
const glance = 200 * time.Millisecond

// busy are the statuses of runs that go on by themselves.
var busy = []string{"pending", "planning", "apply_queued", "applying"}

// runs waits until as many runs of a commit as are wanted have the status, and
// returns them. As long as something goes on, only that is asked: to list all
// runs takes the daemon a while.
func (d *daemon) runs(ctx context.Context, sha, status string, want int) ([]api.Run, error) {
	var found []api.Run
	err := d.until(ctx, glance, func() (bool, error) {
		some, err := d.client.Runs(ctx, api.RunsQuery{Statuses: busy, Limit: 1})
		if err != nil || len(some) > 0 {
			return false, err
		}
		all, err := d.client.Runs(ctx, api.RunsQuery{Limit: min(1000, 2*want)})
		if err != nil {
			return false, err
		}
		found = found[:0]
		for _, r := range all {
			if r.Commit.SHA != sha {
				continue
			}
			if r.Error != nil {
				return false, fmt.Errorf("run %s of %s is %s: %s\n%s", r.ID, r.Workspace, r.Status, r.Error.Message,
					r.Error.Detail)
			}
			if r.Status == status {
				found = append(found, r)
			}
		}
		return len(found) == want, nil
	})
	return found, err
}

// settle waits until the daemon has no children: their CPU time is then part
// of its own.
func (d *daemon) settle(ctx context.Context) error {
	return d.until(ctx, 5*time.Millisecond, func() (bool, error) {
		n, err := children(d.pid())
		return n == 0, err
	})
}

// measured is the cost of do, which returns when the last of it was recorded.
func (d *daemon) measured(ctx context.Context, do func(began time.Time) (ended time.Time, err error)) (cost, error) {
	before, err := spent(d.pid())
	if err != nil {
		return cost{}, err
	}
	began := time.Now()
	ended, err := do(began)
	if err != nil {
		return cost{}, err
	}
	if err := d.settle(ctx); err != nil {
		return cost{}, err
	}
	after, err := spent(d.pid())
	return cost{wall: ended.Sub(began), cpu: after.since(before)}, err
}
