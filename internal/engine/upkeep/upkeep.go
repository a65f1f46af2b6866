// Package upkeep does what is due: drift checks, reports, rules that end, and removing what
// is kept no longer.
package upkeep

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/tfops/tfops/internal/audit"
	"github.com/tfops/tfops/internal/checkout"
	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/engine/jobs"
	"github.com/tfops/tfops/internal/engine/order"
	"github.com/tfops/tfops/internal/engine/phases"
	"github.com/tfops/tfops/internal/engine/sources"
	"github.com/tfops/tfops/internal/engine/txn"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/runner"
)

// Keeper makes drift checks and reports that are due, and removes what is kept no longer.
type Keeper struct {
	txn     *txn.Writer
	order   *order.Sequencer
	jobs    *jobs.Maker
	journal Journal
	runner  phases.Runner
	log     *slog.Logger

	repositories Repositories

	trees chan string // checkouts that no run needs, to be removed
	begun time.Time

	mu         sync.Mutex
	checkTimes checkTimes           // of drift
	reportsDue map[string]dueReport // by name
	rulesEnd   time.Time            // when a rule or an acknowledgement ends next; zero: nothing is known to end
	strays     []Stray              // see sweep
}

// Journal is what is remembered of drift: what checks found, and what was reported of
// it. It is written with what the engine decides; see txn.Store.
type Journal interface {
	Findings(ctx context.Context, workspace string) ([]drift.Finding, error)
	Checks(ctx context.Context, since time.Time) ([]drift.Check, error)
	Reports(context.Context) ([]run.Report, error)
	PruneAudits(ctx context.Context, before time.Time) error
	PruneDrift(ctx context.Context, before time.Time, configured map[string]bool) (reports []string, err error)
}

// Repositories tells what became of their polls.
type Repositories interface {
	Polled(name string) sources.Polled
}

// New returns one.
func New(w *txn.Writer, o *order.Sequencer, j *jobs.Maker, journal Journal, r phases.Runner,
	repos Repositories) *Keeper {
	return &Keeper{txn: w, order: o, jobs: j, journal: journal, runner: r, log: w.Log, repositories: repos,
		trees: make(chan string, maxSwept), reportsDue: map[string]dueReport{}}
}

// Sweep removes what a crash left behind, before anything begins.
func (u *Keeper) Sweep(ctx context.Context) error {
	return errors.Join(u.sweep(ctx), u.sweepReports(ctx))
}

// Run works until ctx is done.
func (u *Keeper) Run(ctx context.Context) {
	u.begun = time.Now()
	var running sync.WaitGroup
	running.Go(func() { u.keepUpkeep(ctx) })
	running.Go(func() { u.sweepTrees(ctx) })
	running.Wait()
}

// Configured begins anew by other settings.
func (u *Keeper) Configured(ctx context.Context) {
	u.mu.Lock()
	u.checkTimes = checkTimes{}
	clear(u.reportsDue)
	u.mu.Unlock()
	u.KeepRules(ctx)
}

// leftoverAge is how old a file must be that somebody was about to write, or a
// package that was being fetched, before it is taken for what a kill left.
const leftoverAge = 6 * time.Hour

func (u *Keeper) sweepShared(now time.Time) {
	if err := runner.SweepShared(u.txn.Files.Dir(), now.Add(-leftoverAge)); err != nil {
		u.log.Warn("what killed processes were about to write cannot be removed", "error", err)
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
func (u *Keeper) Strays() []Stray {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.Clone(u.strays)
}

// sweep removes what a crash left behind: directories of runs that were pruned,
// and trees of runs that have ended. What the store does not know is kept: it may
// be all that tells of an apply.
func (u *Keeper) sweep(ctx context.Context) error {
	if err := u.sweepImports(ctx); err != nil {
		return err
	}
	q, err := u.txn.Queue(ctx)
	if err != nil {
		return err
	}
	for rec := range q.Records() {
		u.txn.DropUnnamed(ctx, rec.Name)
	}
	ids, err := u.txn.Files.Runs()
	if err != nil {
		return err
	}
	var strays []Stray
	for _, id := range ids {
		d, _, err := u.txn.Load(ctx, id)
		switch {
		case errors.Is(err, run.ErrPruned):
			u.removeRun(id)
		case fault.Is(err, fault.NotFound):
			strays = append(strays, u.stray(id))
		case err != nil:
			return err
		default:
			u.txn.CleanUp(d.Run)
		}
	}
	u.mu.Lock()
	u.strays = strays
	u.mu.Unlock()
	return nil
}

func (u *Keeper) stray(id string) Stray {
	s := Stray{Run: id, Dir: u.txn.Files.Run(id).Dir(), State: u.txn.Files.Run(id).ErroredState()}
	var err error
	if s.Processes, err = u.runner.Survivors(id); err != nil {
		u.log.Warn("processes of a run cannot be looked for", "run", id, "error", err)
	}
	u.log.Warn("a run that the store does not know has a directory, which is kept", "run", id, "dir", s.Dir, "state",
		s.State, "processes", s.Processes)
	return s
}

func (u *Keeper) removeRun(id string) {
	if err := u.txn.Files.Run(id).Remove(); err != nil {
		u.log.Warn("the directory of a pruned run cannot be removed", "run", id, "error", err)
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
func (u *Keeper) keepUpkeep(ctx context.Context) {
	var pruned, looked, tidied time.Time
	maintained := time.Now()
	txn.UntilDone(ctx, &u.txn.Calendar, func() (time.Time, bool) {
		now := time.Now()
		if now.Round(0).Before(looked) {
			u.ClockSetBack()
		}
		looked = now.Round(0)
		if now.Sub(pruned) >= pruneEvery {
			u.prune(ctx)
			u.sweepShared(now)
			pruned = now
		}
		if now.Sub(tidied) >= checkout.Rest {
			u.Surplus(ctx)
			tidied = now
		}
		if now.Sub(maintained) >= maintainEvery {
			u.maintain(ctx)
			maintained = now
		}
		if u.rulesEnded(now) {
			u.KeepRules(ctx)
		}
		u.CheckSchedules(ctx, now)
		u.MakeReports(ctx, now)
		return u.nextDue(now), false
	})
}

// nextDue is when upkeep looks next: when a check or a report is
// due or a rule ends, in a minute at the latest. What could not be done although it was due is
// tried again in a second.
func (u *Keeper) nextDue(now time.Time) time.Time {
	s := u.txn.Settings.Get()
	u.mu.Lock()
	defer u.mu.Unlock()
	next := now.Add(time.Minute)
	sooner := func(at time.Time) {
		if !at.IsZero() && at.Before(next) {
			next = at
		}
	}
	sooner(u.checkTimes.Next())
	for _, p := range s.Reports {
		sooner(u.reportsDue[p.Name].next())
	}
	sooner(u.rulesEnd)
	if !next.After(now) {
		next = now.Add(time.Second)
	}
	return next
}

// ClockSetBack forgets when checks are due: that was reckoned in a future that
// may be years away.
func (u *Keeper) ClockSetBack() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.checkTimes = checkTimes{}
	clear(u.reportsDue)
}

func (u *Keeper) prune(ctx context.Context) {
	keep := map[string]run.Retention{}
	for _, d := range u.txn.Settings.Get().Workspaces {
		keep[d.Name] = run.Retention{Runs: d.KeepRuns, Days: d.KeepDays}
	}
	ids, err := u.txn.Prune(ctx, keep)
	for _, id := range ids {
		u.removeRun(id)
	}
	if err != nil && ctx.Err() == nil {
		u.log.Error("old runs cannot be pruned", "error", err)
	}
	u.pruneDrift(ctx)
	u.pruneAudits(ctx)
	u.KeepRules(ctx)
	u.pruneTrees(ctx)
}

// pruneAudits forgets what the audit log has of long ago.
func (u *Keeper) pruneAudits(ctx context.Context) {
	keep := cmp.Or(u.txn.Settings.Get().AuditKeep, audit.DefaultKeep)
	if err := u.journal.PruneAudits(ctx, time.Now().Add(-keep)); err != nil && ctx.Err() == nil {
		u.log.Error("the audit log cannot be pruned", "error", err)
	}
}

// DriftDays is how long the history of drift is kept: the longest trend of a
// report, and the day that it begins with.
const DriftDays = 91

// pruneDrift forgets checks, resolved findings and reports that are too old
// for any report.
func (u *Keeper) pruneDrift(ctx context.Context) {
	configured := map[string]bool{}
	for _, d := range u.txn.Settings.Get().Workspaces {
		configured[d.Name] = true
	}
	gone, err := u.journal.PruneDrift(ctx, time.Now().AddDate(0, 0, -DriftDays), configured)
	if err != nil && ctx.Err() == nil {
		u.log.Error("old checks and findings cannot be pruned", "error", err)
	}
	for _, id := range gone {
		if id == "" { // that a report is waited for, which has no file
			continue
		}
		if err := u.txn.Files.RemoveReport(id); err != nil {
			u.log.Warn("a pruned report cannot be removed", "report", id, "error", err)
		}
	}
}

// maintain repacks the mirrors. Every commit that a run may still be made of,
// or that a workspace is compared with, is kept, whatever its branch is now.
func (u *Keeper) maintain(ctx context.Context) {
	q, err := u.txn.Queue(ctx)
	if err != nil {
		u.log.Error("the mirrors cannot be maintained", "error", err)
		return
	}
	records, err := u.txn.Records(ctx)
	if err != nil {
		u.log.Error("the mirrors cannot be maintained", "error", err)
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
	for name, repo := range u.txn.Settings.Get().Repositories {
		if err := repo.Maintain(ctx, keep); err != nil && ctx.Err() == nil {
			u.log.Warn("a mirror cannot be maintained", "repository", name, "error", err)
		}
	}
}

// sweepImports removes copies of states that no run is to import.
func (u *Keeper) sweepImports(ctx context.Context) error {
	q, err := u.txn.Queue(ctx)
	if err != nil {
		return err
	}
	needed := map[string]bool{}
	for r := range q.Active() {
		if r.Moving != nil && r.Moving.Import != nil {
			needed[filepath.Base(r.Moving.Import.File)] = true
		}
	}
	return u.txn.Files.KeepImports(needed)
}
