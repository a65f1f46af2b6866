package engine

import (
	"context"
	"errors"
	"os"

	"github.com/tfops/tfops/internal/engine/outcome"

	"github.com/tfops/tfops/internal/engine/txn"

	"github.com/tfops/tfops/internal/checkout"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/run"
)

// plan exports the commit and plans it in a runner.
func (e *Engine) plan(ctx context.Context, r run.Run, ended func()) {
	defer ended()
	err := e.guarded(func() error { return e.startPlan(ctx, r) })
	var unknown *unknownStart
	switch {
	case errors.Is(err, errHeld), errors.Is(err, txn.ErrEnded):
		return
	case ctx.Err() != nil && err != nil:
		return // the daemon stops; the next one finds a plan without a runner and makes it again
	case errors.Is(err, errReconfigured):
		e.planAgain(ctx, r, err.Error(), 0)
		return
	case errors.As(err, &unknown):
		e.planAgain(ctx, r, "it is not known whether its runner was started: "+err.Error(), 1)
		return
	case err != nil && e.postpone(ctx, r, err):
		return
	case err != nil:
		err = fault.OfMachine(err)
		e.failPlan(ctx, r, job.Result{Outcome: job.Failed, Cause: outcome.CauseOf(err), Message: err.Error(), Next: fault.Next(err)})
		return
	}
	e.heed(ctx, r.ID, job.PlanPhase)
	e.followPlan(ctx, r, ended)
}

// heed passes on to a runner what a person decided while it was being started
// and there was nothing to interrupt yet.
func (e *Engine) heed(ctx context.Context, id string, p job.Phase) {
	d, _, err := e.txn.Load(ctx, id)
	if err == nil && (d.Run.Status.Terminal() || d.Run.Canceling != "") {
		err = e.Runner.Interrupt(e.txn.Files.Run(id).Phase(p), false)
	}
	if err != nil && ctx.Err() == nil && !fault.Is(err, fault.NotFound) {
		e.Log.Warn("a runner cannot be told to stop", "run", id, "error", err)
	}
}

// errReconfigured says that the configuration changed between a claim and the
// start of its runner, which must work with what was claimed.
var errReconfigured = errors.New("the workspace's inputs changed in the configuration just now")

func (e *Engine) startPlan(ctx context.Context, r run.Run) error {
	s := e.txn.Settings.Get()
	def, err := s.Workspace(r.Workspace)
	if err != nil {
		return err
	}
	if r.Kind == run.Drift {
		if def, err = e.jobs.AsApplied(def, r.Fingerprint); err != nil {
			return err
		}
	}
	if def.Fingerprint != r.Fingerprint {
		return errReconfigured
	}
	if err := e.checkState(ctx, r); err != nil {
		return err
	}
	f := e.txn.Files.Run(r.ID)
	if err := errors.Join(f.Begin(), e.txn.Files.Workspace(def.Name).Make(), os.MkdirAll(e.txn.Files.Cache(), 0o700)); err != nil {
		return err
	}
	tree, err := e.tree(ctx, r, def)
	if err != nil {
		return err
	}
	if err := e.noteMissing(ctx, r, def, s.Repositories[def.Repository], tree.Exported); err != nil {
		return err
	}
	if err := e.noteTag(ctx, r, def); err != nil {
		return err
	}
	if r.Codify != "" {
		if err := e.applyPatch(ctx, r, def, tree); err != nil {
			return err
		}
	}
	if err := e.useInputs(ctx, r, def); err != nil {
		return err
	}
	if err := e.jobs.KeepSnapshot(r, def); err != nil {
		return err
	}
	if err := e.keepRun(r, nil); err != nil {
		return err
	}
	secrets, err := e.jobs.Secrets(r, def)
	if err != nil {
		return err
	}
	j := e.jobs.Make(r, def, job.PlanPhase, tree)
	for _, l := range tree.Exported.LeftOut() {
		j.LeftOut = append(j.LeftOut, job.LeftOut(l))
	}
	if r.Kind == run.Move {
		if err := e.jobs.PrepareMove(ctx, r, def, &j, &secrets); err != nil {
			return err
		}
	}
	err = e.guarded(func() error { return e.Runner.Start(ctx, f.Phase(job.PlanPhase), j, secrets) })
	if err != nil && !notStarted(err) {
		return &unknownStart{err}
	}
	return err
}

// unknownStart says that a runner may have been started.
type unknownStart struct{ error }

func (e *unknownStart) Unwrap() error { return e.error }

// tree is the checkout of a run's commit, as it was written or made anew.
func (e *Engine) tree(ctx context.Context, r run.Run, def fleet.Definition) (checkout.Checkout, error) {
	repo, ok := e.txn.Settings.Get().Repositories[def.Repository]
	if !ok {
		return checkout.Checkout{}, fault.New(fault.NotFound, "tfops validate", "there is no repository %q", def.Repository)
	}
	if err := e.sources.Need(ctx, repo, r.Commit.SHA); err != nil {
		return checkout.Checkout{}, err
	}
	return e.checkouts.Ensure(ctx, repo.Named(repo.Name), repo, r.Commit.SHA)
}

// useInputs makes the run's inputs, and records of what.
func (e *Engine) useInputs(ctx context.Context, r run.Run, def fleet.Definition) error {
	used, err := e.jobs.ResolveInputs(r, def)
	if err != nil || used == nil {
		return err
	}
	_, err = e.txn.Change(ctx, r.ID, func(d *run.Tx) error {
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

// followPlan waits for a planning runner, started by this engine or by an
// earlier one, and stores what came of it.
func (e *Engine) followPlan(ctx context.Context, r run.Run, ended func()) {
	dir := e.txn.Files.Run(r.ID).Phase(job.PlanPhase)
	res, err := e.Runner.Wait(ctx, dir)
	if ctx.Err() != nil {
		e.stopPlan(r, dir)
		return
	}
	ended()
	if v, gone := vanished(err); gone && v.Absent {
		e.planAgain(ctx, r, "tfops serve ended before it started a runner", 0)
		return
	} else if gone || err == nil && res.Outcome == job.KilledOutcome {
		e.planAgain(ctx, r, "its runner ended without a result", 1)
		return
	}
	if err == nil && res.NotBegun {
		e.postpone(ctx, r, notBegunBy(res))
		return
	}
	if err == nil && res.Outcome == job.InterruptedOutcome {
		e.planAgain(ctx, r, "tfops serve stopped", 0)
		return
	}
	if err == nil && !res.StartedAt.IsZero() && res.StartedAt.Before(r.StartedAt) {
		// The run was claimed once more, and the daemon died before it could
		// remove what the plan before had left.
		e.planAgain(ctx, r, "tfops serve ended before it started a runner", 1) // counted: a clock that jumps must not make it go on for ever
		return
	}
	if err != nil {
		res = job.Result{Outcome: job.Failed, Cause: outcome.CauseOf(err), Message: err.Error(), Next: fault.Next(err)}
	}
	if r.Kind == run.Move {
		e.storeMove(ctx, r, res)
		return
	}
	if res.Outcome != job.Succeeded {
		e.failPlan(ctx, r, res)
		return
	}
	e.storePlan(ctx, r, res)
}

// stopPlan ends a planning runner because the daemon stops; the run is planned
// again by the next one. What does not end in time is found by the next one
// as well, still running or with its result.
func (e *Engine) stopPlan(r run.Run, dir string) {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownGrace)
	defer cancel()
	if err := e.Runner.Interrupt(dir, false); err != nil && !fault.Is(err, fault.NotFound) {
		e.Log.Warn("a plan cannot be stopped and goes on", "run", r.ID, "error", err)
		return
	}
	if _, err := e.Runner.Wait(ctx, dir); ctx.Err() != nil {
		e.Log.Warn("a plan did not stop in time and goes on", "run", r.ID, "error", err)
		return
	}
	e.planAgain(ctx, r, "tfops serve stopped", 0)
}

// planAgain puts a run whose plan came to nothing back into the queue; see Outcome.Restart.
func (e *Engine) planAgain(ctx context.Context, r run.Run, why string, lost int) {
	e.txn.Insist(ctx, r.ID, func(d *run.Tx) error { return e.rules().Restart(d, why, lost) })
}

func (e *Engine) failPlan(ctx context.Context, r run.Run, res job.Result) {
	e.txn.Insist(ctx, r.ID, func(d *run.Tx) error { return e.rules().PlanFailed(d, res) })
}

// storePlan decides, in one transition, what a plan leads to.
func (e *Engine) storePlan(ctx context.Context, r run.Run, res job.Result) {
	outputs, remember := e.jobs.TakeOutputs(r, job.PlanPhase)
	keep := &keeper{e: e, run: r, outputs: outputs, applied: r.Kind.Applies() && r.Kind != run.Refresh && !res.Plan.HasChanges()}
	p := outcome.Planned{Result: res, State: e.met(r, res), Remember: remember, NameApplied: keep.nameApplied}
	if def, known := e.txn.Settings.Get().Lived(r.Workspace); known && r.Kind == run.Drift {
		var err error
		if p.Seen, err = e.sight(ctx, r, def, res.Plan); err != nil {
			if ctx.Err() != nil {
				return // the runner's result is still there: the next daemon finds it
			}
			e.failPlan(ctx, r, job.Result{Outcome: job.Failed, Cause: outcome.CauseOf(err), Message: "what the check found cannot be told apart: " + err.Error(), Next: fault.Next(err)})
			return
		}
	}
	e.decideKeeping(ctx, keep, func(d *run.Tx) error { return e.rules().Planned(d, p) })
}

// outcome is what decides, by the settings of now.
func (e *Engine) rules() outcome.Rules {
	return outcome.Rules{Settings: e.txn.Settings.Get()}
}
