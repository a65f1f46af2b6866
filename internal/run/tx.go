package run

import (
	"fmt"
	"slices"
	"time"

	"github.com/tfops/tfops/internal/access"
	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/audit"
	"github.com/tfops/tfops/internal/drift/findings"
	"github.com/tfops/tfops/internal/locks"
	"github.com/tfops/tfops/internal/workspace"
)

// Event is one thing that happened to a run.
type Event struct {
	Run   string    `json:"run"`
	At    time.Time `json:"at"`
	From  Status    `json:"from,omitempty"`
	To    Status    `json:"to,omitempty"`
	Actor string    `json:"actor,omitempty"` // the person, when one did it
	Text  string    `json:"text,omitempty"`
}

// FindingsTx is what a transaction sees and changes of one workspace's drift; Look is
// what brings it up to date.
type (
	FindingsTx = findings.Tx
	Look       = findings.Look
)

// Tx is a run with all that is decided together with it. A function that
// changes a Tx runs inside one transaction: either everything that it
// changed is stored, or nothing.
type Tx struct {
	Run        Run
	Votes      []approvals.Vote
	Record     workspace.Record // of the run's workspace
	Locks      []locks.Lock     // all that are held on the workspace's state, or on the run's
	FindingsTx                  // of the workspace's drift
	// Others reads the workspace's other runs that have not ended; nil reads none.
	Others func() ([]Run, error) `json:"-"`

	Now time.Time // the one time of this transaction

	// What the change adds; the store reads these.
	Events  []Event
	Audits  []audit.Record
	Follows []Run // runs to enqueue in the same transaction
	Notices []Notice
}

// Decide lets fn change what a store has loaded. Where the state of the run, or of its
// workspace, is another one afterwards, what is held there counts: at reads the lock
// under a key. It returns the keys that the locks may lie under, before and now.
func (d *Tx) Decide(
	fn func(*Tx) error, at func(key string) (l locks.Lock, ok bool, err error),
) (keys []string, err error) {
	old, lived := d.Run, d.Record.State
	if err := fn(d); err != nil {
		return nil, err
	}
	if d.Run.ID != old.ID || d.Run.Workspace != old.Workspace {
		return nil, fmt.Errorf("run %s of workspace %s cannot become run %s of workspace %s", old.ID, old.Workspace,
			d.Run.ID, d.Run.Workspace)
	}
	keys = d.Run.LockKeys()
	if d.Run.State != old.State {
		l, ok, err := at(d.Run.State)
		if err != nil {
			return nil, err
		}
		var held []locks.Lock
		if ok {
			held = append(held, l)
		}
		if d.Locks, err = locks.Learn(d.Locks, held, old.State, d.Run.State); err != nil {
			return nil, err
		}
		keys = append(keys, old.LockKeys()...)
	}
	if lived != "" && d.Record.State != lived {
		l, ok, err := at(lived)
		if err != nil {
			return nil, err
		}
		if ok && l.Follows(d.Run.Workspace) {
			d.Locks, keys = locks.Follow(d.Locks, l), append(keys, lived)
		}
	}
	return keys, nil
}

// Move changes the run's status and records the event.
func (d *Tx) Move(to Status, actor, text string) error {
	from := d.Run.Status
	if d.Run.Kind == Move && to != Planning { // its runner has ended, or is told to
		d.Release()
	}
	if err := d.Run.Move(to, d.Now); err != nil {
		return err
	}
	// A refresh leaves what is wanted as it is: one that comes to nothing is not
	// why a commit is not applied.
	nothing := d.Run.Kind == Refresh && (to != Applied || d.Record.Desired != d.Record.Applied)
	if to.Terminal() && d.Run.Kind.Applies() && !nothing {
		how := string(to)
		if d.Run.Reason != "" {
			how += " (" + string(d.Run.Reason) + ")"
		}
		d.Record.Ended, d.Record.EndedRun = "run "+d.Run.ID+" is "+how, d.Run.ID
	}
	d.Events = append(d.Events, Event{Run: d.Run.ID, At: d.Now, From: from, To: to, Actor: actor, Text: text})
	return nil
}

// Note records an event that changes no status.
func (d *Tx) Note(actor, text string) {
	d.Events = append(d.Events, Event{Run: d.Run.ID, At: d.Now, Actor: actor, Text: text})
}

// Audit records an act upon the run.
func (d *Tx) Audit(a access.Actor, action, reason string) {
	d.Audits = append(d.Audits, d.Run.Audited(audit.By(a, action, reason), d.Now))
}

// Audited is the record of an act upon the run.
func (r Run) Audited(a audit.Record, now time.Time) audit.Record {
	a.At, a.Workspace, a.Run, a.Commit = now, r.Workspace, r.ID, r.Commit.SHA
	if r.Plan != nil {
		a.Digest = r.Plan.Digest
	}
	if r.Authors != nil && (a.Action == "approve" || a.Action == "reject") {
		a.Authors = r.Authors.Proof()
	}
	return a
}

// Take locks the run's state for the run; what the run holds already it keeps
// as it is.
func (d *Tx) Take(reason string) error {
	want := locks.Lock{State: locks.Key(d.Run.Workspace, d.Run.State), Workspace: d.Run.Workspace, Run: d.Run.ID,
		Reason: reason, Since: d.Now}
	if err := locks.Take(d.Locks, want); err != nil {
		return err
	}
	if !slices.ContainsFunc(d.Locks, func(l locks.Lock) bool { return l.Run == d.Run.ID }) {
		d.Locks = append(d.Locks, want)
	}
	return nil
}

// Release gives up what the run holds.
func (d *Tx) Release() {
	d.Locks = slices.DeleteFunc(slices.Clone(d.Locks), func(l locks.Lock) bool { return l.Run == d.Run.ID })
}

// Follow enqueues another run of the same workspace in the same transaction.
func (d *Tx) Follow(kind Kind, cause Cause, actor string) *Run {
	attempt := 1
	if cause == ByRetry {
		attempt = d.Run.Attempt + 1
	}
	if d.Run.Trigger.Cause == ByRemoval && kind == Destroy {
		cause = ByRemoval // whatever it is planned anew for: nobody asked for it
	}
	d.Follows = append(d.Follows, Run{Workspace: d.Run.Workspace, Kind: kind, Status: Pending, Commit: d.Run.Commit,
		Trigger: Trigger{Cause: cause, Actor: actor, Run: d.Run.ID}, Attempt: attempt})
	return &d.Follows[len(d.Follows)-1]
}
