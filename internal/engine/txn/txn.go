// Package txn stores what the engine decides. A decision is one transaction, with the
// notices that people get of it; then it is logged, whoever waits for it is woken, and
// the files of a run that has ended are cleaned up.
package txn

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/tfops/tfops/internal/artifacts"
	"github.com/tfops/tfops/internal/audit"
	"github.com/tfops/tfops/internal/engine/decide"
	"github.com/tfops/tfops/internal/engine/notices"
	"github.com/tfops/tfops/internal/engine/settings"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/signal"
	"github.com/tfops/tfops/internal/workspace"
)

// Store keeps what the engine decides. Every method is one transaction; see
// package store, and storetest for what is asked of any other. A function that a
// method is given may be called twice: it touches no file, no network and no clock
// (storetest.Twice, on which the engine's own tests run).
type Store interface {
	Enqueue(context.Context, run.Batch) (created, superseded []run.Run, err error)
	Claim(context.Context, func(run.Queue) (string, func(*run.Tx) error)) (run.Run, bool, error)
	Change(ctx context.Context, id string, fn func(*run.Tx) error) (run.Run, error)
	ChangeWorkspace(ctx context.Context, workspace string, fn func(*run.WorkspaceTx) error) error
	Record(context.Context, audit.Record) error
	Prune(context.Context, map[string]run.Retention) ([]string, error)

	Queue(context.Context) (run.Queue, error)
	Load(ctx context.Context, id string) (run.Tx, []run.Event, error)
	Runs(context.Context, run.Query) ([]run.Run, error)
	Records(context.Context) (map[string]workspace.Record, error)
}

// Interrupter stops the runner in a directory.
type Interrupter interface {
	Interrupt(dir string, force bool) error
}

// Writer stores decisions. Its fields are set before it is used.
type Writer struct {
	Store
	Runner   Interrupter
	Files    *artifacts.Local
	Settings *settings.Current
	Log      *slog.Logger

	Use      artifacts.Use // runs whose runner is followed
	Ready    decide.Ready
	Changed  signal.Signal // anything changed
	Moved    Moved
	Calendar signal.Signal // what is due, and when, may be another now
}

// Moved collects the workspaces that have moved on, and that others come after.
type Moved struct {
	signal.Signal
	mu    sync.Mutex
	names map[string]bool
}

func (m *Moved) add(name string) {
	m.mu.Lock()
	if m.names == nil {
		m.names = map[string]bool{}
	}
	m.names[name] = true
	m.mu.Unlock()
	m.Send()
}

// Take returns them, and forgets them.
func (m *Moved) Take() map[string]bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	names := m.names
	m.names = nil
	return names
}

// Change decides about a run.
func (w *Writer) Change(ctx context.Context, id string, fn func(*run.Tx) error) (run.Run, error) {
	var events []run.Event
	r, err := w.Store.Change(ctx, id, func(d *run.Tx) error {
		if err := fn(d); err != nil {
			return err
		}
		events = d.Events
		return notices.Run(w.Settings.Get(), d)
	})
	if err == nil {
		w.changed(r, events)
	}
	return r, err
}

// Claim is Change for what is chosen from the queue; false when pick chose nothing.
func (w *Writer) Claim(ctx context.Context, pick func(run.Queue) (string, func(*run.Tx) error)) (run.Run, bool, error) {
	var events []run.Event
	r, ok, err := w.Store.Claim(ctx, func(q run.Queue) (string, func(*run.Tx) error) {
		id, fn := pick(q)
		return id, func(d *run.Tx) error {
			if err := fn(d); err != nil {
				return err
			}
			events = d.Events
			return notices.Run(w.Settings.Get(), d)
		}
	})
	if ok && err == nil {
		w.changed(r, events)
	}
	return r, ok, err
}

// changed logs what happened to a run, cleans up after it when it has ended, and wakes
// everybody who waits.
func (w *Writer) changed(r run.Run, events []run.Event) {
	for _, ev := range events {
		if ev.To != "" {
			w.Log.Info("run "+string(ev.To), "run", r.ID, "workspace", r.Workspace, "kind", r.Kind,
				"commit", workspace.ShortCommit(r.Commit.SHA), "actor", ev.Actor, "text", ev.Text)
		}
	}
	w.CleanUp(r)
	w.Ready.Changed(r.ID)
	// What comes after it may be planned now, or use an output that is another.
	s := w.Settings.Get()
	applied := r.Kind == run.Sync && r.Status == run.PlannedAndFinished ||
		(r.Kind == run.Sync || r.Kind == run.Refresh) && r.Status == run.Applied
	stopped := r.Status != run.Planning && r.Status != run.Applying
	if stopped && len(s.Renaming) > 0 || applied && len(s.Order.Downstream(r.Workspace)) > 0 {
		w.Moved.add(r.Workspace)
	}
	w.Changed.Send()
}

// CleanUp removes what a run that has ended wrote into its tree. Logs, plan and results
// stay until the run is pruned. As long as a runner works in the tree it stays.
func (w *Writer) CleanUp(r run.Run) {
	if w.Use.Busy(r.ID) || !r.Status.Terminal() {
		return
	}
	if err := w.DropImport(r); err != nil {
		w.Log.Warn("the copy of a state that was brought cannot be removed", "run", r.ID, "error", err)
	}
	if err := w.Files.Run(r.ID).RemoveWork(); err != nil {
		w.Log.Warn("what an ended run wrote cannot be removed", "run", r.ID, "error", err)
	}
}

// DropUnnamed removes the files of a workspace that its record does not name. Nobody may be
// about to name one: see artifacts.Keeping.
func (w *Writer) DropUnnamed(ctx context.Context, name string) {
	q, err := w.Queue(ctx)
	if err != nil {
		return // the next one does it
	}
	rec := q.Record(name)
	for file, of := range map[artifacts.File][]string{artifacts.Outputs: {rec.OutputsOf},
		artifacts.Inputs: {rec.AppliedOf}, artifacts.Applied: {rec.AppliedOf},
		artifacts.Left: {rec.LeftOf, rec.LeftHalf}} {
		if of[0] == "" && file != artifacts.Left {
			continue // an earlier tfops left it
		}
		if err := w.Files.Workspace(name).Drop(file, of...); err != nil {
			w.Log.Warn("files that are kept no more cannot be removed", "file", file, "workspace", name, "error", err)
		}
	}
}

// DropImport removes the copy of a state that was brought for a run.
func (w *Writer) DropImport(r run.Run) error {
	if r.Moving == nil || r.Moving.Import == nil {
		return nil
	}
	return w.Files.Workspace(r.Workspace).RemoveImport(r.Moving.Import.File)
}

// Enqueue stores a batch that is not empty, stops the plans that it supersedes and
// returns its runs as they were stored.
func (w *Writer) Enqueue(ctx context.Context, b run.Batch) ([]run.Run, error) {
	if b.Empty() {
		return nil, nil
	}
	created, superseded, err := w.Store.Enqueue(ctx, b)
	if err != nil {
		return nil, err
	}
	for _, r := range created {
		w.Log.Info("run pending", "run", r.ID, "workspace", r.Workspace, "kind", r.Kind,
			"commit", workspace.ShortCommit(r.Commit.SHA), "actor", r.Trigger.Actor, "text", r.Trigger.Cause)
	}
	for _, r := range superseded {
		err := w.Runner.Interrupt(w.Files.Run(r.ID).Phase(job.PlanPhase), false)
		if err != nil && !fault.Is(err, fault.NotFound) {
			w.Log.Warn("a superseded plan cannot be stopped; its result will be ignored", "run", r.ID, "error", err)
		}
		w.CleanUp(r)
	}
	w.Changed.Send()
	return created, nil
}

// ChangeWorkspace decides about a workspace without a run.
func (w *Writer) ChangeWorkspace(ctx context.Context, name string, fn func(*run.WorkspaceTx) error) error {
	err := w.Store.ChangeWorkspace(ctx, name, func(h *run.WorkspaceTx) error {
		if err := fn(h); err != nil {
			return err
		}
		return notices.Workspace(w.Settings.Get(), h)
	})
	if err == nil {
		w.Changed.Send()
	}
	return err
}

// ErrEnded says that a run was ended while its runner worked: whatever came of it does
// not matter any more, and nothing is stored.
var ErrEnded = errors.New("the run has ended in the meantime")

// Insist is Change for the outcome of a phase. It is tried until it is stored or the
// daemon stops: what a runner did must not be forgotten over a full disk.
func (w *Writer) Insist(ctx context.Context, id string, fn func(*run.Tx) error) {
	w.UntilStored(ctx, id, func() error { _, err := w.Change(ctx, id, fn); return err })
}

// UntilStored calls store until it has stored what came of a run, the run has ended, or
// the daemon stops.
func (w *Writer) UntilStored(ctx context.Context, id string, store func() error) {
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 10*time.Second) {
		err := store()
		if err == nil || errors.Is(err, ErrEnded) || fault.Is(err, fault.NotFound) {
			return
		}
		w.Log.Error("the outcome of a run cannot be stored; trying again", "run", id, "error", err)
		select {
		case <-ctx.Done():
			return // the runner's result is still there: the next daemon finds it
		case <-time.After(wait):
		}
	}
}

// UntilDone calls look until it says that it is done, each time after a signal or at
// the time that it named; zero for none.
func UntilDone(ctx context.Context, s *signal.Signal, look func() (next time.Time, done bool)) {
	for ctx.Err() == nil {
		changed := s.Next() // before looking, so that no change is missed
		at, done := look()
		if done {
			return
		}
		var ring <-chan time.Time
		if !at.IsZero() {
			// Timers do not notice when the clock is set or the machine slept.
			ring = time.After(min(time.Until(at), time.Minute))
		}
		select {
		case <-ctx.Done():
		case <-changed:
		case <-ring:
		}
	}
}
