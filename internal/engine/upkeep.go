package engine

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/tfops/tfops/internal/checkout"
	"github.com/tfops/tfops/internal/engine/txn"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/runner"
)

// leftoverAge is how old a file must be that somebody was about to write, or a
// package that was being fetched, before it is taken for what a kill left.
const leftoverAge = 6 * time.Hour

func (e *Engine) sweepShared(now time.Time) {
	if err := runner.SweepShared(e.txn.Files.Dir(), now.Add(-leftoverAge)); err != nil {
		e.Log.Warn("what killed processes were about to write cannot be removed", "error", err)
	}
}

// Stray is the directory of a run that the store does not know: it was there
// before an old backup was put back, or a record of it was lost.
type Stray struct {
	Run       string
	Dir       string
	State     string // the file of a state that an apply could not save; "" without one
	Processes []job.Process
}

// Strays lists them, as the daemon found them at its start.
func (e *Engine) Strays() []Stray {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.strays)
}

// sweep removes what a crash left behind: directories of runs that were pruned,
// and trees of runs that have ended. What the store does not know is kept: it may
// be all that tells of an apply.
func (e *Engine) sweep(ctx context.Context) error {
	if err := e.sweepImports(ctx); err != nil {
		return err
	}
	q, err := e.txn.Queue(ctx)
	if err != nil {
		return err
	}
	for rec := range q.Records() {
		e.phases.DropUnnamed(ctx, rec.Name)
	}
	ids, err := e.txn.Files.Runs()
	if err != nil {
		return err
	}
	var strays []Stray
	for _, id := range ids {
		d, _, err := e.txn.Load(ctx, id)
		switch {
		case errors.Is(err, run.ErrPruned):
			e.removeRun(id)
		case fault.Is(err, fault.NotFound):
			strays = append(strays, e.stray(id))
		case err != nil:
			return err
		default:
			e.txn.CleanUp(d.Run)
		}
	}
	e.mu.Lock()
	e.strays = strays
	e.mu.Unlock()
	return nil
}

func (e *Engine) stray(id string) Stray {
	s := Stray{Run: id, Dir: e.txn.Files.Run(id).Dir(), State: e.txn.Files.Run(id).ErroredState()}
	var err error
	if s.Processes, err = e.Runner.Survivors(id); err != nil {
		e.Log.Warn("processes of a run cannot be looked for", "run", id, "error", err)
	}
	e.Log.Warn("a run that the store does not know has a directory, which is kept", "run", id, "dir", s.Dir, "state", s.State, "processes", s.Processes)
	return s
}

func (e *Engine) removeRun(id string) {
	if err := e.txn.Files.Run(id).Remove(); err != nil {
		e.Log.Warn("the directory of a pruned run cannot be removed", "run", id, "error", err)
	}
}

// How often ended runs past their retention are looked for, and mirrors are
// repacked where fetches have piled up.
const (
	pruneEvery    = time.Hour
	maintainEvery = 6 * time.Hour
)

// keepUpkeep makes drift checks and reports that are due, and prunes old runs.
// Until something is due it looks once a minute, since a clock may be set, and
// when the calendar changes; a look is in memory only.
func (e *Engine) keepUpkeep(ctx context.Context) {
	var pruned, looked, tidied time.Time
	maintained := time.Now()
	txn.UntilDone(ctx, &e.txn.Calendar, func() (time.Time, bool) {
		now := time.Now()
		if now.Round(0).Before(looked) {
			e.clockSetBack()
		}
		looked = now.Round(0)
		if now.Sub(pruned) >= pruneEvery {
			e.prune(ctx)
			e.sweepShared(now)
			pruned = now
		}
		if now.Sub(tidied) >= checkout.Rest {
			e.surplus(ctx)
			tidied = now
		}
		if now.Sub(maintained) >= maintainEvery {
			e.maintain(ctx)
			maintained = now
		}
		if e.rulesEnded(now) {
			e.keepRules(ctx)
		}
		e.checkSchedules(ctx, now)
		e.makeReports(ctx, now)
		return e.nextDue(now), false
	})
}

// nextDue is when the house is looked after next: when a check or a report is
// due or a rule ends, in a minute at the latest. What could not be done although it was due is
// tried again in a second.
func (e *Engine) nextDue(now time.Time) time.Time {
	s := e.txn.Settings.Get()
	e.mu.Lock()
	defer e.mu.Unlock()
	next := now.Add(time.Minute)
	sooner := func(at time.Time) {
		if !at.IsZero() && at.Before(next) {
			next = at
		}
	}
	sooner(e.checkTimes.Next())
	for _, p := range s.Reports {
		sooner(e.reportsDue[p.Name].next())
	}
	sooner(e.rulesEnd)
	if !next.After(now) {
		next = now.Add(time.Second)
	}
	return next
}

// clockSetBack forgets when checks are due: that was reckoned in a future that
// may be years away.
func (e *Engine) clockSetBack() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.checkTimes = checkTimes{}
	clear(e.reportsDue)
}

func (e *Engine) prune(ctx context.Context) {
	keep := map[string]run.Retention{}
	for _, d := range e.txn.Settings.Get().Workspaces {
		keep[d.Name] = run.Retention{Runs: d.KeepRuns, Days: d.KeepDays}
	}
	ids, err := e.txn.Prune(ctx, keep)
	for _, id := range ids {
		e.removeRun(id)
	}
	if err != nil && ctx.Err() == nil {
		e.Log.Error("old runs cannot be pruned", "error", err)
	}
	e.pruneDrift(ctx)
	e.keepRules(ctx)
	e.pruneTrees(ctx)
}

// driftDays is how long the history of drift is kept: the longest trend of a
// report, and the day that it begins with.
const driftDays = 91

// pruneDrift forgets checks, resolved findings and reports that are too old
// for any report.
func (e *Engine) pruneDrift(ctx context.Context) {
	configured := map[string]bool{}
	for _, d := range e.txn.Settings.Get().Workspaces {
		configured[d.Name] = true
	}
	gone, err := e.Journal.PruneDrift(ctx, time.Now().AddDate(0, 0, -driftDays), configured)
	if err != nil && ctx.Err() == nil {
		e.Log.Error("old checks and findings cannot be pruned", "error", err)
	}
	for _, id := range gone {
		if id == "" { // that a report is waited for, which has no file
			continue
		}
		if err := e.txn.Files.RemoveReport(id); err != nil {
			e.Log.Warn("a pruned report cannot be removed", "report", id, "error", err)
		}
	}
}

// maintain repacks the mirrors. Every commit that a run may still be made of,
// or that a workspace is compared with, is kept, whatever its branch is now.
func (e *Engine) maintain(ctx context.Context) {
	q, err := e.txn.Queue(ctx)
	if err != nil {
		e.Log.Error("the mirrors cannot be maintained", "error", err)
		return
	}
	records, err := e.txn.Records(ctx)
	if err != nil {
		e.Log.Error("the mirrors cannot be maintained", "error", err)
		return
	}
	var keep []string
	for r := range q.Active() {
		keep = append(keep, r.Commit.SHA)
	}
	for _, rec := range records {
		for _, sha := range []string{rec.Head, rec.Desired, rec.Applied} {
			if sha != "" {
				keep = append(keep, sha)
			}
		}
	}
	for name, repo := range e.txn.Settings.Get().Repositories {
		if err := repo.Maintain(ctx, keep); err != nil && ctx.Err() == nil {
			e.Log.Warn("a mirror cannot be maintained", "repository", name, "error", err)
		}
	}
}
