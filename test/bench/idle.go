package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"time"
)

// pollEvery is how often the idle daemon looks at its repository.
const pollEvery = 10 * time.Second

// idle measures a daemon that has nothing to do, and how fast it answers.
func idle(ctx context.Context, b *bench) (err error) {
	b.say("idle: %d workspaces in one repository, polled every %s", b.fleet, pollEvery)
	f, err := b.newFleet(ctx, b.fleet, setting{poll: pollEvery, apply: "auto"})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.discard(f)) }()
	sha, err := f.commit("first")
	if err != nil {
		return err
	}
	if err := f.push(ctx, sha); err != nil {
		return err
	}
	if _, err := f.runs(ctx, sha, "applied", b.fleet); err != nil {
		return err
	}
	what := fmt.Sprintf("%d workspaces, idle", b.fleet)
	if err := b.watch(ctx, f.daemon, what+", after planning and applying all"); err != nil {
		return err
	}
	if err := b.answers(ctx, f.daemon); err != nil {
		return err
	}
	if err := b.restart(ctx, f); err != nil {
		return err
	}
	return b.watch(ctx, f.daemon, what+", after a restart")
}

// Targets of the idle daemon.
const (
	idleMemory = 60_000_000
	idleCPU    = 0.01 // of a core
)

// watch measures an idle daemon for a while.
func (b *bench) watch(ctx context.Context, d *daemon, what string) error {
	if err := d.settle(ctx); err != nil {
		return err
	}
	select { // the end of what was before, a collection of garbage above all, is not idling
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(5 * time.Second):
	}
	b.say("watching the idle daemon for %s", b.idle)
	before, err := spent(d.pid())
	if err != nil {
		return err
	}
	began := time.Now()
	var highest int64
	for time.Since(began) < b.idle {
		rss, err := memory(d.pid(), "VmRSS")
		if err != nil {
			return err
		}
		highest = max(highest, rss)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
	after, err := spent(d.pid())
	if err != nil {
		return err
	}
	share := float64(after.since(before).sum()) / float64(time.Since(began))
	b.add(row{what: what + ": memory", value: megabytes(highest), target: "< 60 MB",
		verdict: verdict(highest < idleMemory)})
	b.add(row{what: what + ": CPU", value: fmt.Sprintf("%.2f %% of a core", 100*share), target: "< 1 %",
		verdict: verdict(share < idleCPU)})
	return nil
}

// asked is how often the daemon is asked for its status.
const asked = 20

// answers measures `tfops status`, as a person waits for it, and the answer
// to the request that it makes.
func (b *bench) answers(ctx context.Context, d *daemon) error {
	var command, request []time.Duration
	for range asked {
		began := time.Now()
		cmd := exec.CommandContext(ctx, b.tfops, "status", "--config", filepath.Join(d.dir, "tfops.hcl"))
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("tfops status: %w\n%s", err, out)
		}
		command = append(command, time.Since(began))
		began = time.Now()
		if _, err := d.client.Status(ctx); err != nil {
			return err
		}
		request = append(request, time.Since(began))
	}
	b.add(row{what: fmt.Sprintf("`tfops status` of %d workspaces", b.fleet), value: durations(command), target: none})
	b.add(row{what: "the request that it makes", value: durations(request), target: none})
	return nil
}
