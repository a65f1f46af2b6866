package phases

import (
	"context"
	"fmt"

	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/artifacts"
	"github.com/tfops/tfops/internal/engine/outcome"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/runner"
)

// SavedPlan reads and decrypts the plan of a run, and refuses any but the one
// that was recorded when it was planned: what people approved.
func (ph *Worker) SavedPlan(r run.Run) ([]byte, error) {
	if r.Plan == nil {
		return nil, fmt.Errorf("run %s has no plan", r.ID)
	}
	b, err := ph.Jobs.Vault.Open(ph.Txn.Files.Run(r.ID).Path(artifacts.Plan))
	if err != nil {
		return nil, fmt.Errorf("the saved plan cannot be read: %w", err)
	}
	ground, err := ph.Txn.Files.Run(r.ID).Read(artifacts.Stands)
	if err != nil {
		return nil, fmt.Errorf("it is not known what the saved plan stands on: %w", err)
	}
	if got := job.ApprovedDigest(b, ground); got != r.Plan.Digest {
		return nil, fmt.Errorf("the saved plan is not the one that was made: its digest is %s, not %s",
			approvals.Short(got), approvals.Short(r.Plan.Digest))
	}
	return b, nil
}

// Apply carries out the saved plan in a runner. The run holds its state's lock.
func (ph *Worker) Apply(ctx context.Context, r run.Run, ended func()) {
	defer ended()
	j, secrets, err := ph.prepareApply(ctx, r)
	if err != nil {
		ph.notBegun(ctx, r, err)
		return
	}
	// Once begun it must not be left half started because the daemon stops.
	err = ph.guarded(func() error {
		return ph.Runner.Start(context.WithoutCancel(ctx), ph.Txn.Files.Run(r.ID).Phase(job.ApplyPhase), j, secrets)
	})
	if notStarted(err) {
		ph.notBegun(ctx, r, err)
		return
	}
	if err != nil {
		ph.Log.Error("it is not known whether an apply was started; what is at work is followed", "run", r.ID, "error",
			err)
	}
	ph.Heed(ctx, r.ID, job.ApplyPhase)
	ph.FollowApply(ctx, r, ended)
}

// prepareApply gathers all that the runner of an apply needs. Nothing has run when it fails.
func (ph *Worker) prepareApply(ctx context.Context, r run.Run) (job job.Job, secrets job.Secrets, err error) {
	err = ph.guarded(func() error {
		job, secrets, err = ph.applyJob(ctx, r)
		return err
	})
	return job, secrets, err
}

func (ph *Worker) applyJob(ctx context.Context, r run.Run) (job.Job, job.Secrets, error) {
	var none job.Job
	def, err := ph.Txn.Settings.Get().Workspace(r.Workspace)
	if err != nil {
		return none, job.Secrets{}, fmt.Errorf("%w: %w", errOutdated, err)
	}
	if def.Fingerprint != r.Fingerprint {
		return none, job.Secrets{}, errReconfigured
	}
	saved, err := ph.SavedPlan(r)
	if err != nil {
		return none, job.Secrets{}, fmt.Errorf("%w: %w", errOutdated, err)
	}
	secrets, err := ph.Jobs.Secrets(r, def)
	if err != nil {
		return none, job.Secrets{}, err
	}
	secrets.Modules = job.Modules{} // nothing is fetched for an apply
	secrets.Plan = saved
	tree, err := ph.tree(ctx, r, def)
	if err != nil {
		return none, job.Secrets{}, err
	}
	if err := ph.Intact(); err != nil {
		return none, job.Secrets{}, err
	}
	if d, _, err := ph.Txn.Load(ctx, r.ID); err == nil { // without the store it is what a recovery has
		if err := ph.keepRun(d.Run, d.Votes); err != nil {
			return none, job.Secrets{}, err
		}
	}
	return ph.Jobs.Make(r, def, job.ApplyPhase, tree), secrets, nil
}

// FollowApply waits for an applying runner, started by this engine or by an
// earlier one, and stores what came of it. When the daemon stops, the runner
// goes on and the next daemon follows it.
func (ph *Worker) FollowApply(ctx context.Context, r run.Run, ended func()) {
	f := ph.Txn.Files.Run(r.ID)
	res, err := ph.Runner.Wait(ctx, f.Phase(job.ApplyPhase))
	if ctx.Err() != nil {
		return
	}
	ended()
	if v, gone := vanished(err); gone {
		ph.interrupted(ctx, r, v)
		return
	}
	if err != nil {
		ph.Txn.Insist(ctx, r.ID, func(d *run.Tx) error { return outcome.Unknown(d, err.Error(), "") })
		return
	}
	if res.NotBegun {
		ph.notBegun(ctx, r, notBegunBy(res))
		return
	}
	outputs, remember := ph.Jobs.TakeOutputs(r, job.ApplyPhase)
	keep := &keeper{ph: ph, run: r, outputs: outputs, left: job.ApplyPhase,
		applied: res.Outcome == job.Succeeded && r.Kind != run.Refresh}
	made, err := f.ReadPlan() // for what it could not see
	if err != nil {
		ph.Log.Warn("the plan that was applied cannot be read", "run", r.ID, "error", err)
	}
	a := outcome.Applied{Result: res, Plan: made, Remember: remember, NameApplied: keep.nameApplied,
		Left: keep.leftOf}
	ph.decideKeeping(ctx, keep, func(d *run.Tx) error { return outcome.By(ph.Txn.Settings).Applied(d, a) })
}

// interrupted records that a runner vanished in the middle of an apply.
func (ph *Worker) interrupted(ctx context.Context, r run.Run, v *runner.Vanished) {
	f := ph.Txn.Files.Run(r.ID)
	if err := ph.Runner.Seal(f.Phase(job.ApplyPhase), ph.Jobs.Vault.Recipient()); err != nil {
		ph.Log.Error("what an interrupted apply left cannot be encrypted", "run", r.ID, "error", err)
	} else if err := f.RemovePartial(); err != nil {
		ph.Log.Warn("what a killed runner was about to write cannot be removed", "run", r.ID, "error", err)
	}
	text := "the apply's runner vanished before it could tell the outcome"
	switch {
	case v.Gone:
		text = "the directory of the run was removed during its apply: the outcome is not known"
	case !v.Started && len(v.Survivors) == 0:
		text = "the apply's runner vanished before it started the engine: nothing was changed"
	}
	if len(v.Survivors) > 0 {
		text += "; still running: " + outcome.ProcessNames(v.Survivors)
	}
	ph.Txn.Insist(ctx, r.ID, func(d *run.Tx) error { return outcome.Unknown(d, text, "") })
}
