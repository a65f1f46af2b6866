package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/access"
	"github.com/tfops/tfops/internal/audit"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/locks"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

func holdsChange(t *testing.T, b *bench) {
	suspension := &workspace.Suspension{By: "ana", Reason: "a freeze", At: b.now(), Until: b.now().Add(time.Hour)}
	err := b.ChangeWorkspace(t.Context(), "net", func(h *run.WorkspaceTx) error {
		if h.Record.Name != "net" || len(h.Locks) != 0 || !h.Now.Equal(b.now()) || len(h.Audits) != 0 {
			t.Errorf("of a workspace that nobody knows: %+v", h)
		}
		h.Record.Suspension = suspension
		h.Audit(access.Actor{Name: "ana", Via: "socket"}, "suspend", "a freeze")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	b.lock("net", "ana")
	b.lock("network", "li") // a name that begins alike
	same(t, "the record", b.record("net"), workspace.Record{Name: "net", Suspension: suspension})
	same(t, "the audit", b.audits(), []audit.Record{{At: b.now(), Actor: "ana", Via: "socket", Action: "suspend",
		Workspace: "net", Reason: "a freeze"}})
	err = b.ChangeWorkspace(t.Context(), "net", func(h *run.WorkspaceTx) error {
		same(t, "its locks", h.Locks, []locks.Lock{{State: locks.ForWorkspace("net"), Workspace: "net", Person: "ana",
			Reason: "a reason", Since: b.now()}})
		same(t, "its suspension", h.Record.Suspension, suspension)
		h.Locks, h.Record.Suspension = nil, nil
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if q := b.queue(); len(q.Locks) != 1 || q.Locks[locks.ForWorkspace("network")].Person != "li" ||
		b.record("net").Suspension != nil {
		t.Errorf("after giving it up: %+v", q.Locks)
	}
}

func holdsThatFailChangeNothing(t *testing.T, b *bench) {
	b.lock("net", "ana")
	before := b.all()
	err := b.ChangeWorkspace(t.Context(), "net", func(h *run.WorkspaceTx) error {
		h.Locks, h.Record.Head = nil, "lost"
		h.Audit(access.Actor{Name: "eve", Via: "socket"}, "unlock", "")
		return errRefused
	})
	if !errors.Is(err, errRefused) {
		t.Errorf("the refusal is lost: %v", err)
	}
	same(t, "a change that was refused", b.all(), before)
}

// aLockMovesToTheStateOnceKnown: locked before it was ever planned, a workspace
// learns its state, and another workspace of that state meets the lock.
func aLockMovesToTheStateOnceKnown(t *testing.T, b *bench) {
	b.lock("net", "ana")
	r := b.lead(b.one("net", run.Sync).ID, "s:shared", run.ApplyQueued)
	d := b.load(r.ID)
	if len(d.Locks) != 1 || d.Locks[0].State != "s:shared" || d.Locks[0].Person != "ana" ||
		d.Locks[0].Workspace != "net" {
		t.Fatalf("the lock: %+v", d.Locks)
	}
	other := b.lead(b.one("twin", run.Sync).ID, "s:shared", run.ApplyQueued)
	if _, err := b.Change(t.Context(), other.ID, func(d *run.Tx) error { return d.Take("applying") }); !fault.Is(err,
		fault.Conflict) {
		t.Errorf("the twin took the state: %v", err)
	}
	for _, name := range []string{"net", "twin"} {
		if held := b.queued().Held(name, "s:shared"); len(held) != 1 || held[0].Person != "ana" {
			t.Errorf("held on %s: %+v", name, held)
		}
	}
	unlock := func(h *run.WorkspaceTx) error { h.Locks = nil; return nil }
	if err := b.ChangeWorkspace(t.Context(), "twin", unlock); err != nil {
		t.Fatal(err)
	}
	if q := b.queue(); len(q.Locks) != 0 {
		t.Errorf("after it was given up through the twin: %+v", q.Locks)
	}
	b.change(other.ID, func(d *run.Tx) error { return d.Take("applying") })
}

// aLockMeetsAnotherOnTheState: the state turns out to be held already. Neither
// lock is lost.
func aLockMeetsAnotherOnTheState(t *testing.T, b *bench) {
	applies := b.lead(b.one("twin", run.Sync).ID, "s:shared", run.Applying)
	b.lock("net", "ana")
	r := b.lead(b.one("net", run.Sync).ID, "s:shared", run.ApplyQueued)
	if got := b.load(r.ID).Locks; len(got) != 2 {
		t.Fatalf("held: %+v", got)
	}
	q := b.queue()
	if q.Locks["s:shared"].Run != applies.ID || q.Locks[locks.ForWorkspace("net")].Person != "ana" {
		t.Errorf("locks: %+v", q.Locks)
	}
	take := func(d *run.Tx) error { return d.Take("applying") }
	if _, err := b.Change(t.Context(), r.ID, take); !fault.Is(err, fault.Conflict) {
		t.Errorf("took a state that is held: %v", err)
	}
	b.change(applies.ID, func(d *run.Tx) error { d.Release(); return d.Move(run.Applied, "", "") })
	if _, err := b.Change(t.Context(), r.ID, take); !fault.Is(err, fault.Conflict) {
		t.Errorf("took a state that ana holds: %v", err)
	}
	if err := b.ChangeWorkspace(t.Context(), "net",
		func(h *run.WorkspaceTx) error { h.Locks = nil; return nil }); err != nil {
		t.Fatal(err)
	}
	b.change(r.ID, take)
}

// aLockTakenUnseenIsRefused: a change that learns the state and takes it in one
// step cannot have seen who holds it.
func aLockTakenUnseenIsRefused(t *testing.T, b *bench) {
	applies := b.lead(b.one("twin", run.Sync).ID, "s:shared", run.Applying)
	r := b.lead(b.one("net", run.Sync).ID, "", run.Planning)
	before := b.all()
	_, err := b.Change(t.Context(), r.ID, func(d *run.Tx) error { d.Run.State = "s:shared"; return d.Take("applying") })
	if !fault.Is(err, fault.Conflict) {
		t.Errorf("it was taken: %v", err)
	}
	same(t, "the refusal", b.all(), before)
	if got := b.queue().Locks["s:shared"].Run; got != applies.ID {
		t.Errorf("held by %q", got)
	}
}

// aStateThatBecomesAnotherKeepsBothLocks: the backend of a workspace moves.
func aStateThatBecomesAnotherKeepsBothLocks(t *testing.T, b *bench) {
	oldTwin := b.lead(b.one("old-twin", run.Sync).ID, "s:old", run.Applying)
	newTwin := b.lead(b.one("new-twin", run.Sync).ID, "s:new", run.Applying)
	r := b.lead(b.one("net", run.Sync).ID, "s:old", run.AwaitingApproval)
	b.change(r.ID, func(d *run.Tx) error { d.Run.State, d.Record.State = "s:new", "s:new"; return nil })
	q := b.queue()
	if len(q.Locks) != 2 || q.Locks["s:old"].Run != oldTwin.ID || q.Locks["s:new"].Run != newTwin.ID {
		t.Errorf("locks: %+v", q.Locks)
	}
	if got := b.load(r.ID).Locks; len(got) != 1 || got[0].Run != newTwin.ID {
		t.Errorf("the run sees %+v", got)
	}
}

// aLockMovesAlong: a commit moves the backend of a workspace that somebody has
// locked. The lock goes on to hold the workspace, and can be given up.
func aLockMovesAlong(t *testing.T, b *bench) {
	first := b.lead(b.one("net", run.Sync).ID, "s:old", run.ApplyQueued)
	b.lock("net", "ana")
	r := b.lead(b.one("net", run.Sync).ID, "s:new", run.ApplyQueued)
	if b.load(first.ID).Run.Status != run.Discarded || b.record("net").State != "s:new" {
		t.Fatal("the workspace did not move")
	}
	if held := b.queued().Held("net", "s:new"); len(held) != 1 || held[0].Person != "ana" {
		t.Errorf("held on net: %+v", held)
	}
	if _, err := b.Change(t.Context(), r.ID, func(d *run.Tx) error { return d.Take("applying") }); !fault.Is(err,
		fault.Conflict) {
		t.Errorf("took a state that ana holds: %v", err)
	}
	if err := b.ChangeWorkspace(t.Context(), "net",
		func(h *run.WorkspaceTx) error { h.Locks = nil; return nil }); err != nil {
		t.Fatal(err)
	}
	if q := b.queue(); len(q.Locks) != 0 {
		t.Errorf("after it was given up: %+v", q.Locks)
	}
}
