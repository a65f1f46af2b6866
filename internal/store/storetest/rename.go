package storetest

import (
	"testing"
	"time"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/locks"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

func (b *bench) rename(from, to string) ([]run.Run, error) {
	_, dropped, err := b.Enqueue(b.t.Context(), run.Batch{Renames: []run.Rename{{From: from, To: to}}})
	return dropped, err
}

func (b *bench) holds(name string, fn func(*run.WorkspaceTx) error) {
	b.t.Helper()
	if err := b.ChangeWorkspace(b.t.Context(), name, fn); err != nil {
		b.t.Fatal(err)
	}
}

// known makes everything that can be known of a workspace.
func (b *bench) known(name string) (ended, waits run.Run) {
	b.t.Helper()
	ended = b.one(name, run.Sync)
	for _, to := range []run.Status{run.Planning, run.PlannedAndFinished} {
		b.change(ended.ID, func(d *run.Tx) error { d.Record.Applied = d.Run.Commit.SHA; return d.Move(to, "", "") })
	}
	waits = b.one(name, run.Sync)
	b.change(waits.ID, func(d *run.Tx) error {
		d.Run.State, d.Record.State = "s3:k", "s3:k"
		d.Checks = append(d.Checks, drift.Check{Workspace: name, At: b.now(), Outcome: drift.Drifted})
		d.SetFindings([]drift.Finding{found(name, drift.ID(name, "box.a", drift.Changed),
			func(f *drift.Finding) { f.Address, f.Ack = "box.a", &drift.Ack{By: "ana", Reason: "known"} })})
		return nil
	})
	b.holds(name, func(h *run.WorkspaceTx) error {
		h.Locks = append(h.Locks, locks.Lock{State: "s3:k", Workspace: name, Person: "ana", Reason: "a freeze",
			Since: b.now()})
		return nil
	})
	return ended, waits
}

func aRenameTakesEverythingAlong(t *testing.T, b *bench) {
	_, waits := b.known("net")
	down := b.enqueue(run.Run{Workspace: "app", Kind: run.Sync, Upstream: []string{"net"},
		Commit: run.Commit{SHA: "c"}})[0]
	own := b.one("lan", run.Sync) // planned before anybody said that it is the same
	b.holds("app", func(h *run.WorkspaceTx) error { h.Record.HeldBack = "net"; return nil })
	b.pass(time.Hour)
	dropped, err := b.rename("net", "lan")
	if err != nil {
		t.Fatal(err)
	}
	if len(dropped) != 1 || dropped[0].ID != own.ID || dropped[0].Reason != run.Stale {
		t.Errorf("%+v was dropped", dropped)
	}
	for name, n := range map[string]int{"net": 0, "lan": 3} {
		runs, err := b.Runs(t.Context(), run.Query{Workspace: name})
		if err != nil || len(runs) != n {
			t.Errorf("%d runs of %s, %v", len(runs), name, err)
		}
		active, err := b.Runs(t.Context(), run.Query{Workspace: name, Statuses: []run.Status{run.Pending}})
		if err != nil || len(active) != min(n, 1) {
			t.Errorf("%d waiting runs of %s, %v", len(active), name, err)
		}
	}
	if d := b.load(waits.ID); d.Run.Workspace != "lan" || d.Record.Name != "lan" || len(d.Locks) != 1 ||
		d.Locks[0].Workspace != "lan" {
		t.Errorf("%+v", d)
	}
	if up := b.load(down.ID).Run.Upstream; len(up) != 1 || up[0] != "lan" {
		t.Errorf("app waits for %v", up)
	}
	records := map[string]workspace.Record{"net": b.record("net"), "lan": b.record("lan"), "app": b.record("app")}
	net, lan := records["net"], records["lan"]
	if lan.Applied != "c-net" || lan.Folder() != "net" || lan.RenamedFrom != "net" || !net.Former() ||
		net.Renamed.To != "lan" || net.Folder() == "net" || records["app"].HeldBack != "lan" {
		t.Errorf("%+v, %+v", net, lan)
	}
	for name, n := range map[string]int{"net": 0, "lan": 1} {
		checks, err := b.ChecksOf(t.Context(), name, time.Time{})
		if err != nil || len(checks) != n || n > 0 && checks[0].Workspace != name {
			t.Errorf("checks of %s: %+v, %v", name, checks, err)
		}
		found, err := b.Findings(t.Context(), name)
		if err != nil || len(found) != n || n > 0 && (found[0].Workspace != name || found[0].ID != drift.ID(name,
			found[0].Address, found[0].Class) || found[0].Ack == nil) {
			t.Errorf("findings of %s: %+v, %v", name, found, err)
		}
	}
	audits, err := b.Audits(t.Context(), 1)
	if err != nil || len(audits) != 1 || audits[0].Action != "rename" || audits[0].Workspace != "lan" {
		t.Errorf("%+v, %v", audits, err)
	}
	if _, err := b.rename("nobody", "lan"); err != nil {
		t.Error("nothing is known of it:", err)
	}
	if _, err := b.rename("net", "wan"); !fault.Is(err, fault.Conflict) {
		t.Error("it was renamed already:", err)
	}
	same(t, "what is known after that", b.record("lan"), lan)
}

func aRenameThatMustWaitChangesNothing(t *testing.T, b *bench) {
	_, waits := b.known("net")
	b.change(waits.ID, func(d *run.Tx) error { return d.Move(run.Planning, "", "") })
	before := b.all()
	if _, err := b.rename("net", "lan"); !fault.Is(err, fault.Conflict) || fault.Next(err) != "tfops wait "+waits.ID {
		t.Errorf("%v", err)
	}
	same(t, "everything", b.all(), before)
	b.change(waits.ID, func(d *run.Tx) error { return d.Move(run.PlannedAndFinished, "", "") })
	b.holds("lan", func(h *run.WorkspaceTx) error { // a lock of its own would be lost, or shadow the other one
		h.Locks = append(h.Locks, locks.Lock{State: locks.ForWorkspace("lan"), Workspace: "lan", Person: "li",
			Reason: "mine", Since: b.now()})
		return nil
	})
	if _, err := b.rename("net", "lan"); !fault.Is(err, fault.Conflict) || fault.Next(err) != "tfops unlock lan" {
		t.Errorf("%v", err)
	}
	b.holds("lan", func(h *run.WorkspaceTx) error { h.Locks = nil; return nil })
	if _, err := b.rename("net", "lan"); err != nil {
		t.Error(err)
	}
}
