package engine

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/run"
)

// follow waits for a run's runner by fn and then gives back what the run does
// not need any more.
func (e *Engine) follow(ctx context.Context, r run.Run, fn func(*Engine, context.Context, run.Run)) {
	e.setFollowing(r.ID, true)
	fn(e, ctx, r)
	e.setFollowing(r.ID, false)
	if ctx.Err() != nil {
		return
	}
	if d, _, err := e.Store.Dossier(ctx, r.ID); err == nil {
		e.settled(d.Run)
	}
}

func (e *Engine) setFollowing(id string, on bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if on {
		e.following[id]++
	} else if e.following[id]--; e.following[id] == 0 {
		delete(e.following, id)
		if len(e.following) == 0 { // the trees of ended runs can be swept now
			e.wake()
		}
	}
}

// settled removes the tree of a run that has ended: it is as large as the
// repository, and the commit is in the mirror. Logs, plan and results stay
// until the run is pruned. As long as a runner works in the tree it stays.
func (e *Engine) settled(r run.Run) {
	e.mu.Lock()
	busy := e.following[r.ID] > 0
	e.mu.Unlock()
	tree := e.files(r.ID).tree()
	if busy || !r.Status.Terminal() {
		return
	}
	if _, err := os.Lstat(tree); err == nil { // a run may settle twice
		e.discardTree(tree)
	}
}

// sweep removes what a crash left behind: directories of runs that are not in
// the store, and trees of runs that have ended.
func (e *Engine) sweep(ctx context.Context) error {
	entries, err := os.ReadDir(filepath.Join(e.DataDir, "runs"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, entry := range entries {
		d, _, err := e.Store.Dossier(ctx, entry.Name())
		switch {
		case fault.Is(err, fault.NotFound):
			// After an old backup was put back this may be an apply that goes on.
			if alive, err := e.Runner.Survivors(entry.Name()); err != nil || len(alive) > 0 {
				e.Log.Warn("a run that the store does not know is at work; its directory is kept", "run", entry.Name(), "processes", alive, "error", err)
				continue
			}
			e.removeRun(entry.Name())
		case err != nil:
			return err
		default:
			e.settled(d.Run)
		}
	}
	return nil
}

func (e *Engine) removeRun(id string) {
	if err := os.RemoveAll(e.files(id).dir); err != nil {
		e.Log.Warn("the directory of a pruned run cannot be removed", "run", id, "error", err)
	}
}

// How often ended runs past their retention are looked for, and mirrors are
// repacked where fetches have piled up.
const (
	pruneEvery    = time.Hour
	maintainEvery = 6 * time.Hour
)

// keepHouse makes drift checks that are due and prunes old runs. It looks
// once a second, in memory only; a look costs next to nothing.
func (e *Engine) keepHouse(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var pruned, looked time.Time
	maintained := time.Now()
	for {
		now := time.Now()
		if now.Round(0).Before(looked) {
			e.clockSetBack()
		}
		looked = now.Round(0)
		if now.Sub(pruned) >= pruneEvery {
			e.prune(ctx)
			pruned = now
		}
		if now.Sub(maintained) >= maintainEvery {
			e.maintain(ctx)
			maintained = now
		}
		e.checkSchedules(ctx, now)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// clockSetBack forgets when checks are due: that was reckoned in a future that
// may be years away.
func (e *Engine) clockSetBack() {
	e.mu.Lock()
	defer e.mu.Unlock()
	clear(e.due)
}

func (e *Engine) prune(ctx context.Context) {
	keep := map[string]run.Retention{}
	for _, d := range e.current().Workspaces {
		keep[d.Name] = run.Retention{Runs: d.KeepRuns, Days: d.KeepDays}
	}
	ids, err := e.Store.Prune(ctx, keep)
	for _, id := range ids {
		e.removeRun(id)
	}
	if err != nil && ctx.Err() == nil {
		e.Log.Error("old runs cannot be pruned", "error", err)
	}
}

// maintain repacks the mirrors. Every commit that a run may still be made of,
// or that a workspace is compared with, is kept, whatever its branch is now.
func (e *Engine) maintain(ctx context.Context) {
	q, err := e.Store.Queue(ctx)
	if err != nil {
		e.Log.Error("the mirrors cannot be maintained", "error", err)
		return
	}
	records, err := e.Store.Records(ctx)
	if err != nil {
		e.Log.Error("the mirrors cannot be maintained", "error", err)
		return
	}
	var keep []string
	for _, r := range q.Active {
		keep = append(keep, r.Commit.SHA)
	}
	for _, rec := range records {
		for _, sha := range []string{rec.Head, rec.Desired, rec.Applied} {
			if sha != "" {
				keep = append(keep, sha)
			}
		}
	}
	for name, repo := range e.current().Repositories {
		if err := repo.Maintain(ctx, keep); err != nil && ctx.Err() == nil {
			e.Log.Warn("a mirror cannot be maintained", "repository", name, "error", err)
		}
	}
}
