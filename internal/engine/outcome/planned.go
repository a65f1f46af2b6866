package outcome

import (
	"time"

	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/authorship"
	"github.com/tfops/tfops/internal/engine/decide"
	"github.com/tfops/tfops/internal/engine/txn"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// MaxRestarts bounds how often a plan is begun again because its runner vanished.
const MaxRestarts = 3

// Restart puts a run whose plan came to nothing back into the queue. lost is how many
// runners vanished over it, which must not go on for ever.
func (o Rules) Restart(d *run.Tx, why string, lost int) error {
	if d.Run.Status != run.Planning {
		return txn.ErrEnded
	}
	if d.Run.Restarts += lost; d.Run.Restarts > MaxRestarts {
		return o.noPlan(d, "planning was begun four times and its runner vanished each time",
			"look at the machine's memory and at the run's runner.log, then: "+decide.RetryCommand(d.Run))
	}
	return d.Move(run.Pending, "", why)
}

// noPlan ends a run of which no plan came.
func (o Rules) noPlan(d *run.Tx, why, next string) error {
	d.Run.Failure = &run.Failure{Message: why, Next: next}
	if err := o.NotChecked(d, "the check failed: "+why); err != nil {
		return err
	}
	return d.Move(run.Errored, "", why)
}

// Retries are the waits before a failed plan is tried again.
var Retries = []time.Duration{30 * time.Second, 2 * time.Minute, 10 * time.Minute}

// PlanFailed ends a run whose plan failed, and has it tried again where that may help.
func (o Rules) PlanFailed(d *run.Tx, res job.Result) error {
	if d.Run.Status != run.Planning {
		return txn.ErrEnded
	}
	warn(&d.Run, res)
	d.Run.Failure = Failure(d.Run, res)
	notePhase(d, res)
	if err := d.Move(run.Errored, "", d.Run.Failure.Message); err != nil {
		return err
	}
	if !res.Cause.Transient() || d.Run.Kind == run.Plan || d.Run.Kind == run.Move || d.Run.Attempt > len(Retries) {
		return o.NotChecked(d, "the check failed: "+d.Run.Failure.Message)
	}
	next := d.Follow(d.Run.Kind, run.ByRetry, d.Run.Trigger.Actor)
	next.NotBefore, next.Delayed = d.Now.Add(Retries[d.Run.Attempt-1]), d.Run.Failure.Message
	next.Fingerprint = d.Run.Fingerprint
	if d.Run.Kind == run.Drift { // nobody is told before the last try
		d.Record.Drift.Status, d.Record.Drift.Why = workspace.DriftUnknown, "the check failed and is made again: "+
			d.Run.Failure.Message
	}
	return nil
}

// Planned is a plan that was made.
type Planned struct {
	Result      job.Result
	State       StateFound
	Seen        Observation             // of a drift check
	Remember    func(*run.Tx)           // the outputs that it found
	NameApplied func(*workspace.Record) // that what it was planned with is what is applied
	Left        func() string           // the run, where its file of the state as it found it is there
	Authors     *authorship.Authors     // of what may be applied
}

// Planned decides what a plan leads to.
func (o Rules) Planned(d *run.Tx, p Planned) error {
	if d.Run.Status != run.Planning {
		return txn.ErrEnded
	}
	def, known := o.Lived(d.Run.Workspace)
	if done, err := o.overtaken(d, p, def, known); done || err != nil {
		return err
	}
	res, met := p.Result, p.State
	otherState := StandsOn(d.Record, def.Place(), o.Left, met)
	if k := d.Run.Kind; otherState == nil && (k == run.Sync || k.OfApplied()) {
		Learned(d, met)
	}
	d.Run.State = met.Identity
	// A plan may be of another branch, with another backend; a check and a refresh are
	// of what was applied, and not of what is wanted.
	if k := d.Run.Kind; k == run.Sync || k == run.Destroy || k != run.Plan && d.Record.State == "" {
		d.Record.State, d.Record.StatePlace = met.Identity, met.Place
	}
	d.Run.Plan, d.Run.PlannedAt, d.Run.Authors = Summary(d.Run.Kind, res), d.Now, p.Authors
	d.Run.Plan.Spoke(res.Hosts, d.Record)
	notePhase(d, res)
	warn(&d.Run, res)
	d.Run.Warn(changedByHand(d.Record, met))
	if s := d.Record.AppliedState; s != nil && d.Run.Kind.Applies() && res.Plan.HasChanges() {
		d.Run.HoldBack(s.Behind)
	}
	why := startsEmpty(d, res, met)
	d.Run.HoldBack(why)
	d.Run.ImportFirst = why != ""
	if done, err := o.otherState(d, otherState); done || err != nil {
		return err
	}
	p.Remember(d)
	switch d.Run.Kind {
	case run.Drift:
		return o.driftFound(d, def, p.Seen)
	case run.Plan:
		return d.Move(run.PlannedAndFinished, "", res.Plan.Counts.String())
	}
	return o.toApproval(d, def, p)
}

// overtaken ends a run, or has it planned again, whose plan is of what is no more. done
// reports that.
func (o Rules) overtaken(d *run.Tx, p Planned, def fleet.Definition, known bool) (done bool, err error) {
	meanwhile := !d.Record.ApplyStartedAt.Equal(d.Run.AppliesSeen)
	switch {
	case !known:
		return true, o.Outdated(d, decide.Unconfigured, "")
	case d.Run.Kind == run.Drift && p.Seen.Plan == nil: // what it saw was not looked at
		return true, o.Outdated(d, "the workspace was not in the configuration when the check ended", def.Fingerprint)
	case meanwhile && d.Run.Restarts < MaxRestarts:
		d.Run.Restarts++
		return true, d.Move(run.Pending, "", "an apply began meanwhile, so the plan is made again")
	case meanwhile && d.Run.Kind == run.Drift: // half an apply would look like drift
		why := "the check was made four times, and each time an apply of the workspace began meanwhile"
		d.Run.Failure = &run.Failure{Message: why, Next: decide.RetryCommand(d.Run)}
		if err := o.NotChecked(d, why); err != nil {
			return true, err
		}
		return true, d.Move(run.Errored, "", why)
	}
	return false, nil
}

// toApproval decides what a plan that may be applied waits for.
func (o Rules) toApproval(d *run.Tx, def fleet.Definition, planned Planned) error {
	p := planned.Result.Plan
	if p.Errored {
		d.Run.Failure = &run.Failure{Message: "the engine could not plan everything", Next: "tfops logs " + d.Run.ID}
		return d.Move(run.Errored, "", d.Run.Failure.Message)
	}
	if d.Run.Kind == run.Refresh {
		if done, err := acceptance(d, p); done {
			return err
		}
	} else if !p.HasChanges() && !leavesBehind(d, p) && decide.CaseOf(&def, o.People, &d.Run, nil).Unsigned == "" {
		if err := o.inSync(d, p, false); err != nil {
			return err
		}
		foundIn(d, def, planned.State)
		planned.NameApplied(&d.Record)
		d.Record.LeftOf, d.Record.LeftHalf = planned.Left(), ""
		return d.Move(run.PlannedAndFinished, "", "no changes")
	}
	if why, err := o.overreach(d, def, p); err != nil || why != "" {
		if err != nil {
			return err
		}
		return d.Move(run.PlannedAndFinished, "", why)
	}
	if def.Apply == workspace.Never {
		return d.Move(run.PlannedAndFinished, "", `not applied: the workspace has apply = "never"`)
	}
	c := decide.CaseOf(&def, o.People, &d.Run, d.Votes)
	d.Run.ExpiresAt = approvals.Expiry(c, d.Now)
	if decision := approvals.Decide(c); !decision.Approved {
		return d.Move(run.AwaitingApproval, "", decision.Missing())
	}
	return d.Move(run.ApplyQueued, "", "no rule asks for an approval")
}

// Copied ends a run that moved a state. It may have been copied although the plan on it
// failed.
func (o Rules) Copied(d *run.Tx, res job.Result, met StateFound) error {
	if d.Run.Status != run.Planning {
		return txn.ErrEnded
	}
	def, _ := o.Find(d.Run.Workspace)
	if res.Outcome == job.Succeeded && res.Plan != nil {
		d.Run.Plan, d.Run.PlannedAt = Summary(d.Run.Kind, res), d.Now
	}
	if m := res.Moved; m != nil {
		moved(d, def, met, *m)
		follow := d.Follow(run.Sync, run.ByMove, d.Run.Trigger.Actor)
		follow.Fingerprint = def.Fingerprint
	}
	if res.Outcome == job.Succeeded && res.Moved != nil {
		shutIn(&d.Run, res)
		return d.Move(run.PlannedAndFinished, "", d.Run.Moving.String()+"; the plan on it: "+res.Plan.Counts.String())
	}
	notePhase(d, res)
	d.Run.Failure = Failure(d.Run, res)
	if res.Moved == nil && res.Outcome == job.Succeeded { // a runner that knows of no moves
		d.Run.Failure = &run.Failure{Message: "nothing was moved: the runner is of another version",
			Next: "restart tfops serve, then: " + decide.RetryCommand(d.Run)}
	}
	return d.Move(run.Errored, "", d.Run.Failure.Message)
}
