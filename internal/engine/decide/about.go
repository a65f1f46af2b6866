// Package decide says what can be done with a run now, or else what it waits for: one
// pure function (About) that the loop, the claims and everything that people read ask,
// and Ready, which keeps its answers for all runs of a queue.
package decide

import (
	"cmp"
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
		return Discard, Wait{Kind: IsStale, For: unconfigured}
	}
	if r.Trigger.Cause == run.ByRemoval && r.Status.Unapplied() && r.Status != run.Planning &&
		q.Record(r.Workspace).Orphan == nil {
		return Discard, Wait{Kind: IsBackAgain, For: isBack}
	}
	switch r.Status {
	case run.Pending:
		if st, w := aboutUpstream(q, s, r); w.Kind != "" {
			return st, w
		}
		st, w := aboutPending(q, def, r)
		if st == StartPlan || st == StartCheck {
			return sheltered(s, def, r, st, w)
		}
		return st, w
	case run.Planning, run.Applying:
		return Nothing, ownPhase(q.Stopped[r.ID], r)
	case run.AwaitingApproval:
		return aboutAwaiting(q, s, def, r)
	case run.ApplyQueued:
		return aboutQueued(q, s, def, r)
	case run.Interrupted:
		return Nothing, Wait{Kind: WaitsForInterrupted, Run: r.ID, Command: MendCommand(r), Person: true,
			For: interrupted{run: r.ID, own: true, state: r.ErroredState != ""}}
	}
	return Nothing, Wait{}
}

// ownPhase is what is waited for while a runner works.
func ownPhase(stopped []run.Stopped, r *run.Run) Wait {
	w := Wait{Kind: WaitsForPhase, For: theApply, Command: "tfops logs " + r.ID + " -f"}
	switch {
	case len(stopped) > 0:
		return Wait{Kind: WaitsForStopped, Run: r.ID, Command: ContinueCommand(stopped), Person: true,
			For: halted{run: r.ID, status: r.Status, processes: stopped}}
	case r.Status == run.Planning:
		w.For = thePlan
	case r.Canceling != "":
		w.For = stopping{r.Canceling}
	}
	return w
}

func aboutPending(q run.Queue, def *fleet.Definition, r *run.Run) (Action, Wait) {
	if r.Kind.Applies() && r.Fingerprint != def.Fingerprint {
		return Discard, Wait{Kind: IsStale, For: reconfigured}
	}
	if r.Kind == run.Drift && r.Fingerprint != q.Record(r.Workspace).AppliedFingerprint {
		return Discard, Wait{Kind: IsStale, For: otherInputs}
	}
	if r.NotBefore.After(q.Now) {
		return Nothing, Wait{Kind: WaitsForRetry, For: retry{r.NotBefore, r.Delayed}, Command: sooner(r)}
	}
	if r.Kind.OfApplied() {
		if now := q.Record(r.Workspace).Applied; now != r.Commit.SHA {
			return Discard, Wait{Kind: IsStale, For: elsewhere{now}}
		}
	}
	if t := q.Record(r.Workspace).StateTrouble; t != nil && (r.Kind.Applies() || r.Kind == run.Move) {
		return Nothing, Wait{Kind: WaitsForState, For: lostState{t}, Command: t.Command(r.Workspace), Person: true}
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
			return Nothing, Wait{Kind: WaitsForInterrupted, Run: o.ID, For: interrupted{run: o.ID},
				Command: MendCommand(o), Person: true}
		case same && r.Kind.Applies() && o.Kind == run.Move && o.Status != run.Interrupted:
			return Nothing, waitFor(q, o, "moves the state")
		case same && r.Kind.Applies() && o.Kind.Applies() && o.Status == run.Planning:
			return Nothing, waitFor(q, o, "is planning")
		}
	}
	if r.Kind == run.Drift {
		return StartCheck, worker(q, r, aCheckPlace)
	}
	return StartPlan, worker(q, r, aWorker)
}

// sooner is the command that has a retry made now.
func sooner(r *run.Run) string {
	if r.Kind.Applies() {
		return RetryCommand(*r)
	}
	return "tfops sync " + r.Workspace
}

func aboutAwaiting(q run.Queue, s *settings.Settings, def *fleet.Definition, r *run.Run) (Action, Wait) {
	if !r.ExpiresAt.IsZero() && !q.Now.Before(r.ExpiresAt) {
		return Expire, Wait{}
	}
	if r.Fingerprint != def.Fingerprint {
		return Discard, Wait{Kind: IsStale, For: reconfigured}
	}
	if otherKeys(s.People, def, r) {
		return Discard, Wait{Kind: IsStale, For: keysChanged}
	}
	if ref, stale := staleInput(q, r); stale {
		return Discard, Wait{Kind: IsStale, For: changedOutput{ref}}
	}
	d := approvals.Decide(CaseOf(def, s.People, r, q.Votes(r.ID)))
	if d.Approved {
		return Allow, Wait{}
	}
	w := Wait{Kind: WaitsForApproval, For: votes{d}, Command: "tfops approve " + r.ID}
	switch {
	case r.NewState != nil:
		w.Kind, w.For, w.Command = WaitsForNewState, otherState{d, r.NewState}, r.NewState.Ways(*r)[0].Command
	case r.Trigger.Cause == run.ByRemoval:
		w.For = removal{d, *r, *q.Record(r.Workspace)}
	case r.ImportFirst:
		w.Command = "tfops state import " + r.Workspace + " FILE"
	}
	a := r.Authors
	if w.Kind == WaitsForApproval && !r.ImportFirst && a != nil && blocked(d) &&
		(a.Unknown != "" || unsigned(s.People, def, r) != "") {
		w.Command = RetryCommand(*r) // no approval helps: another plan may
	}
	return Nothing, w
}

// blocked reports whether votes alone do not help.
func blocked(d approvals.Decision) bool {
	return slices.ContainsFunc(d.Needs, func(n approvals.Need) bool { return n.Blocked != "" })
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
		return Discard, Wait{Kind: IsStale, For: wanted{rec.Desired}}
	case r.Kind.OfApplied() && rec.Applied != r.Commit.SHA:
		return Discard, Wait{Kind: IsStale, For: elsewhere{rec.Applied}}
	case r.Authors != nil && r.Authors.Since != rec.Applied:
		return Discard, Wait{Kind: IsStale, For: askedBefore}
	case r.Fingerprint != def.Fingerprint:
		return Discard, Wait{Kind: IsStale, For: reconfigured}
	case otherKeys(s.People, def, r):
		return Discard, Wait{Kind: IsStale, For: keysChanged}
	}
	if ref, stale := staleInput(q, r); stale {
		return Discard, Wait{Kind: IsStale, For: changedOutput{ref}}
	}
	if !rec.ApplyStartedAt.Equal(r.AppliesSeen) {
		return Discard, Wait{Kind: IsStale, For: otherApply}
	}
	if d := approvals.Decide(CaseOf(def, s.People, r, q.Votes(r.ID))); !d.Approved {
		return Discard, Wait{Kind: IsStale, For: fewVotes{d}}
	}
	if t := rec.StateTrouble; t != nil {
		return Nothing, Wait{Kind: WaitsForState, For: lostState{t}, Command: t.Command(r.Workspace), Person: true}
	}
	if r.Unconfirmed != "" && r.NotBefore.After(q.Now) {
		return Nothing, Wait{Kind: WaitsForRemote, For: unconfirmed{def.Follows(r.Tag), r.Unconfirmed},
			Command: "tfops poll " + def.Repository}
	}
	if r.Delayed != "" && r.NotBefore.After(q.Now) {
		return Nothing, Wait{Kind: WaitsForRetry, For: retry{r.NotBefore, r.Delayed}, Command: "tfops wait " + r.ID}
	}
	if rec.Suspended(q.Now) {
		return Nothing, Wait{Kind: WaitsForResume, For: Suspended{*rec.Suspension},
			Command: "tfops resume " + r.Workspace, Person: true}
	}
	if l, ok := heldAgainst(q, r); ok {
		return Nothing, lockWait(q, l)
	}
	if first, ok := before(q, r); ok {
		return Nothing, Wait{Kind: WaitsForRun, Run: first.ID, For: inLine{first.ID, first.Workspace},
			Command: "tfops wait " + first.ID}
	}
	return sheltered(s, def, r, StartApply, worker(q, r, aWorker))
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
	w := Wait{Kind: WaitsForLock, Run: l.Run, Lock: l.State, For: held{l}, Command: l.Remedy(),
		Person: l.Person != ""}
	if r, ok := q.Run(l.Run); ok && r.Status == run.Interrupted {
		w.Kind, w.Command, w.Person = WaitsForInterrupted, MendCommand(r), true
	} else if stopped := q.Stopped[l.Run]; ok && len(stopped) > 0 {
		w.Kind, w.Command, w.Person = WaitsForStopped, ContinueCommand(stopped), true
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

// class tells what goes first: commits, then what people ask to see, then commits of branches that a
// pattern found, of which whoever may push makes any number, then drift.
func class(s *settings.Settings, r *run.Run) int {
	switch r.Kind {
	case run.Plan:
		return 1
	case run.Drift:
		return 3
	}
	if d, ok := s.Definition(r.Workspace); ok && s.Config.ByPattern(d) {
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
			return Nothing, Wait{Kind: WaitsForRun, Run: o.ID, For: atWork{run: o.ID, does: "is " + string(o.Status)},
				Command: "tfops wait " + o.ID}
		}
	}
	return StartPlan, Wait{Kind: WaitsForWorker, For: aWorker, Command: "tfops wait " + r.ID}
}

// staleInput finds an output that has another value than the one that the run was planned with.
func staleInput(q run.Queue, r *run.Run) (workspace.OutputRef, bool) {
	for _, text := range slices.Sorted(maps.Keys(r.Inputs)) {
		ref := workspace.ParseOutputRef(text)
		if now, ok := q.Record(ref.Workspace).Outputs[ref.Output]; ok && now.Digest != r.Inputs[text].Digest {
			return ref, true
		}
	}
	return workspace.OutputRef{}, false
}
