package engine

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/zclconf/go-cty/cty"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/drift/healing"
	"github.com/tfops/tfops/internal/engine/acts"
	"github.com/tfops/tfops/internal/engine/outcome"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// heals counts the runs of a workspace that put drift back, or would.
func (g *rig) heals(name string) (n int) {
	g.t.Helper()
	for _, r := range g.runs(name) {
		if r.Trigger.Cause == run.ByHeal {
			n++
		}
	}
	return n
}

// notHealed makes a check after which nothing is healed, and says why.
func (g *rig) notHealed(name, why string) {
	g.t.Helper()
	before := g.heals(name)
	r := g.check(name)
	_, events, err := g.store.Load(context.Background(), r.ID)
	if err != nil {
		g.t.Fatal(err)
	}
	said := ""
	for _, ev := range events {
		if strings.HasPrefix(ev.Text, "not healed: ") {
			said = ev.Text
		}
	}
	if n := g.heals(name); n != before || !strings.Contains(said, why) {
		g.t.Errorf("%d heals followed, and the check says %q, want %q", n-before, said, why)
	}
	if d := g.view(name).Record.Drift; d.Status == workspace.Drifted && "not healed: "+d.NotHealed != said {
		g.t.Errorf("the check says %q, and the workspace %q", said, d.NotHealed)
	}
}

// Healing puts back what drifted and nothing else: what waits to be applied,
// was refused, or is somebody's work at hand, stays as it is.
func TestHealingPutsBackNothingElse(t *testing.T) {
	size := func(v string) func(*fleet.Definition) {
		return func(d *fleet.Definition) { d.Variables = map[string]cty.Value{"size": cty.StringVal(v)} }
	}
	t.Run("inputs of the configuration that failed to be applied", func(t *testing.T) {
		appliedRig(t, func(t *testing.T, g *rig, w *world) {
			failing(g, job.PlanPhase, "no such size")
			g.configure(define("a", auto, heals(), size("large")))
			g.want("a", run.Errored)
			working(g)
			w.change("box.one", "large")
			g.notHealed("a", "the inputs of the workspace changed in the configuration")
		}, define("a", auto, heals(), size("small")))
	})
	t.Run("a commit that was rejected", func(t *testing.T) {
		appliedRig(t, func(t *testing.T, g *rig, w *world) {
			w.makes["a"] = true
			g.commit("a/main.tf")
			if err := g.vote(ana, g.want("a", run.AwaitingApproval), false); err != nil {
				t.Fatal(err)
			}
			w.change("box.one", "large")
			g.notHealed("a", "is wanted")
		}, define("a", heals()))
	})
	t.Run("a workspace that its branch has no more", func(t *testing.T) {
		appliedRig(t, func(t *testing.T, g *rig, w *world) {
			g.git.remove("a/main.tf")
			g.commit("b/main.tf")
			g.pass(time.Minute)
			w.change("box.one", "large")
			g.notHealed("a", "cannot be planned")
		}, define("a", auto, heals()))
	})
	t.Run("what somebody acknowledged", func(t *testing.T) {
		appliedRig(t, func(t *testing.T, g *rig, w *world) {
			g.runners.set(func(p *players) { p.hold[job.PlanPhase] = true })
			w.change("box.one", "large")
			g.check("a")
			g.engine.observeNow(t, "a", drift.Difference{Address: "box.one", Class: drift.Changed,
				Attributes: []drift.Attribute{{Path: "size", After: "large"}}})
			if _, err := g.engine.Acknowledge(context.Background(), ana, drift.ID("a", "box.one", drift.Changed),
				"mine", time.Time{}); err != nil {
				t.Fatal(err)
			}
			g.runners.set(func(p *players) { p.hold[job.PlanPhase] = false })
			g.runners.end(t) // the acknowledgement came in the middle of the check
			g.wantFindings("a", "box.one changed acknowledged")
			if g.heals("a") != 0 {
				t.Error("what is acknowledged was healed")
			}
		}, define("a", auto, heals()))
	})
	t.Run("what came up between the check and the heal", func(t *testing.T) {
		appliedRig(t, func(t *testing.T, g *rig, w *world) {
			g.runners.set(func(p *players) {
				p.plan = func(j job.Job) *plan.Plan {
					made := w.plan()
					if j.LockState { // such as another value of an input
						made.Changes = append(made.Changes, plan.Change{Address: "box.two", Mode: "managed",
							Type: "box", Action: plan.Replace})
						made.Counts.Replace++
					}
					return made
				}
			})
			w.change("box.one", "large")
			g.check("a")
			heal := g.want("a", run.PlannedAndFinished)
			_, events, err := g.store.Load(context.Background(), heal.ID)
			if err != nil || heal.Trigger.Cause != run.ByHeal || !strings.Contains(events[len(events)-1].Text,
				"box.two") {
				t.Errorf("%v: %+v %+v", err, heal.Trigger, events)
			}
			g.wantFindings("a", "box.one changed new")
			g.wantDrift("a", workspace.Drifted, "box.one")
		}, define("a", auto, heals()))
	})
}

// observeNow has a workspace's findings show a difference, as a check would.
func (e *Engine) observeNow(t *testing.T, name string, found ...drift.Difference) {
	t.Helper()
	err := e.txn.ChangeWorkspace(context.Background(), name, func(h *run.WorkspaceTx) error {
		return outcome.By(e.txn.Settings).Enter(&h.FindingsTx, &h.Record,
			outcome.Observation{Check: drift.Check{Workspace: name, At: h.Now, Outcome: drift.Clean}, Found: found},
			h.Now)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A heal is an apply like others: a suspension and a lock hold it, and it waits
// once, however many checks find the same meanwhile.
func TestHealingWaitsLikeOthers(t *testing.T) {
	ctx := context.Background()
	for name, c := range map[string]struct{ hold, free func(*rig) error }{
		"suspended": {func(g *rig) error { return g.engine.Suspend(ctx, ana, "a", "freeze", time.Time{}) },
			func(g *rig) error { return g.engine.Resume(ctx, ana, "a") }},
		"locked": {func(g *rig) error { return g.engine.Lock(ctx, ana, "a", "by hand") },
			func(g *rig) error { return g.engine.Unlock(ctx, ana, "a", "") }},
	} {
		t.Run(name, func(t *testing.T) {
			appliedRig(t, func(t *testing.T, g *rig, w *world) {
				if err := c.hold(g); err != nil {
					t.Fatal(err)
				}
				w.change("box.one", "large")
				g.check("a")
				heal := g.want("a", run.ApplyQueued)
				for range 4 {
					g.pass(10 * time.Minute)
					g.notHealed("a", "run "+heal.ID+" goes first")
				}
				if d := g.view("a").Record.Drift; d.Status != workspace.Drifted || d.HealStopped != "" {
					t.Errorf("%+v", d)
				}
				if err := c.free(g); err != nil {
					t.Fatal(err)
				}
				g.settle()
				if got := g.get(heal.ID); got.Status != run.Applied {
					t.Errorf("the heal is %s", got.Status)
				}
				if d := g.view("a").Record.Drift; d.NotHealed != "" {
					t.Errorf("nothing has drifted, and it is not healed: %s", d.NotHealed)
				}
				g.wantFindings("a", "box.one changed resolved")
			}, define("a", auto, heals()))
		})
	}
}

// Between two heals of one thing lies the cooldown.
func TestHealingCoolsDown(t *testing.T) {
	appliedRig(t, func(t *testing.T, g *rig, w *world) {
		w.change("box.one", "large")
		g.check("a")
		g.want("a", run.Applied)
		w.change("box.one", "large")
		g.pass(30 * time.Minute)
		g.notHealed("a", "not again before")
		g.pass(31 * time.Minute)
		g.check("a")
		g.want("a", run.Applied)
		if n := g.heals("a"); n != 2 {
			t.Errorf("%d heals", n)
		}
	}, define("a", auto, func(d *fleet.Definition) { d.Healing = &healing.Rules{Cooldown: time.Hour} }))
}

// The daemon dies at every write of a check that heals: it is healed once.
func TestHealingSurvivesACrash(t *testing.T) {
	for n := 1; ; n++ {
		done := false
		for _, after := range []bool{false, true} {
			appliedRig(t, func(t *testing.T, g *rig, w *world) {
				w.change("box.one", "large")
				g.dying.dieAt(n, after)
				if _, err := g.engine.Start(context.Background(), ana,
					acts.Order{Workspace: "a", Kind: run.Drift}); err != nil && g.heals("a") == 0 &&
					!g.dying.dead.Load() {
					t.Fatal(err)
				}
				g.settle()
				done = !g.dying.dead.Load()
				g.restart()
				if n == 1 && !after { // it was not even asked for
					g.check("a")
				}
				if got := g.heals("a"); got != 1 {
					t.Errorf("died at write %d (after it: %t): %d heals", n, after, got)
				}
				if r := g.last("a"); r.Status == run.Interrupted {
					return // its apply was claimed, and never begun
				}
				g.wantFindings("a", "box.one changed resolved")
				if f := g.findings("a", drift.Resolved); len(f) == 1 && len(f[0].Heals) != 1 {
					t.Errorf("died at write %d (after it: %t): %+v", n, after, f[0])
				}
			}, define("a", auto, heals()))
		}
		if done {
			if n < 6 {
				t.Errorf("a heal is %d writes", n)
			}
			return
		}
	}
}

// What a check found after a plan was made, the apply of that plan says nothing
// of: it is neither resolved, nor told to be (P5).
func TestAnOldPlanResolvesNothingNewer(t *testing.T) {
	appliedRig(t, func(t *testing.T, g *rig, w *world) {
		w.change("box.old", "large")
		g.check("a")
		w.healed = false
		g.commit("a/main.tf")
		waits := g.want("a", run.AwaitingApproval) // it puts box.old back
		g.pass(time.Hour)
		w.change("box.one", "large")
		g.check("a")
		g.check("a")
		g.wantFindings("a", "box.old changed ongoing", "box.one changed ongoing")
		seen := g.view("a").Record.Drift.CheckedAt
		g.pass(time.Minute)
		w.restore("box.old")
		g.runners.set(func(p *players) { p.hold[job.PlanPhase] = true }) // the check that follows by itself
		g.approve(ana, waits)
		if got := g.get(waits.ID); got.Status != run.Applied {
			t.Fatalf("the commit is %s", got.Status)
		}
		if d := g.view("a").Record.Drift; d.Status != workspace.DriftUnknown ||
			!strings.Contains(d.Why, "older than the last check") {
			t.Errorf("%+v", d)
		}
		if f := g.findings("a"); len(f) != 1 || f[0].Address != "box.one" || f[0].Times != 2 ||
			!f[0].LastSeen.Equal(seen) {
			t.Errorf("nobody saw it go: %+v", f)
		}
		checks, err := g.store.ChecksOf(context.Background(), "a", time.Time{})
		if last := checks[len(checks)-1]; err != nil || last.Run != waits.ID || last.Outcome != drift.Drifted ||
			last.Open[drift.Medium] != 1 {
			t.Errorf("%v: %+v", err, last)
		}
		g.runners.set(func(p *players) { p.hold[job.PlanPhase] = false })
		g.runners.end(t)
		g.wantDrift("a", workspace.Drifted, "box.one")
		w.restore("box.one")
		g.check("a")
		if f := g.findings("a"); len(f) != 0 {
			t.Errorf("%+v", f)
		}
	}, define("a"))
}

// What was destroyed by hand cannot drift any more, whether or not the destroy
// run finds anything left to do.
func TestDestroyedByHand(t *testing.T) {
	appliedRig(t, func(t *testing.T, g *rig, w *world) {
		w.change("box.one", "")
		g.check("a")
		g.wantFindings("a", "box.one deleted new")
		w.restore("box.one") // nothing of it is left for the plan
		g.pass(time.Minute)
		if _, err := g.engine.Start(context.Background(), ana,
			acts.Order{Workspace: "a", Kind: run.Destroy}); err != nil {
			t.Fatal(err)
		}
		g.settle()
		if r := g.want("a", run.PlannedAndFinished); g.view("a").Record.Applied != "" {
			t.Errorf("after run %s the workspace is %+v", r.ID, g.view("a").Record)
		}
		g.wantFindings("a", "box.one deleted resolved")
	}, define("a", auto))
}

// A check during which applies begin is made again, and after so many times it
// is a check that could not be made: half an apply is not drift.
func TestACheckAmongApplies(t *testing.T) {
	appliedRig(t, func(t *testing.T, g *rig, w *world) {
		w.change("box.one", "large")
		g.runners.set(func(p *players) { p.hold[job.PlanPhase] = true })
		r := g.check("a")
		for range outcome.MaxRestarts + 1 {
			if got := g.get(r.ID); got.Status != run.Planning {
				t.Fatalf("the check is %s", got.Status)
			}
			_, err := g.store.Change(context.Background(), r.ID, func(d *run.Tx) error { // an apply began, and ended
				d.Record.ApplyStartedAt = d.Now
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			g.runners.end(t)
			g.pass(time.Second)
		}
		if d := g.view("a").Record.Drift; d.Status != workspace.DriftUnknown || !strings.Contains(d.Why, "apply") {
			t.Errorf("%+v", d)
		}
		g.wantFindings("a", " unchecked new")
		if g.heals("a") != 0 {
			t.Error("it was healed")
		}
	}, define("a", auto, heals()))
}
