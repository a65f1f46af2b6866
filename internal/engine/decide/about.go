// Package decide says what can be done with a run now, or else what it waits for: one
// pure function (About) that the loop, the claims and everything that people read ask,
// and Ready, which keeps its answers for all runs of a queue.
package decide

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/engine/settings"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/locks"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// Action is what can be done with a run now.
type Action int

const (
	Nothing    Action = iota // it waits
	StartPlan                // pending -> planning
	StartCheck               // the same, of a drift run, which has places of its own
	StartApply               // apply_queued -> applying
	Allow                    // awaiting_approval -> apply_queued: the rules ask for nothing more
	Discard                  // -> discarded as stale
	Expire                   // -> discarded as expired
	HoldBack                 // -> discarded: a workspace that goes first was not applied
)

// About says what can be done with a run now, or else what it waits for. It
// is pure: the loop, the claims and everything that people read ask it.
func About(q run.Queue, s *settings.Settings, r *run.Run) (Action, Wait) {
	def, known := s.Definition(r.Workspace)
	if w, waits := RenameWait(s.Fleet, r.Workspace); waits && r.Status.Unapplied() && r.Status != run.Planning {
		return Nothing, w
	}
	if !known && r.Status.Unapplied() && r.Status != run.Planning {
		return Discard, Wait{Kind: IsStale, For: Unconfigured}
	}
	if r.Trigger.Cause == run.ByRemoval && r.Status.Unapplied() && r.Status != run.Planning &&
		q.Record(r.Workspace).Orphan == nil {
		return Discard, Wait{Kind: IsBackAgain, For: isBack}
	}
	switch r.Status {
	case run.Pending:
		if st, w := aboutUpstream(q, s, r); w.For != "" {
			return st, w
		}
		return aboutPending(q, def, r)
	case run.Planning, run.Applying:
		return Nothing, atWork(q.Stopped[r.ID], r)
	case run.AwaitingApproval:
		return aboutAwaiting(q, s, def, r)
	case run.ApplyQueued:
		return aboutQueued(q, s, def, r)
	case run.Interrupted:
		if r.ErroredState != "" {
			return Nothing, Wait{Kind: WaitsForInterrupted, Run: r.ID,
				For: "somebody to push the state that it could not save, and then to resolve it (tfops show " +
					r.ID + " tells how)",
				Command: MendCommand(r), Person: true}
		}
		return Nothing, Wait{Kind: WaitsForInterrupted, Run: r.ID,
			For: "somebody to look at what the interrupted apply left", Command: MendCommand(r), Person: true}
	}
	return Nothing, Wait{}
}

// atWork is what is waited for while a runner works.
func atWork(halted []run.Stopped, r *run.Run) Wait {
	switch {
	case len(halted) > 0:
		return haltedWait(halted, r)
	case r.Status == run.Planning:
		return Wait{Kind: WaitsForPhase, For: "the plan, which is being made", Command: "tfops logs " + r.ID + " -f"}
	case r.Canceling != "":
		return Wait{Kind: WaitsForPhase, For: "the engine, which " + r.Canceling + " asked to stop",
			Command: "tfops logs " + r.ID + " -f"}
	}
	return Wait{Kind: WaitsForPhase, For: "the apply, which is running", Command: "tfops logs " + r.ID + " -f"}
}

// Why a run goes that the configuration does not ask for any more. A speculative
// plan is made with the inputs that are configured when it begins.
const (
	Unconfigured     = "the workspace is not in the configuration any more"
	isBack           = "what the workspace was made of is there again"
	reconfiguredWait = "the workspace's inputs changed in the configuration"
)

func aboutPending(q run.Queue, def *fleet.Definition, r *run.Run) (Action, Wait) {
	if r.Kind.Applies() && r.Fingerprint != def.Fingerprint {
		return Discard, Wait{Kind: IsStale, For: reconfiguredWait}
	}
	if r.Kind == run.Drift && r.Fingerprint != q.Record(r.Workspace).AppliedFingerprint {
		return Discard, Wait{Kind: IsStale, For: "other inputs are applied now"}
	}
	if r.NotBefore.After(q.Now) {
		return Nothing, Wait{Kind: WaitsForRetry, For: retryAt(r), Command: sooner(r)}
	}
	if r.Kind.OfApplied() {
		if why := elsewhere(q.Record(r.Workspace), r); why != "" {
			return Discard, Wait{Kind: IsStale, For: why}
		}
	}
	if t := q.Record(r.Workspace).StateTrouble; t != nil && (r.Kind.Applies() || r.Kind == run.Move) {
		return Nothing, Wait{Kind: WaitsForState, For: "somebody to restore the state: " + t.String(),
			Command: t.Command(r.Workspace), Person: true}
	}
	if r.Kind == run.Move {
		return aboutMove(q, r)
	}
	state := q.Record(r.Workspace).State
	for o := range q.Beside(r.Workspace, state) {
		if o.ID == r.ID {
			continue
		}
		same := o.Workspace == r.Workspace
		switch {
		case o.Status == run.Applying:
			return Nothing, waitFor(q, o, "applies")
		case same && r.Kind.Applies() && o.Status == run.Interrupted:
			return Nothing, Wait{Kind: WaitsForInterrupted, Run: o.ID,
				For: fmt.Sprintf("run %s, whose apply was interrupted", o.ID), Command: MendCommand(o), Person: true}
		case same && r.Kind.Applies() && o.Kind == run.Move && o.Status != run.Interrupted:
			return Nothing, waitFor(q, o, "moves the state")
		case same && r.Kind.Applies() && o.Kind.Applies() && o.Status == run.Planning:
			return Nothing, waitFor(q, o, "is planning")
		}
	}
	if r.Kind == run.Drift {
		return StartCheck, worker(q, r, "a free worker for drift checks")
	}
	return StartPlan, worker(q, r, "a free worker")
}

// retryAt says when a run is tried again, and after what.
func retryAt(r *run.Run) string {
	at := "its retry at " + r.NotBefore.UTC().Format("15:04:05 MST")
	if r.Delayed != "" {
		at += " after: " + r.Delayed
	}
	return at
}

// sooner is the command that has a retry made now.
func sooner(r *run.Run) string {
	if r.Kind.Applies() {
		return RetryCommand(*r)
	}
	return "tfops sync " + r.Workspace
}

// elsewhere says why what a run is about is not what is applied; "" when it is.
func elsewhere(rec *workspace.Record, r *run.Run) string {
	switch rec.Applied {
	case r.Commit.SHA:
		return ""
	case "":
		return "nothing of the workspace is applied any more"
	}
	return "commit " + workspace.ShortCommit(rec.Applied) + " is applied now"
}

func aboutAwaiting(q run.Queue, s *settings.Settings, def *fleet.Definition, r *run.Run) (Action, Wait) {
	if !r.ExpiresAt.IsZero() && !q.Now.Before(r.ExpiresAt) {
		return Expire, Wait{}
	}
	if r.Fingerprint != def.Fingerprint {
		return Discard, Wait{Kind: IsStale, For: reconfiguredWait}
	}
	if why := staleInput(q, r); why != "" {
		return Discard, Wait{Kind: IsStale, For: why}
	}
	d := approvals.Decide(CaseOf(def, s.People, r, q.Votes(r.ID)))
	if d.Approved {
		return Allow, Wait{}
	}
	if r.NewState != nil {
		who := "somebody to say what becomes of the old state"
		if r.NewState.Why != "" {
			who = "somebody to put its state right, or to say that it is meant"
		}
		return Nothing, Wait{Kind: WaitsForNewState, For: who + " (" + votesMissing(d) + "): " + r.NewState.String(),
			Command: r.NewState.Ways(*r)[0].Command}
	}
	if r.Trigger.Cause == run.ByRemoval {
		return Nothing, Wait{Kind: WaitsForApproval, For: d.Missing() + " by the name of the workspace: it " +
			Destroys(*r, *q.Record(r.Workspace)), Command: "tfops approve " + r.ID}
	}
	if r.ImportFirst {
		return Nothing, Wait{Kind: WaitsForApproval, For: d.Missing(), Command: "tfops state import " + r.Workspace +
			" FILE"}
	}
	return Nothing, Wait{Kind: WaitsForApproval, For: d.Missing(), Command: "tfops approve " + r.ID}
}

// votesMissing is what is missing, without the reasons that are told apart.
func votesMissing(d approvals.Decision) string {
	d.Needs = slices.Clone(d.Needs)
	for i := range d.Needs {
		d.Needs[i].Because = nil
	}
	return d.Missing()
}

// aboutQueued checks again, right before an apply, all that must still be
// true; the plan file's digest apart, which takes reading the file.
func aboutQueued(q run.Queue, s *settings.Settings, def *fleet.Definition, r *run.Run) (Action, Wait) {
	rec := q.Record(r.Workspace)
	switch {
	case !r.ExpiresAt.IsZero() && !q.Now.Before(r.ExpiresAt):
		return Expire, Wait{}
	case r.Kind == run.Sync && rec.Desired != r.Commit.SHA:
		return Discard, Wait{Kind: IsStale, For: "commit " + workspace.ShortCommit(rec.Desired) + " is wanted now"}
	case r.Kind.OfApplied() && elsewhere(rec, r) != "":
		return Discard, Wait{Kind: IsStale, For: elsewhere(rec, r)}
	case r.Fingerprint != def.Fingerprint:
		return Discard, Wait{Kind: IsStale, For: reconfiguredWait}
	case staleInput(q, r) != "":
		return Discard, Wait{Kind: IsStale, For: staleInput(q, r)}
	case !rec.ApplyStartedAt.Equal(r.AppliesSeen):
		return Discard, Wait{Kind: IsStale, For: "another apply began after the plan was made"}
	}
	if d := approvals.Decide(CaseOf(def, s.People, r, q.Votes(r.ID))); !d.Approved {
		return Discard, Wait{Kind: IsStale, For: "the rules ask for more than was approved: " + d.Missing()}
	}
	if t := rec.StateTrouble; t != nil {
		return Nothing, Wait{Kind: WaitsForState, For: "somebody to restore the state: " + t.String(),
			Command: t.Command(r.Workspace), Person: true}
	}
	if r.Unconfirmed != "" && r.NotBefore.After(q.Now) {
		return Nothing, Wait{Kind: WaitsForRemote, For: "the remote to say that its commit is still on " +
			def.Follows(r.Tag) + " (apply_offline is false): " + r.Unconfirmed, Command: "tfops poll " + def.Repository}
	}
	if r.Delayed != "" && r.NotBefore.After(q.Now) {
		return Nothing, Wait{Kind: WaitsForRetry, For: retryAt(r), Command: "tfops wait " + r.ID}
	}
	if rec.Suspended(q.Now) {
		return Nothing, Wait{Kind: WaitsForResume, For: SuspensionText(*rec.Suspension), Command: "tfops resume " +
			r.Workspace, Person: true}
	}
	if held, ok := heldAgainst(q, r); ok {
		return Nothing, lockWait(q, held)
	}
	if first, ok := before(q, r); ok {
		return Nothing, Wait{Kind: WaitsForRun, Run: first.ID,
			For: fmt.Sprintf("run %s of workspace %s, which is before it in the queue for the state", first.ID,
				first.Workspace), Command: "tfops wait " + first.ID}
	}
	return StartApply, worker(q, r, "a free worker")
}

// heldAgainst finds a lock that keeps the run from applying. A person locks the
// state that the workspace was last known to have; a commit may move it, and
// the lock is meant for the run all the same.
func heldAgainst(q run.Queue, r *run.Run) (locks.Lock, bool) {
	held := q.Held(r.Workspace, r.State)
	if l, ok := q.Lock(q.Record(r.Workspace).State); ok && l.Person != "" {
		held = append(held, l)
	}
	for _, l := range held {
		if l.Run == "" || l.Run != r.ID {
			return l, true
		}
	}
	return locks.Lock{}, false
}

// lockWait is what is waited for behind a lock: waiting for a run that was interrupted, or
// is stopped, moves nobody.
func lockWait(q run.Queue, l locks.Lock) Wait {
	w := Wait{Kind: WaitsForLock, Run: l.Run, For: "the state, which is " + l.String(), Command: l.Remedy(),
		Person: l.Person != ""}
	if r, ok := q.Run(l.Run); ok && r.Status == run.Interrupted {
		w.Kind, w.Command, w.Person = WaitsForInterrupted, MendCommand(r), true
	} else if halted := q.Stopped[l.Run]; ok && len(halted) > 0 {
		w.Kind, w.Command, w.Person = WaitsForStopped, ContinueCommand(halted), true
	}
	return w
}

// MendCommand is the first command of a person over an interrupted run. One that is closed before its
// state was pushed is made once more.
func MendCommand(r *run.Run) string {
	if r.ErroredState != "" {
		return "tfops decrypt " + drift.ShellWord(r.ErroredState) + " > errored.tfstate"
	}
	return ResolveCommand(r.ID)
}

func ResolveCommand(id string) string { return "tfops resolve " + id + " -m WHAT_WAS_FOUND" }

// before finds a run that queued earlier for the same state and is not suspended.
func before(q run.Queue, r *run.Run) (*run.Run, bool) {
	for o := range q.OnState(r.State) {
		if o.ID != r.ID && o.Status == run.ApplyQueued && !q.Record(o.Workspace).Suspended(q.Now) &&
			cmp.Or(o.QueuedAt.Compare(r.QueuedAt), cmp.Compare(o.ID, r.ID)) < 0 {
			return o, true
		}
	}
	return nil, false
}

func SuspensionText(s workspace.Suspension) string {
	text := "applies to be resumed: " + s.By + " suspended them"
	if !s.Until.IsZero() {
		text += " until " + s.Until.UTC().Format("2006-01-02 15:04 MST")
	}
	return text + ": " + s.Reason
}

func class(k run.Kind) int {
	switch k {
	case run.Plan:
		return 1
	case run.Drift:
		return 2
	}
	return 0
}

// aboutMove says what a pending move waits for: whatever holds one of its
// states, or is about to write to it.
func aboutMove(q run.Queue, r *run.Run) (Action, Wait) {
	for _, key := range r.LockKeys() {
		if l, ok := q.Lock(key); ok && l.Run != r.ID {
			return Nothing, lockWait(q, l)
		}
	}
	beside := slices.Collect(q.Beside(r.Workspace, r.State))
	if from := r.Moving.From.Identity; from != "" {
		beside = slices.AppendSeq(beside, q.OnState(from))
	}
	for _, o := range beside {
		if o.ID != r.ID && (o.Status == run.Planning && (o.Kind.Applies() || o.Kind == run.Move) ||
			o.Status == run.Applying) {
			return Nothing, Wait{Kind: WaitsForRun, Run: o.ID, For: "run " + o.ID + ", which is " + string(o.Status),
				Command: "tfops wait " + o.ID}
		}
	}
	return StartPlan, Wait{Kind: WaitsForWorker, For: "a free worker", Command: "tfops wait " + r.ID}
}

// staleInput says which output has another value than the one that the run was
// planned with; "" for none.
func staleInput(q run.Queue, r *run.Run) string {
	for _, text := range slices.Sorted(maps.Keys(r.Inputs)) {
		ref := workspace.ParseOutputRef(text)
		if now, ok := q.Record(ref.Workspace).Outputs[ref.Output]; ok && now.Digest != r.Inputs[text].Digest {
			return "output " + ref.Output + " of workspace " + ref.Workspace + " has changed since"
		}
	}
	return ""
}
