// Package engine moves runs, in rooms that meet in the store: watch looks at
// repositories, queue claims what is ready and phases works on it, upkeep does what is
// due, acts is what people do, and view what they see.
//
// There are two doors in and one loop. A branch that moved (watch) and what a person
// asks for (acts) change what the store holds, in one transaction each (txn); the loop
// (queue) claims whatever is ready and starts a runner for it (phases); when the runner
// is done, its result is stored, again in one transaction (outcome). What is ready, and
// what everything else waits for, is one pure function, decide.About: the loop and the
// words that people read come from the same place.
//
// Nothing that matters lives in memory. An engine can vanish at any instant; the next
// one reads the store and follows the runners that are still alive.
package engine

import (
	"context"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/tfops/tfops/internal/artifacts"
	"github.com/tfops/tfops/internal/checkout"
	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/drift/report"
	"github.com/tfops/tfops/internal/engine/acts"
	"github.com/tfops/tfops/internal/engine/jobs"
	"github.com/tfops/tfops/internal/engine/managed"
	"github.com/tfops/tfops/internal/engine/order"
	"github.com/tfops/tfops/internal/engine/patches"
	"github.com/tfops/tfops/internal/engine/phases"
	"github.com/tfops/tfops/internal/engine/queue"
	"github.com/tfops/tfops/internal/engine/settings"
	"github.com/tfops/tfops/internal/engine/sources"
	"github.com/tfops/tfops/internal/engine/txn"
	"github.com/tfops/tfops/internal/engine/upkeep"
	"github.com/tfops/tfops/internal/engine/view"
	"github.com/tfops/tfops/internal/engine/watch"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/sandbox"
)

// Journal is what is remembered of drift: what the upkeep keeps, and what people
// look up in it.
type Journal interface {
	upkeep.Journal
	Finding(ctx context.Context, id string) (drift.Finding, error)
	ChecksOf(ctx context.Context, workspace string, since time.Time) ([]drift.Check, error)
}

// Options are what an engine is made of.
type Options struct {
	Store   txn.Store
	Journal Journal
	Runner  phases.Runner
	Halts   queue.Halts   // nil: nobody stops a process
	Memory  queue.Memory  // nil: there is always room for one more engine
	Engines queue.Engines // nil: the engine that made a plan is taken to be there
	Vault   jobs.Vault
	DataDir string
	Log     *slog.Logger
	// asked before anything begins: why the data directory is not the one that was opened; nil asks nothing
	Intact  func() error
	Environ []string // the daemon's own environment, of which the allow-list lets a part through
}

// Engine moves runs. Make one with New, then call Run once.
type Engine struct {
	*acts.Actions // what people do
	*view.View    // what they see

	txn     *txn.Writer
	watcher *watch.Watcher
	phases  *phases.Worker
	queue   *queue.Dispatcher
	upkeep  *upkeep.Keeper
}

// New returns an engine with its first settings.
func New(o Options, s *settings.Settings) *Engine {
	if o.Intact == nil {
		o.Intact = func() error { return nil }
	}
	w := &txn.Writer{Store: o.Store, Runner: o.Runner, Files: artifacts.Open(o.DataDir),
		Settings: new(settings.Current), Log: o.Log}
	w.Settings.Set(s.Prepare())
	reader := &sources.Reader{Settings: w.Settings, Log: o.Log}
	maker := &jobs.Maker{Store: o.Store, Files: w.Files, Settings: w.Settings, Sources: reader,
		Checkouts: checkout.Open(filepath.Join(w.Files.Cache(), "checkouts")), Vault: o.Vault, Log: o.Log,
		Environ: o.Environ}
	sequencer := order.New(w, maker)
	watcher := watch.New(w, reader, sequencer, s)
	states := managed.States{Files: w.Files, Vault: o.Vault}
	edits := &patches.Maker{Settings: w.Settings, Sources: reader, Files: w.Files, Journal: o.Journal}
	worker := &phases.Worker{Txn: w, Jobs: maker, Patches: edits, States: states, Journal: o.Journal, Runner: o.Runner,
		Log: o.Log, Intact: o.Intact}
	queue := queue.New(w, worker, watcher, sequencer, o.Halts, o.Engines, o.Memory)
	keeper := upkeep.New(w, sequencer, maker, o.Journal, o.Runner, watcher)
	return &Engine{txn: w, watcher: watcher, phases: worker, queue: queue, upkeep: keeper,
		Actions: &acts.Actions{Txn: w, Watcher: watcher, Order: sequencer, States: states, Jobs: maker, Patches: edits,
			Queue: queue, Upkeep: keeper, Journal: o.Journal, Runner: o.Runner, Vault: o.Vault},
		View: view.New(w, queue, watcher, o.Vault)}
}

// Run follows what an earlier engine left, then works until ctx is done. It
// returns when no goroutine of it is left: plans have been stopped and will
// be made again; applies go on without it.
func (e *Engine) Run(ctx context.Context) error {
	for _, begin := range []func(context.Context) error{e.watcher.Recall, e.upkeep.Sweep, e.queue.Attach} {
		if err := begin(ctx); err != nil {
			if ctx.Err() != nil {
				return nil // stopped before it had begun
			}
			return err
		}
	}
	var running sync.WaitGroup
	running.Go(func() { e.watcher.Run(ctx) })
	running.Go(func() { e.upkeep.Run(ctx) })
	running.Go(func() { e.queue.Run(ctx) })
	running.Wait()
	return nil
}

// Configure replaces the settings. A changed concurrency takes effect after a restart.
func (e *Engine) Configure(ctx context.Context, s *settings.Settings) error {
	if err := e.watcher.Configure(ctx, s); err != nil {
		return err
	}
	e.upkeep.Configured(ctx)
	e.watcher.Restart()
	e.txn.Calendar.Send()
	e.txn.Changed.Send()
	return nil
}

// Found has runs wait, or go on, as this machine shuts their engines in.
func (e *Engine) Found(state sandbox.State) {
	e.watcher.Found(state)
	e.txn.Calendar.Send()
	e.txn.Changed.Send()
}

// Sandbox is how engines are to be shut in, and how this machine does it.
func (e *Engine) Sandbox() sandbox.Terms { return e.txn.Settings.Get().Sandbox }

// Poke makes the next poll of a repository happen now.
func (e *Engine) Poke(repository string) error { return e.watcher.Poke(repository) }

// Strays lists the directories of runs that the store does not know.
func (e *Engine) Strays() []upkeep.Stray { return e.upkeep.Strays() }

// DriftReport makes a report of now; see Upkeep.DriftReport.
func (e *Engine) DriftReport(ctx context.Context, since time.Time) (*report.Report, error) {
	return e.upkeep.DriftReport(ctx, since)
}

// Reports lists the reports that were made by schedule, newest first.
func (e *Engine) Reports(ctx context.Context) ([]run.Report, error) { return e.upkeep.Reports(ctx) }

// KeptReport reads a report that was made by schedule.
func (e *Engine) KeptReport(ctx context.Context, id string) (*report.Report, error) {
	return e.upkeep.KeptReport(ctx, id)
}

// Changed returns a channel that is closed when anything changes.
func (e *Engine) Changed() <-chan struct{} { return e.txn.Changed.Next() }

// Watch returns a channel that is closed when a run, or what it waits for, may have changed,
// and what gives that up. Look after calling it, so that no change is missed.
func (e *Engine) Watch(id string) (changed <-chan struct{}, stop func()) {
	return e.txn.Ready.Watch(id)
}
