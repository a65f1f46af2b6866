package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/gitrepo/gittest"
)

// fixture lets package gittest be used outside of a test.
type fixture struct{ dir string }

func (fixture) Helper() {}

// the repository could not be written: nothing goes on
func (fixture) Fatalf(f string, args ...any)  { panic(fmt.Errorf(f, args...)) }
func (f fixture) TempDir() string             { return f.dir }
func (fixture) Cleanup(func())                {}
func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

// names are those of n workspaces, which are their directories too.
func names(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("ws-%03d", i+1)
	}
	return all
}

// fleet is a repository, a daemon that watches it, and the same by hand.
type fleet struct {
	*daemon
	setting
	repo *gittest.Repo
	hand *byHand
}

// newFleet makes a repository without a root module, and a daemon that has
// seen it.
func (b *bench) newFleet(ctx context.Context, n int, s setting) (*fleet, error) {
	dir, err := os.MkdirTemp(b.dir, "fleet-")
	if err != nil {
		return nil, err
	}
	f := &fleet{setting: s, repo: gittest.NewRepoAt(fixture{dir}, filepath.Join(dir, "repo.git"))}
	f.repo.Commit("main", map[string]string{"README.md": "The root modules come later.\n"})
	f.setting.repo, f.workspaces, f.env = f.repo.Dir, names(n), b.env
	if f.root == nil {
		f.root = plainRoot
	}
	if f.hand, err = newByHand(b.machine.engine, f.cliConfig, filepath.Join(dir, "hand"),
		f.modules("nothing")); err != nil {
		return nil, err
	}
	f.daemon, err = b.serve(ctx, dir, f.setting)
	return f, err
}

// modules are the root modules at a commit.
func (f *fleet) modules(text string) map[string]string {
	files := map[string]string{}
	for _, name := range f.workspaces {
		files[name+"/main.tf"] = f.root(text, name)
	}
	return files
}

// plainRoot is a root module of two terraform_data.
func plainRoot(text, name string) string {
	return fmt.Sprintf(`resource "terraform_data" "first" {
  input = "%s of %s"
}

resource "terraform_data" "second" {
  input = terraform_data.first.output
}
`, text, name)
}

// restart ends the daemon and starts another in its place.
func (b *bench) restart(ctx context.Context, f *fleet) error {
	if err := f.stop(); err != nil {
		return err
	}
	d, err := b.serve(ctx, f.dir, f.setting)
	if err == nil {
		f.daemon = d
	}
	return err
}

// discard ends the daemon and removes what it left.
func (b *bench) discard(f *fleet) error {
	err := f.stop()
	if b.keep {
		return err
	}
	return errors.Join(err, os.RemoveAll(f.dir))
}

// commit prepares a commit that touches every workspace, here and by hand.
// main is not moved to it yet.
func (f *fleet) commit(text string) (sha string, err error) {
	files := f.modules(text)
	sha = f.repo.Commit("next", files, gittest.On(f.repo.Head("main")))
	return sha, f.hand.checkout(files)
}

// push moves main and asks for a poll.
func (f *fleet) push(ctx context.Context, sha string) error {
	f.repo.SetBranch("main", sha)
	return f.client.Poll(ctx, "bench")
}

// planned is what a pass of planning came to.
type planned struct {
	cost
	toPlanning time.Duration // from the branch moving to the first run that plans
	runs       []api.Run
}

// plan moves the branch to a commit and waits until all plans are recorded.
func (f *fleet) plan(ctx context.Context, sha string) (planned, error) {
	var p planned
	var err error
	p.cost, err = f.measured(ctx, func(began time.Time) (time.Time, error) {
		if err := f.push(ctx, sha); err != nil {
			return began, err
		}
		runs, err := f.runs(ctx, sha, "awaiting_approval", len(f.workspaces))
		if err != nil {
			return began, err
		}
		p.runs = runs
		first, last := runs[0].StartedAt.Sub(began), began
		for _, r := range runs {
			first = min(first, r.StartedAt.Sub(began))
			if r.PlannedAt.After(last) {
				last = *r.PlannedAt
			}
		}
		p.toPlanning = first
		return last, nil
	})
	return p, err
}

// apply approves runs and waits until all are applied: from the first approval
// that is sent to the last apply that is recorded.
func (f *fleet) apply(ctx context.Context, runs []api.Run) (cost, error) {
	return f.measured(ctx, func(began time.Time) (time.Time, error) {
		g, voting := errgroup.WithContext(ctx)
		g.SetLimit(workers)
		for _, r := range runs {
			g.Go(func() error {
				_, err := f.client.Vote(voting, r.ID, api.Ballot{Yes: true, Digest: r.Plan.Digest})
				return err
			})
		}
		if err := g.Wait(); err != nil {
			return began, err
		}
		applied, err := f.runs(ctx, runs[0].Commit.SHA, "applied", len(runs))
		last := began
		for _, r := range applied {
			if r.FinishedAt.After(last) {
				last = *r.FinishedAt
			}
		}
		return last, err
	})
}
