// Package outcome decides what a phase that has ended comes to: for its run, for what is
// remembered of the workspace, and for the findings. It is pure, and called in
// transactions.
package outcome

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/tfops/tfops/internal/engine/decide"
	"github.com/tfops/tfops/internal/engine/settings"
	"github.com/tfops/tfops/internal/engine/txn"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/locks"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// Rules decides what becomes of a run, of its workspace's record and of its findings,
// by some settings. It is pure: its methods are called in transactions.
type Rules struct {
	*settings.Settings
}

// By are the rules by the settings of now.
func By(c *settings.Current) Rules { return Rules{c.Get()} }

// Begin is the move that starts a phase.
func Begin(st decide.Action, fingerprint string) func(*run.Tx) error {
	return func(d *run.Tx) error {
		d.Record.StartedAt = d.Now
		if st != decide.StartApply {
			d.Run.Fingerprint, d.Run.AppliesSeen = fingerprint, d.Record.ApplyStartedAt
			d.Run.Warnings, d.Run.Confirm = nil, nil // they are about the plan that is made now
			if d.Run.Kind.Applies() && d.Run.Kind != run.Refresh {
				d.Record.Fingerprint = fingerprint
			}
			if d.Run.Kind == run.Move {
				if err := d.TakeBoth(movingReason(d.Run)); err != nil {
					return err
				}
			}
			return d.Move(run.Planning, "", "")
		}
		if err := d.Take("applying"); err != nil {
			return err
		}
		d.Record.ApplyStartedAt = d.Now
		d.Run.Unconfirmed, d.Run.Delayed, d.Run.NotBefore = "", "", time.Time{}
		return d.Move(run.Applying, "", "")
	}
}

func Expired(d *run.Tx, def *fleet.Definition) error {
	text := "nobody approved in time"
	if d.Run.Status == run.ApplyQueued {
		text = "the plan grew too old while it waited to be applied"
		if len(d.Votes) == 0 && d.Run.Kind == run.Sync { // nobody has to ask for it anew
			return Stale(d, text, def.Fingerprint)
		}
	}
	d.Run.Reason = run.Expired
	return d.Move(run.Discarded, "", text+"; a fresh plan: "+decide.RetryCommand(d.Run))
}

// Outdated discards a run of a workspace whose inputs or place changed in the
// configuration, or which is not configured any more. What is wanted of the
// workspace now, and at which commit, the next look at its branch finds out.
func (o Rules) Outdated(d *run.Tx, why, fingerprint string) error {
	if d.Run.Kind != run.Sync {
		if err := o.NotChecked(d, why); err != nil {
			return err
		}
		return Stale(d, why, fingerprint)
	}
	d.Record.Desired = ""
	return Stale(d, why, "")
}

// Stale discards the run, and plans anew where that makes sense.
func Stale(d *run.Tx, why, fingerprint string) error {
	if err := d.GoStale(why); err != nil {
		return err
	}
	Again(d, run.ByStale, d.Run.Trigger.Actor, fingerprint)
	return nil
}

// Again enqueues a fresh run in the place of one that has ended: for a
// workspace that is still configured (it has a fingerprint) and at a commit
// that is still the desired one. A newer commit has a run of its own, which
// this one must not supersede.
func Again(d *run.Tx, cause run.Cause, actor, fingerprint string) {
	wanted := d.Record.Desired
	if d.Run.Kind.OfApplied() {
		wanted = d.Record.Applied
	}
	if d.Run.Kind == run.Refresh && fingerprint != d.Record.AppliedFingerprint {
		return // it would be planned with inputs that are not applied
	}
	if d.Run.Trigger.Cause == run.ByRemoval && d.Record.Orphan == nil {
		return // what it was made of is there again
	}
	if fingerprint != "" && d.Run.Kind.Applies() && wanted == d.Run.Commit.SHA {
		d.Follow(d.Run.Kind, cause, actor).Fingerprint = fingerprint
	}
}

// HeldBack ends a run for which a workspace that goes first was not applied.
// It is made again once that one is.
func HeldBack(d *run.Tx, upstream []string, why string) error {
	d.Run.Reason, d.Run.Comment = run.Upstream, why
	if d.Run.Kind == run.Sync && len(upstream) > 0 {
		d.Record.HeldBack = upstream[0]
	}
	return d.Move(run.Discarded, "", why)
}

// Applied is an apply that has ended.
type Applied struct {
	Result      job.Result
	Plan        *plan.Plan // that was carried out; nil where it cannot be read
	Remember    func(*run.Tx)
	NameApplied func(*workspace.Record)
	Left        func() string // the run, where its file of the state as it left it is there
}

// Applied decides what an apply that has ended comes to.
func (o Rules) Applied(d *run.Tx, a Applied) error {
	if d.Run.Status != run.Applying {
		return txn.ErrEnded
	}
	a.Remember(d)
	res := a.Result
	knowHosts(d, res)
	if def, known := o.Lived(d.Run.Workspace); known {
		WroteState(d, def, res, a.Plan)
	}
	left(d, res, a.Left())
	notePhase(d, res)
	switch {
	case res.ErroredState != "":
		d.Run.ErroredState = res.ErroredState
		notSaved(d)
		return Unknown(d, "the engine applied changes and could not save the state; what it would have saved is "+
			"kept, encrypted, in "+res.ErroredState,
			"tfops decrypt "+res.ErroredState+" > errored.tfstate, then `terraform state push errored.tfstate` in "+
				"the workspace's directory, then: tfops resolve "+d.Run.ID+" -m WHAT_WAS_DONE")
	case res.StateLost:
		notSaved(d)
		return Unknown(d, res.Message, "")
	case res.Outcome == job.KilledOutcome && res.Cause == job.CauseLimit:
		return Unknown(d, "the engine was killed in the middle of the apply: "+res.Message, "")
	case res.Outcome == job.KilledOutcome:
		return Unknown(d, "the engine was killed in the middle of the apply", "")
	case res.Outcome == job.Succeeded:
		return o.succeeded(d, a)
	}
	return notApplied(d, res)
}

// left names the run whose file tells what is in the state now. While runs that ended halfway have left something
// there, what the last good one left stays.
func left(d *run.Tx, res job.Result, by string) {
	rec := &d.Record
	switch {
	case res.Outcome == job.Failed && res.Cause == job.CauseStale: // nothing was written
	case res.Outcome != job.Succeeded, d.Run.Kind == run.Refresh && rec.HalfDone != "":
		rec.LeftHalf = by
	case d.Run.Kind == run.Destroy:
		rec.LeftOf, rec.LeftHalf = "", ""
	default:
		rec.LeftOf, rec.LeftHalf = by, ""
	}
}

// succeeded ends an apply that is done.
func (o Rules) succeeded(d *run.Tx, a Applied) error {
	d.Release()
	if d.Run.Kind == run.Refresh {
		refreshed(d)
		return d.Move(run.Applied, "", "")
	}
	if err := o.inSync(d, a.Plan, true); err != nil {
		return err
	}
	a.NameApplied(&d.Record)
	return d.Move(run.Applied, "", "")
}

// notApplied ends an apply that failed, and may have done a part of its plan.
func notApplied(d *run.Tx, res job.Result) error {
	d.Release()
	d.Run.Failure = Failure(d.Run, res)
	if err := d.Move(run.Errored, d.Run.Canceling, d.Run.Failure.Message); err != nil {
		return err
	}
	if res.Cause == job.CauseStale {
		Again(d, run.ByStale, d.Run.Trigger.Actor, d.Run.Fingerprint)
		if d.Run.Trigger.Cause == run.ByStale { // twice in a row: what it stands on may change each time
			for i := range d.Follows {
				d.Follows[i].NotBefore, d.Follows[i].Delayed = d.Now.Add(Retries[0]), d.Run.Failure.Message
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

// shutIn notes how well the engine of a phase was shut in, if that is the weakest of the run's phases.
func shutIn(r *run.Run, res job.Result) {
	if r.Sandbox == "" || r.Sandbox.AtLeast(res.Sandbox) {
		r.Sandbox = res.Sandbox
	}
}

func ProcessNames(all []job.Process) string {
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
		known.Behind = fmt.Sprintf("its state could not be saved by run %s: what that run made is not in it, unless "+
			"somebody has pushed the state that was kept (tfops show %s)", d.Run.ID, d.Run.ID)
		d.Record.AppliedState = &known
	}
}

// Unknown keeps the state's lock until a person has looked.
func Unknown(d *run.Tx, text, next string) error {
	if d.Run.Status != run.Applying {
		return txn.ErrEnded
	}
	if next == "" {
		next = "look at the log (tfops logs " + d.Run.ID + ") and at the real world, then: tfops resolve " + d.Run.ID +
			" -m WHAT_WAS_FOUND"
	}
	d.Run.Failure = &run.Failure{Message: text, Next: next}
	d.Run.Canceling = ""
	halfApplied(d)
	return d.Move(run.Interrupted, "", text)
}

// Failure is what a run's record says of a phase that did not succeed.
func Failure(r run.Run, res job.Result) *run.Failure {
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
		return "tfops logs " + r.ID + " tells how far it came; push a fix, or see what is left to do: tfops sync " +
			r.Workspace
	case r.Kind == run.Sync:
		return "push a fix, or try again: tfops sync " + r.Workspace
	}
	return "push a fix, or try again: " + decide.RetryCommand(r)
}

// CauseOf classifies an error on our own side of the runner.
func CauseOf(err error) job.Cause {
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

func Identity(b job.BackendConfig, terraformWorkspace string) string {
	return locks.Identity(b.Type, b.Config, terraformWorkspace)
}

func Summary(k run.Kind, res job.Result) *run.PlanSummary {
	p := res.Plan
	s := &run.PlanSummary{Digest: p.Digest, Counts: p.Counts, Types: p.Types(), Addresses: p.Addresses(),
		Drifted: len(p.Drift), Changes: p.HasChanges(), Complete: p.Complete, Engine: res.EngineName + " " +
			res.EngineVersion}
	if k == run.Refresh {
		s.Types, s.Addresses, s.Changes = p.AcceptedTypes(), p.Accepted(), p.Accepts()
	}
	return s
}
