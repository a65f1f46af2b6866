package run

import (
	"fmt"
	"slices"
	"time"
)

// Status is where a run stands. The words follow HCP Terraform where it has one.
type Status string

const (
	Pending            Status = "pending"              // waits for a worker
	Planning           Status = "planning"             // a runner plans
	PlannedAndFinished Status = "planned_and_finished" // ended: no changes, or a run that never applies
	PolicyFailed       Status = "policy_failed"        // ended: a policy forbids the plan
	AwaitingApproval   Status = "awaiting_approval"    // waits for people
	ApplyQueued        Status = "apply_queued"         // may be applied; waits for a worker and the state's lock
	Applying           Status = "applying"             // a runner applies
	Applied            Status = "applied"              // ended: the plan was applied
	Errored            Status = "errored"              // ended: see Failure
	Interrupted        Status = "interrupted"          // the runner vanished in the middle of an apply: outcome unknown
	Discarded          Status = "discarded"            // ended before applying; Reason says why
	Canceled           Status = "canceled"             // ended before applying, by a person
)

// Reason says why a run was discarded.
type Reason string

const (
	Rejected   Reason = "rejected"   // a person said no
	Superseded Reason = "superseded" // a newer run of the workspace replaces it
	Expired    Reason = "expired"    // nobody approved in time
	Stale      Reason = "stale"      // what it was planned for is not what is wanted any more
	Upstream   Reason = "upstream"   // a workspace that goes first was not applied
)

// Statuses lists every status, in the order of a run's life.
var Statuses = []Status{Pending, Planning, PlannedAndFinished, PolicyFailed, AwaitingApproval, ApplyQueued, Applying,
	Applied, Errored, Interrupted, Discarded, Canceled}

// moves is the whole table of allowed transitions. A status without a row is
// terminal and never changes.
var moves = map[Status][]Status{
	Pending: {Planning, Discarded, Canceled, Errored},
	Planning: {PlannedAndFinished, PolicyFailed, AwaitingApproval, ApplyQueued, Discarded, Canceled, Errored,
		Pending}, // its runner vanished: a plan changes nothing, so it is made again
	AwaitingApproval: {ApplyQueued, Discarded, Canceled, Errored},
	ApplyQueued: {Applying, Discarded, Canceled, Errored,
		AwaitingApproval}, // a vote was withdrawn
	Applying: {Applied, Errored, Interrupted,
		ApplyQueued}, // its runner was not started, so nothing of it has run
	Interrupted: {Errored},
}

// CanMove reports whether the table allows the move.
func CanMove(from, to Status) bool { return slices.Contains(moves[from], to) }

// Terminal reports whether a run of this status has ended.
func (s Status) Terminal() bool { return len(moves[s]) == 0 }

// Unapplied reports whether the run has not begun to apply and may still: it
// can be superseded, discarded or canceled.
func (s Status) Unapplied() bool {
	return s == Pending || s == Planning || s == AwaitingApproval || s == ApplyQueued
}

// Move changes the status and the times that belong to it. A move that the
// table does not have is an error and changes nothing.
func (r *Run) Move(to Status, now time.Time) error {
	if !CanMove(r.Status, to) {
		return fmt.Errorf("run %s cannot go from %s to %s", r.ID, r.Status, to)
	}
	if (to == ApplyQueued || to == AwaitingApproval || to == Applying) && !r.Kind.Applies() {
		return fmt.Errorf("run %s is a %s run and never applies", r.ID, r.Kind)
	}
	from := r.Status
	r.Status = to
	switch to {
	case Pending:
		r.StartedAt = time.Time{}
	case Planning:
		r.StartedAt = now
	case ApplyQueued:
		if from == Applying { // it keeps its place
			r.ApplyStartedAt = time.Time{}
		} else {
			r.QueuedAt = now
		}
	case Applying:
		r.ApplyStartedAt = now
	}
	if to.Terminal() {
		r.FinishedAt = now
		r.Canceling = ""
	}
	return nil
}
