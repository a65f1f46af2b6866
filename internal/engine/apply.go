package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/tfops/tfops/internal/engine/decide"
	"github.com/tfops/tfops/internal/engine/txn"

	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/artifacts"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/locks"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/runner"
)

// savedPlan reads and decrypts the plan of a run, and refuses any but the one
// that was recorded when it was planned: what people approved.
func (e *Engine) savedPlan(r run.Run) ([]byte, error) {
	if r.Plan == nil {
		return nil, fmt.Errorf("run %s has no plan", r.ID)
	}
	b, err := e.Vault.Open(e.txn.Files.Run(r.ID).Path(artifacts.Plan))
	if err != nil {
		return nil, fmt.Errorf("the saved plan cannot be read: %w", err)
	}
	ground, err := e.txn.Files.Run(r.ID).Read(artifacts.Stands)
	if err != nil {
		return nil, fmt.Errorf("it is not known what the saved plan stands on: %w", err)
	}
	if got := job.ApprovedDigest(b, ground); got != r.Plan.Digest {
		return nil, fmt.Errorf("the saved plan is not the one that was made: its digest is %s, not %s", approvals.Short(got), approvals.Short(r.Plan.Digest))
	}
	return b, nil
}

// apply carries out the saved plan in a runner. The run holds its state's lock.
func (e *Engine) apply(ctx context.Context, r run.Run, ended func()) {
	defer ended()
	j, secrets, err := e.prepareApply(ctx, r)
	if err != nil {
		e.notBegun(ctx, r, err)
		return
	}
	// Once begun it must not be left half started because the daemon stops.
	err = e.guarded(func() error {
		return e.Runner.Start(context.WithoutCancel(ctx), e.txn.Files.Run(r.ID).Phase(job.ApplyPhase), j, secrets)
	})
	if notStarted(err) {
		e.notBegun(ctx, r, err)
		return
	}
	if err != nil {
		e.Log.Error("it is not known whether an apply was started; what is at work is followed", "run", r.ID, "error", err)
	}
	e.heed(ctx, r.ID, job.ApplyPhase)
	e.followApply(ctx, r, ended)
}

// prepareApply gathers all that the runner of an apply needs. Nothing has run when it fails.
func (e *Engine) prepareApply(ctx context.Context, r run.Run) (job job.Job, secrets job.Secrets, err error) {
	err = e.guarded(func() error {
		job, secrets, err = e.applyJob(ctx, r)
		return err
	})
	return job, secrets, err
}

func (e *Engine) applyJob(ctx context.Context, r run.Run) (job.Job, job.Secrets, error) {
	var none job.Job
	def, err := e.txn.Settings.Get().Workspace(r.Workspace)
	if err != nil {
		return none, job.Secrets{}, fmt.Errorf("%w: %w", errOutdated, err)
	}
	if def.Fingerprint != r.Fingerprint {
		return none, job.Secrets{}, errReconfigured
	}
	saved, err := e.savedPlan(r)
	if err != nil {
		return none, job.Secrets{}, fmt.Errorf("%w: %w", errOutdated, err)
	}
	secrets, err := e.secrets(r, def)
	if err != nil {
		return none, job.Secrets{}, err
	}
	secrets.Modules = job.Modules{} // nothing is fetched for an apply
	secrets.Plan = saved
	tree, err := e.tree(ctx, r, def)
	if err != nil {
		return none, job.Secrets{}, err
	}
	if err := e.Intact(); err != nil {
		return none, job.Secrets{}, err
	}
	if d, _, err := e.txn.Load(ctx, r.ID); err == nil { // without the store it is what a recovery has
		if err := e.keepRun(d.Run, d.Votes); err != nil {
			return none, job.Secrets{}, err
		}
	}
	return e.job(r, def, job.ApplyPhase, tree), secrets, nil
}

// followApply waits for an applying runner, started by this engine or by an
// earlier one, and stores what came of it. When the daemon stops, the runner
// goes on and the next daemon follows it.
func (e *Engine) followApply(ctx context.Context, r run.Run, ended func()) {
	f := e.txn.Files.Run(r.ID)
	res, err := e.Runner.Wait(ctx, f.Phase(job.ApplyPhase))
	if ctx.Err() != nil {
		return
	}
	ended()
	if v, gone := vanished(err); gone {
		e.interrupted(ctx, r, v)
		return
	}
	if err != nil {
		e.txn.Insist(ctx, r.ID, func(d *run.Tx) error { return unknownOutcome(d, err.Error(), "") })
		return
	}
	if res.NotBegun {
		e.notBegun(ctx, r, notBegunBy(res))
		return
	}
	outputs, remember := e.takeOutputs(r, job.ApplyPhase)
	keep := &keeper{e: e, run: r, outputs: outputs, applied: res.Outcome == job.Succeeded && r.Kind != run.Refresh}
	made, err := f.ReadPlan() // for what it could not see
	if err != nil {
		e.Log.Warn("the plan that was applied cannot be read", "run", r.ID, "error", err)
	}
	e.decideKeeping(ctx, keep, func(d *run.Tx) error {
		if d.Run.Status != run.Applying {
			return txn.ErrEnded
		}
		remember(d)
		if def, known := e.txn.Settings.Get().Lived(d.Run.Workspace); known {
			wroteState(d, def, res, made)
		}
		noteLock(d, res)
		switch {
		case res.ErroredState != "":
			d.Run.ErroredState = res.ErroredState
			notSaved(d)
			return unknownOutcome(d, "the engine applied changes and could not save the state; what it would have saved is kept, encrypted, in "+res.ErroredState,
				"tfops decrypt "+res.ErroredState+" > errored.tfstate, then `terraform state push errored.tfstate` in the workspace's directory, then: tfops resolve "+d.Run.ID+" -m WHAT_WAS_DONE")
		case res.StateLost:
			notSaved(d)
			return unknownOutcome(d, res.Message, "")
		case res.Outcome == job.KilledOutcome:
			return unknownOutcome(d, "the engine was killed in the middle of the apply", "")
		case res.Outcome == job.Succeeded:
			return e.succeeded(d, made, keep)
		}
		return notApplied(d, res)
	})
}

// succeeded ends an apply that is done; made is its plan.
func (e *Engine) succeeded(d *run.Tx, made *plan.Plan, keep *keeper) error {
	d.Release()
	if d.Run.Kind == run.Refresh {
		refreshed(d)
		return d.Move(run.Applied, "", "")
	}
	if err := e.inSync(d, made, true); err != nil {
		return err
	}
	keep.nameApplied(&d.Record)
	return d.Move(run.Applied, "", "")
}

// notApplied ends an apply that failed, and may have done a part of its plan.
func notApplied(d *run.Tx, res job.Result) error {
	d.Release()
	d.Run.Failure = failure(d.Run, res)
	if err := d.Move(run.Errored, d.Run.Canceling, d.Run.Failure.Message); err != nil {
		return err
	}
	if res.Cause == job.CauseStale {
		again(d, run.ByStale, d.Run.Trigger.Actor, d.Run.Fingerprint)
		if d.Run.Trigger.Cause == run.ByStale { // twice in a row: what it stands on may change each time
			for i := range d.Follows {
				d.Follows[i].NotBefore, d.Follows[i].Delayed = d.Now.Add(retries[0]), d.Run.Failure.Message
			}
		}
	} else {
		halfApplied(d)
	}
	if len(d.Follows) > 0 {
		d.Run.Failure.Next = "nothing of it was applied, and a fresh plan is queued: tfops status " + d.Run.Workspace
	}
	return nil
}

// interrupted records that a runner vanished in the middle of an apply.
func (e *Engine) interrupted(ctx context.Context, r run.Run, v *runner.Vanished) {
	f := e.txn.Files.Run(r.ID)
	if err := e.Runner.Seal(f.Phase(job.ApplyPhase), e.Vault.Recipient()); err != nil {
		e.Log.Error("what an interrupted apply left cannot be encrypted", "run", r.ID, "error", err)
	} else if err := f.RemovePartial(); err != nil {
		e.Log.Warn("what a killed runner was about to write cannot be removed", "run", r.ID, "error", err)
	}
	text := "the apply's runner vanished before it could tell the outcome"
	switch {
	case v.Gone:
		text = "the directory of the run was removed during its apply: the outcome is not known"
	case !v.Started && len(v.Survivors) == 0:
		text = "the apply's runner vanished before it started the engine: nothing was changed"
	}
	if len(v.Survivors) > 0 {
		text += "; still running: " + processNames(v.Survivors)
	}
	e.txn.Insist(ctx, r.ID, func(d *run.Tx) error { return unknownOutcome(d, text, "") })
}

func processNames(all []job.Process) string {
	var names []string
	for _, p := range all {
		names = append(names, fmt.Sprintf("%s (pid %d)", p.Name, p.PID))
	}
	return strings.Join(names, ", ")
}

// notSaved remembers that the state does not hold what the run has applied: as long as nobody
// has put it there, a plan would make it once more.
func notSaved(d *run.Tx) {
	if s := d.Record.AppliedState; s != nil {
		known := *s
		known.Behind = fmt.Sprintf("its state could not be saved by run %s: what that run made is not in it, unless somebody has pushed the state that was kept (tfops show %s)", d.Run.ID, d.Run.ID)
		d.Record.AppliedState = &known
	}
}

// unknownOutcome keeps the state's lock until a person has looked.
func unknownOutcome(d *run.Tx, text, next string) error {
	if d.Run.Status != run.Applying {
		return txn.ErrEnded
	}
	if next == "" {
		next = "look at the log (tfops logs " + d.Run.ID + ") and at the real world, then: tfops resolve " + d.Run.ID + " -m WHAT_WAS_FOUND"
	}
	d.Run.Failure = &run.Failure{Message: text, Next: next}
	d.Run.Canceling = ""
	halfApplied(d)
	return d.Move(run.Interrupted, "", text)
}

// failure is what a run's record says of a phase that did not succeed.
func failure(r run.Run, res job.Result) *run.Failure {
	f := &run.Failure{Message: res.Message, Next: cmp.Or(res.Next, afterFailure(r))}
	if f.Message == "" {
		f.Message = "the engine ended: " + strings.ReplaceAll(string(res.Outcome), "_", " ")
	}
	var parts []string
	for _, d := range res.Diagnostics {
		if d.Severity == "error" {
			parts = append(parts, d.String())
		}
	}
	f.Detail = strings.Join(parts, "\n\n")
	return f
}

// warn has people read above the plan what the engine warned of while it was made.
func warn(r *run.Run, res job.Result) {
	for _, d := range res.Diagnostics {
		if d.Severity == "warning" {
			r.Warn(strings.TrimPrefix(d.String(), "Warning: "))
		}
	}
}

// afterFailure is what to do after a failure of which the engine alone knows
// the cause.
func afterFailure(r run.Run) string {
	switch {
	case !r.ApplyStartedAt.IsZero() && r.Kind == run.Refresh:
		return "tfops logs " + r.ID + " tells how far it came; see what is left to accept: " + decide.RetryCommand(r)
	case !r.ApplyStartedAt.IsZero():
		return "tfops logs " + r.ID + " tells how far it came; push a fix, or see what is left to do: tfops sync " + r.Workspace
	case r.Kind == run.Sync:
		return "push a fix, or try again: tfops sync " + r.Workspace
	}
	return "push a fix, or try again: " + decide.RetryCommand(r)
}

// causeOf classifies an error on our own side of the runner.
func causeOf(err error) job.Cause {
	lack, lacking := fault.LackOf(err)
	switch {
	case lacking && lack.Own:
		return job.CauseMachine
	case lacking:
		return job.CauseDisk
	case errors.Is(err, fs.ErrNotExist), fault.Is(err, fault.NotFound), fault.Is(err, fault.Invalid):
		return job.CauseBadInput
	case fault.Is(err, fault.Unavailable):
		return job.CauseNetwork
	}
	return job.CauseRunner
}

func identity(b job.BackendConfig, terraformWorkspace string) string {
	return locks.Identity(b.Type, b.Config, terraformWorkspace)
}

func summary(k run.Kind, res job.Result) *run.PlanSummary {
	p := res.Plan
	s := &run.PlanSummary{Digest: p.Digest, Counts: p.Counts, Types: p.Types(), Addresses: p.Addresses(),
		Drifted: len(p.Drift), Changes: p.HasChanges(), Complete: p.Complete, Engine: res.EngineName + " " + res.EngineVersion}
	if k == run.Refresh {
		s.Types, s.Addresses, s.Changes = p.AcceptedTypes(), p.Accepted(), p.Accepts()
	}
	return s
}
