// Package phases starts the runner of a plan or an apply, follows it, and has what came of
// it stored. It is where a commit becomes files, and a result an outcome.
package phases

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"time"

	"github.com/tfops/tfops/internal/checkout"
	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/engine/jobs"
	"github.com/tfops/tfops/internal/engine/managed"
	"github.com/tfops/tfops/internal/engine/outcome"
	"github.com/tfops/tfops/internal/engine/patches"
	"github.com/tfops/tfops/internal/engine/txn"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/runner"
)

// Worker starts the runners of phases, follows them and stores what came of them.
type Worker struct {
	Txn     *txn.Writer
	Jobs    *jobs.Maker
	Patches *patches.Maker
	States  managed.States
	Journal Checks
	Runner  Runner
	Log     *slog.Logger
	Intact  func() error
}

// Runner runs one phase in a process of its own; see package runner.
type Runner interface {
	Start(ctx context.Context, dir string, job job.Job, secrets job.Secrets) error
	Wait(ctx context.Context, dir string) (job.Result, error)
	Interrupt(dir string, force bool) error
	Survivors(run string) ([]job.Process, error)
	Seal(dir, recipient string) error
}

// Checks are the drift checks that were made.
type Checks interface {
	ChecksOf(ctx context.Context, workspace string, since time.Time) ([]drift.Check, error)
}

// shutdownGrace is how long a stopping daemon waits for interrupted plans.
const shutdownGrace = 5 * time.Second

// Plan exports the commit and plans it in a runner.
func (ph *Worker) Plan(ctx context.Context, r run.Run, ended func()) {
	defer ended()
	err := ph.guarded(func() error { return ph.startPlan(ctx, r) })
	var unknown *unknownStart
	switch {
	case errors.Is(err, errHeld), errors.Is(err, txn.ErrEnded):
		return
	case ctx.Err() != nil && err != nil:
		return // the daemon stops; the next one finds a plan without a runner and makes it again
	case errors.Is(err, errReconfigured):
		ph.planAgain(ctx, r, err.Error(), 0)
		return
	case errors.As(err, &unknown):
		ph.planAgain(ctx, r, "it is not known whether its runner was started: "+err.Error(), 1)
		return
	case err != nil && ph.postpone(ctx, r, err):
		return
	case err != nil:
		err = fault.OfMachine(err)
		ph.failPlan(ctx, r, job.Result{Outcome: job.Failed, Cause: outcome.CauseOf(err), Message: err.Error(),
			Next: fault.Next(err)})
		return
	}
	ph.Heed(ctx, r.ID, job.PlanPhase)
	ph.FollowPlan(ctx, r, ended)
}

// Heed passes on to a runner what a person decided while it was being started
// and there was nothing to interrupt yet.
func (ph *Worker) Heed(ctx context.Context, id string, p job.Phase) {
	d, _, err := ph.Txn.Load(ctx, id)
	if err == nil && (d.Run.Status.Terminal() || d.Run.Canceling != "") {
		err = ph.Runner.Interrupt(ph.Txn.Files.Run(id).Phase(p), false)
	}
	if err != nil && ctx.Err() == nil && !fault.Is(err, fault.NotFound) {
		ph.Log.Warn("a runner cannot be told to stop", "run", id, "error", err)
	}
}

// errReconfigured says that the configuration changed between a claim and the
// start of its runner, which must work with what was claimed.
var errReconfigured = errors.New("the workspace's inputs changed in the configuration just now")

func (ph *Worker) startPlan(ctx context.Context, r run.Run) error {
	s := ph.Txn.Settings.Get()
	def, err := s.Workspace(r.Workspace)
	if err != nil {
		return err
	}
	if r.Kind == run.Drift {
		if def, err = ph.Jobs.AsApplied(def, r.Fingerprint); err != nil {
			return err
		}
	}
	if def.Fingerprint != r.Fingerprint {
		return errReconfigured
	}
	if err := ph.checkState(ctx, r); err != nil {
		return err
	}
	f := ph.Txn.Files.Run(r.ID)
	if err := errors.Join(f.Begin(), ph.Txn.Files.Workspace(def.Name).Make(),
		os.MkdirAll(ph.Txn.Files.Cache(), 0o700)); err != nil {
		return err
	}
	tree, err := ph.tree(ctx, r, def)
	if err != nil {
		return err
	}
	if err := ph.prepare(ctx, r, def, tree); err != nil {
		return err
	}
	secrets, err := ph.Jobs.Secrets(r, def)
	if err != nil {
		return err
	}
	if err := ph.Jobs.Left(r, &secrets); err != nil {
		return err
	}
	j := ph.Jobs.Make(r, def, job.PlanPhase, tree)
	for _, l := range tree.Exported.LeftOut() {
		j.LeftOut = append(j.LeftOut, job.LeftOut(l))
	}
	if r.Kind == run.Move {
		if err := ph.Jobs.PrepareMove(ctx, r, def, &j, &secrets); err != nil {
			return err
		}
	}
	err = ph.guarded(func() error { return ph.Runner.Start(ctx, f.Phase(job.PlanPhase), j, secrets) })
	if err != nil && !notStarted(err) {
		return &unknownStart{err}
	}
	return err
}

// prepare notes what a plan is made of, and keeps it with the run.
func (ph *Worker) prepare(ctx context.Context, r run.Run, def fleet.Definition, tree checkout.Checkout) error {
	if err := ph.noteMissing(ctx, r, def, ph.Txn.Settings.Get().Repositories[def.Repository],
		tree.Exported); err != nil {
		return err
	}
	if err := ph.noteTag(ctx, r, def); err != nil {
		return err
	}
	if r.Codify != "" {
		if err := ph.Patches.Apply(ctx, r, def, tree); err != nil {
			return err
		}
	}
	if err := ph.useInputs(ctx, r, def); err != nil {
		return err
	}
	if err := ph.Jobs.KeepSnapshot(r, def); err != nil {
		return err
	}
	return ph.keepRun(r, nil)
}

// unknownStart says that a runner may have been started.
type unknownStart struct{ error }

func (e *unknownStart) Unwrap() error { return e.error }

// tree is the checkout of a run's commit, as it was written or made anew.
func (ph *Worker) tree(ctx context.Context, r run.Run, def fleet.Definition) (checkout.Checkout, error) {
	repo, ok := ph.Txn.Settings.Get().Repositories[def.Repository]
	if !ok {
		return checkout.Checkout{}, fault.New(fault.NotFound, "tfops validate", "there is no repository %q",
			def.Repository)
	}
	if err := ph.Jobs.Sources.Need(ctx, repo, r.Commit.SHA); err != nil {
		return checkout.Checkout{}, err
	}
	return ph.Jobs.Checkouts.Ensure(ctx, repo.Named(repo.Name), repo, r.Commit.SHA)
}

// useInputs makes the run's inputs, and records of what.
func (ph *Worker) useInputs(ctx context.Context, r run.Run, def fleet.Definition) error {
	used, err := ph.Jobs.ResolveInputs(r, def)
	if err != nil || used == nil {
		return err
	}
	_, err = ph.Txn.Change(ctx, r.ID, func(d *run.Tx) error {
		d.Run.Inputs = used
		if d.Run.Kind == run.Sync {
			d.Record.Inputs = map[string]string{}
			for ref, u := range used {
				d.Record.Inputs[ref] = u.Digest
			}
		}
		return nil
	})
	return err
}

// FollowPlan waits for a planning runner, started by this engine or by an
// earlier one, and stores what came of it.
func (ph *Worker) FollowPlan(ctx context.Context, r run.Run, ended func()) {
	dir := ph.Txn.Files.Run(r.ID).Phase(job.PlanPhase)
	res, err := ph.Runner.Wait(ctx, dir)
	if ctx.Err() != nil {
		ph.stopPlan(r, dir)
		return
	}
	ended()
	if v, gone := vanished(err); gone && v.Absent {
		ph.planAgain(ctx, r, "tfops serve ended before it started a runner", 0)
		return
	} else if gone || err == nil && res.Outcome == job.KilledOutcome {
		ph.planAgain(ctx, r, "its runner ended without a result", 1)
		return
	}
	if err == nil && res.NotBegun {
		ph.postpone(ctx, r, notBegunBy(res))
		return
	}
	if err == nil && res.Outcome == job.InterruptedOutcome {
		ph.planAgain(ctx, r, "tfops serve stopped", 0)
		return
	}
	if err == nil && !res.StartedAt.IsZero() && res.StartedAt.Before(r.StartedAt) {
		// The run was claimed once more, and the daemon died before it could
		// remove what the plan before had left.
		// counted: a clock that jumps must not make it go on for ever
		ph.planAgain(ctx, r, "tfops serve ended before it started a runner", 1)
		return
	}
	if err != nil {
		res = job.Result{Outcome: job.Failed, Cause: outcome.CauseOf(err), Message: err.Error(), Next: fault.Next(err)}
	}
	if r.Kind == run.Move {
		ph.storeMove(ctx, r, res)
		return
	}
	if res.Outcome != job.Succeeded {
		ph.failPlan(ctx, r, res)
		return
	}
	ph.storePlan(ctx, r, res)
}

// stopPlan ends a planning runner because the daemon stops; the run is planned
// again by the next one. What does not end in time is found by the next one
// as well, still running or with its result.
func (ph *Worker) stopPlan(r run.Run, dir string) {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownGrace)
	defer cancel()
	if err := ph.Runner.Interrupt(dir, false); err != nil && !fault.Is(err, fault.NotFound) {
		ph.Log.Warn("a plan cannot be stopped and goes on", "run", r.ID, "error", err)
		return
	}
	if _, err := ph.Runner.Wait(ctx, dir); ctx.Err() != nil {
		ph.Log.Warn("a plan did not stop in time and goes on", "run", r.ID, "error", err)
		return
	}
	ph.planAgain(ctx, r, "tfops serve stopped", 0)
}

// planAgain puts a run whose plan came to nothing back into the queue; see outcome.Rules.Restart.
func (ph *Worker) planAgain(ctx context.Context, r run.Run, why string, lost int) {
	ph.Txn.Insist(ctx, r.ID, func(d *run.Tx) error { return outcome.By(ph.Txn.Settings).Restart(d, why, lost) })
}

func (ph *Worker) failPlan(ctx context.Context, r run.Run, res job.Result) {
	ph.Txn.Insist(ctx, r.ID, func(d *run.Tx) error { return outcome.By(ph.Txn.Settings).PlanFailed(d, res) })
}

// storePlan decides, in one transition, what a plan leads to.
func (ph *Worker) storePlan(ctx context.Context, r run.Run, res job.Result) {
	outputs, remember := ph.Jobs.TakeOutputs(r, job.PlanPhase)
	keep := &keeper{ph: ph, run: r, outputs: outputs, applied: r.Kind.Applies() && r.Kind != run.Refresh &&
		!res.Plan.HasChanges()}
	if keep.applied {
		keep.left = job.PlanPhase
	}
	p := outcome.Planned{Result: res, State: ph.met(r, res), Remember: remember, NameApplied: keep.nameApplied,
		Left: keep.leftOf}
	if def, known := ph.Txn.Settings.Get().Lived(r.Workspace); known && r.Kind == run.Drift {
		var err error
		if p.Seen, err = ph.sight(ctx, r, def, res.Plan); err != nil {
			if ctx.Err() != nil {
				return // the runner's result is still there: the next daemon finds it
			}
			ph.failPlan(ctx, r, job.Result{Outcome: job.Failed, Cause: outcome.CauseOf(err),
				Message: "what the check found cannot be told apart: " + err.Error(), Next: fault.Next(err)})
			return
		}
	}
	if p.Authors = ph.authors(ctx, r); ctx.Err() != nil {
		return // the runner's result is still there: the next daemon finds it
	}
	ph.decideKeeping(ctx, keep, func(d *run.Tx) error { return outcome.By(ph.Txn.Settings).Planned(d, p) })
}

// storeMove stores what became of a move. The state may have been copied
// although the plan on it failed.
func (ph *Worker) storeMove(ctx context.Context, r run.Run, res job.Result) {
	met := ph.met(r, res)
	ph.Txn.Insist(ctx, r.ID, func(d *run.Tx) error { return outcome.By(ph.Txn.Settings).Copied(d, res, met) })
}

// Follow waits for a run's runner by fn and then gives back what the run does
// not need any more.
func (ph *Worker) Follow(ctx context.Context, r run.Run, fn func(context.Context, run.Run)) {
	ph.Txn.Use.Begin(r.ID)
	fn(ctx, r)
	if ph.Txn.Use.End(r.ID) {
		ph.Txn.Changed.Send() // the trees of ended runs can be swept now
	}
	if ctx.Err() != nil {
		return
	}
	if d, _, err := ph.Txn.Load(ctx, r.ID); err == nil {
		ph.Txn.CleanUp(d.Run)
	}
}

// vanished reports whether err says that a runner is gone without a result.
func vanished(err error) (*runner.Vanished, bool) {
	var v *runner.Vanished
	ok := errors.As(err, &v)
	return v, ok
}
