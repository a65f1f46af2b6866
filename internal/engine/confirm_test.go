package engine

import (
	"strings"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/engine/queue"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/run"
)

func online(d *fleet.Definition) { d.ApplyOffline = false }

// forced rewrites a branch: its new head has nothing of what was there.
func (g *rig) forced(paths ...string) string {
	g.git.branchGone("main")
	return g.git.commit("main", paths...)
}

// TestForcedAwayIsNotApplied: what was taken off its branch since the last poll
// is not applied, whatever else differs.
func TestForcedAwayIsNotApplied(t *testing.T) {
	for name, paths := range map[string][]string{"touches it": {"a/main.tf"}, "touches nothing": {"README.md"},
		"touches nothing, and was polled": {"README.md"}} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, g *rig) {
				g.commit("a/main.tf")
				g.start()
				r := g.want("a", run.AwaitingApproval)
				head := g.forced(paths...) // nobody polled since
				if strings.HasSuffix(name, "polled") {
					g.pass(time.Minute)
				}
				g.approve(ana, r)
				g.settle()
				if r = g.get(r.ID); r.Status != run.Discarded || r.ApplyStartedAt != (time.Time{}) {
					t.Fatalf("the run of a commit that is gone is %s", r.Status)
				}
				if now := g.want("a", run.AwaitingApproval); now.Commit.SHA != head {
					t.Errorf("commit %s waits, wanted is %s", now.Commit.SHA, head)
				}
			}, define("a"))
		})
	}
}

// TestForcedAwayWhileOthersApply: the next apply is looked at while no place is free
// for it; the head is asked once more when there is one.
func TestForcedAwayWhileOthersApply(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.runners.set(func(p *players) { p.hold[job.ApplyPhase] = true })
		g.commit("a/main.tf", "b/main.tf", "c/main.tf")
		g.start()
		g.git.broken(fault.New(fault.Unavailable, "check the network", "the host is down"))
		for _, name := range []string{"a", "b", "c"} {
			g.approve(ana, g.want(name, run.AwaitingApproval))
		}
		g.git.broken(nil)
		time.Sleep(2 * queue.ConfirmEvery) // in the bubble's time
		g.settle()
		g.want("a", run.Applying)
		g.want("b", run.Applying)
		waits := g.want("c", run.ApplyQueued)
		g.forced("README.md") // nobody polled since
		time.Sleep(queue.CheckLasts)
		g.runners.set(func(p *players) { p.hold[job.ApplyPhase] = false })
		g.runners.end(t)
		g.settle()
		if r := g.get(waits.ID); r.Status != run.Discarded || !r.ApplyStartedAt.IsZero() {
			t.Errorf("the run of a commit that is gone is %s", r.Status)
		}
	}, define("a", online), define("b", online), define("c", online))
}

// TestMovedOnIsApplied: a branch that went on without touching the workspace is
// no reason to plan it again; one that went on and touches it is.
func TestMovedOnIsApplied(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.commit("a/main.tf")
		g.start()
		r := g.want("a", run.AwaitingApproval)
		g.git.commit("main", "README.md")
		g.git.commit("main", "b/main.tf")
		g.approve(ana, r)
		g.settle()
		if r = g.get(r.ID); r.Status != run.Applied {
			t.Errorf("the run is %s: %s", r.Status, r.Comment)
		}
		sha := g.commit("a/main.tf")
		g.pass(time.Minute)
		r = g.want("a", run.AwaitingApproval)
		newer := g.git.commit("main", "a/main.tf")
		g.approve(ana, r)
		g.settle()
		if r = g.get(r.ID); r.Status != run.Discarded || r.Commit.SHA != sha {
			t.Errorf("the run of the older commit is %s", r.Status)
		}
		if now := g.want("a", run.AwaitingApproval); now.Commit.SHA != newer {
			t.Errorf("commit %s waits", now.Commit.SHA)
		}
	}, define("a"))
}

// TestOffline: where the remote does not answer, apply_offline decides, and a run
// that waits says so, with a command, until the remote is back.
func TestOffline(t *testing.T) {
	down := fault.New(fault.Unavailable, "check the network", "the host is down")
	bubble(t, func(t *testing.T, g *rig) {
		g.commit("a/main.tf", "b/main.tf")
		g.start()
		a, b := g.want("a", run.AwaitingApproval), g.want("b", run.AwaitingApproval)
		g.git.broken(down)
		g.approve(ana, a)
		g.approve(ana, b)
		g.settle()
		if b = g.get(b.ID); b.Status != run.Applied {
			t.Errorf("with apply_offline, the run is %s", b.Status)
		}
		if a = g.get(a.ID); a.Status != run.ApplyQueued {
			t.Fatalf("without apply_offline, the run is %s", a.Status)
		}
		v := g.view("a")
		for _, w := range []string{"the remote", "branch main", "apply_offline", "the host is down"} {
			if !strings.Contains(v.Wait.Sentence(), w) {
				t.Errorf("%q is not in: %s", w, v.Wait.Sentence())
			}
		}
		if v.Wait.Command != "tfops poll infra" {
			t.Errorf("the command is %q", v.Wait.Command)
		}
		g.pass(5 * time.Minute)
		if a = g.get(a.ID); a.Status != run.ApplyQueued {
			t.Fatalf("after five minutes without an answer, the run is %s", a.Status)
		}
		if _, events, err := g.store.Load(t.Context(), a.ID); err != nil || len(events) > 12 {
			t.Errorf("%d events, %v: one for each question is too many", len(events), err)
		}
		g.git.broken(nil)
		g.pass(time.Minute)
		if a = g.get(a.ID); a.Status != run.Applied || a.Unconfirmed != "" {
			t.Errorf("the remote is back, and the run is %s (%s)", a.Status, a.Unconfirmed)
		}
	}, define("a", online), define("b"))
}

// TestSlowRemoteHoldsNothing: a remote that hangs is given up, and the store is
// free meanwhile.
func TestSlowRemoteHoldsNothing(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.commit("a/main.tf")
		g.start()
		r := g.want("a", run.AwaitingApproval)
		g.git.slow(3 * time.Second)
		g.approve(ana, r)
		g.settle() // the question is under way
		if _, err := g.store.Change(t.Context(), r.ID,
			func(d *run.Tx) error { d.Note("ana", "the store is free"); return nil }); err != nil {
			t.Fatal(err)
		}
		g.pass(10 * time.Second)
		if r = g.get(r.ID); r.Status != run.Applied {
			t.Errorf("the run is %s", r.Status)
		}
	}, define("a", online))
}

// TestBranchGoneBeforeApply: nothing is applied of a branch that was deleted.
func TestBranchGoneBeforeApply(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.commit("a/main.tf")
		g.git.commit("other", "b/main.tf")
		g.start()
		r := g.want("a", run.AwaitingApproval)
		g.git.branchGone("main")
		g.approve(ana, r)
		g.pass(time.Minute)
		if r = g.get(r.ID); r.Status == run.Applied || r.Status == run.Applying {
			t.Errorf("the run is %s", r.Status)
		}
		if v := g.view("a"); v.Problem == nil || v.Record.Orphan != nil {
			t.Errorf("the problem is %v", v.Problem)
		}
	}, define("a"))
}
