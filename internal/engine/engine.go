// Package engine moves runs: it is the only package that does.
//
// There are two doors in and one loop. A branch that moved (Poll) and what a
// person asks for (the methods of actions.go) change what the store holds, in
// one transaction each; the loop (dispatch.go) claims whatever is ready and
// starts a runner for it; when the runner is done, its result is stored, again
// in one transaction. What is ready, and what everything else waits for, is
// one pure function, verdict: the loop and the words that people read come
// from the same place.
//
// Nothing that matters lives in memory. An engine can vanish at any instant;
// the next one reads the store and follows the runners that are still alive.
package engine

import (
	"context"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/tfops/tfops/internal/engine/phases"

	"github.com/tfops/tfops/internal/engine/patches"

	"github.com/tfops/tfops/internal/engine/managed"

	"github.com/tfops/tfops/internal/engine/watch"

	"github.com/tfops/tfops/internal/engine/order"

	"github.com/tfops/tfops/internal/engine/jobs"

	"github.com/tfops/tfops/internal/engine/sources"

	"github.com/tfops/tfops/internal/engine/settings"
	"github.com/tfops/tfops/internal/engine/txn"

	"github.com/tfops/tfops/internal/artifacts"
	"github.com/tfops/tfops/internal/checkout"
	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/run"
)

// Journal is what is remembered of drift: what checks found, and what was
// reported of it. It is written with what the engine decides; see Store.
type Journal interface {
	Findings(ctx context.Context, workspace string) ([]drift.Finding, error)
	Finding(ctx context.Context, id string) (drift.Finding, error)
	Checks(ctx context.Context, since time.Time) ([]drift.Check, error)
	ChecksOf(ctx context.Context, workspace string, since time.Time) ([]drift.Check, error)
	Reports(context.Context) ([]run.Report, error)
	PruneDrift(ctx context.Context, before time.Time, configured map[string]bool) (reports []string, err error)
}

// Options are what an engine is made of.
type Options struct {
	Store   txn.Store
	Journal Journal
	Runner  phases.Runner
	Halts   Halts   // nil: nobody stops a process
	Engines Engines // nil: the engine that made a plan is taken to be there
	Vault   jobs.Vault
	DataDir string
	Log     *slog.Logger
	Intact  func() error // asked before anything begins: why the data directory is not the one that was opened; nil asks nothing
	Environ []string     // the daemon's own environment, of which the allow-list lets a part through
}

// Engine moves runs. Make one with New, then call Run once.
type Engine struct {
	Options

	// Places for runners of each phase. Drift checks have their own, so that
	// they never keep a commit waiting.
	plans, checks, applies chan struct{}
	trees                  chan string // checkouts that no run needs, to be removed
	begun                  time.Time

	txn *txn.Writer
	*watch.Watcher
	phases    *phases.Worker
	patches   *patches.Maker
	states    managed.States
	sources   *sources.Reader
	jobs      *jobs.Maker
	order     *order.Sequencer
	checkouts *checkout.Store

	mu         sync.Mutex
	checkTimes checkTimes           // of drift
	reportsDue map[string]dueReport // by name
	rulesEnd   time.Time            // when a rule or an acknowledgement ends next; zero: nothing is known to end

	strays []Stray                  // see sweep
	halted map[string][]run.Stopped // by run; see keepLooking

	lacking run.Lacking // see canBegin

	running sync.WaitGroup
}

// New returns an engine with its first settings.
func New(o Options, s *settings.Settings) *Engine {
	if o.Intact == nil {
		o.Intact = func() error { return nil }
	}
	w := &txn.Writer{Store: o.Store, Runner: o.Runner, Files: artifacts.Open(o.DataDir), Settings: new(settings.Current), Log: o.Log}
	w.Settings.Set(s.Prepare())
	from := &sources.Reader{Settings: w.Settings, Log: o.Log}
	trees := checkout.Open(filepath.Join(w.Files.Cache(), "checkouts"))
	making := &jobs.Maker{Store: o.Store, Files: w.Files, Settings: w.Settings, Sources: from, Checkouts: trees, Vault: o.Vault, Log: o.Log, Environ: o.Environ}
	order := order.New(w, making)
	states := managed.States{Files: w.Files, Vault: o.Vault}
	patches := &patches.Maker{Settings: w.Settings, Sources: from, Files: w.Files, Journal: o.Journal}
	phases := &phases.Worker{Txn: w, Jobs: making, Patches: patches, States: states, Journal: o.Journal, Runner: o.Runner, Log: o.Log, Intact: o.Intact}
	return &Engine{Options: o, txn: w, sources: from, jobs: making, order: order, Watcher: watch.New(w, from, order, s), checkouts: trees, states: states, phases: phases, patches: patches,
		plans: make(chan struct{}, s.Concurrency), checks: make(chan struct{}, max(s.Checks, 1)), applies: make(chan struct{}, s.Concurrency),
		trees: make(chan string, maxSwept), reportsDue: map[string]dueReport{}}
}

// Run follows what an earlier engine left, then works until ctx is done. It
// returns when no goroutine of it is left: plans have been stopped and will
// be made again; applies go on without it.
func (e *Engine) Run(ctx context.Context) error {
	for _, begin := range []func(context.Context) error{e.Recall, e.attach} {
		if err := begin(ctx); err != nil {
			if ctx.Err() != nil {
				return nil // stopped before it had begun
			}
			return err
		}
	}
	e.begun = time.Now()
	e.running.Go(func() { e.Watcher.Run(ctx) })
	e.running.Go(func() { e.keepUpkeep(ctx) })
	e.running.Go(func() { e.keepLooking(ctx) })
	e.running.Go(func() { e.keepEngines(ctx) })
	e.running.Go(func() { e.sweepTrees(ctx) })
	e.running.Go(func() { e.keepFlowing(ctx) })
	e.running.Go(func() { e.keepSettling(ctx) })
	e.running.Go(func() { e.dispatch(ctx, phasePlan, e.plans) })
	e.running.Go(func() { e.dispatch(ctx, phaseCheck, e.checks) })
	e.running.Go(func() { e.dispatch(ctx, phaseApply, e.applies) })
	<-ctx.Done()
	e.running.Wait()
	return nil
}

// Configure replaces the settings. A changed concurrency takes effect after a restart.
func (e *Engine) Configure(ctx context.Context, s *settings.Settings) error {
	if err := e.Watcher.Configure(ctx, s); err != nil {
		return err
	}
	e.mu.Lock()
	e.checkTimes = checkTimes{}
	clear(e.reportsDue)
	e.mu.Unlock()
	e.Watcher.Restart()
	e.keepRules(ctx)
	e.txn.Calendar.Send()
	e.txn.Changed.Send()
	return nil
}

// Changed returns a channel that is closed when anything changes.
func (e *Engine) Changed() <-chan struct{} { return e.txn.Changed.Next() }

// Watch returns a channel that is closed when a run, or what it waits for, may have changed,
// and what gives that up. Look after calling it, so that no change is missed.
func (e *Engine) Watch(id string) (changed <-chan struct{}, stop func()) {
	return e.txn.Ready.Watch(id)
}
