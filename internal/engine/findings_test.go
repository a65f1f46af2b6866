package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/drift/healing"
	"github.com/tfops/tfops/internal/engine/acts"
	"github.com/tfops/tfops/internal/engine/settings"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// world is what plans find: the size of things, by address, where somebody
// made it other than the "small" that was applied; "" is gone.
type world struct {
	g      *rig
	sizes  map[string]string
	healed bool            // whether an apply puts things back, as it should
	makes  map[string]bool // workspaces whose next sync makes something
}

// inWorld has plans of the rig find what the world is.
func inWorld(g *rig) *world {
	w := &world{g: g, sizes: map[string]string{}, healed: true, makes: map[string]bool{}}
	g.runners.set(func(p *players) {
		p.plan = func(j job.Job) *plan.Plan {
			made := w.plan()
			if j.LockState && w.makes[j.Workspace] {
				made.Changes = append(made.Changes, plan.Change{Address: "box.made", Mode: "managed", Type: "box",
					Action: plan.Create, Configured: []string{"size"}})
				made.Counts.Add, made.Applyable = made.Counts.Add+1, true
			}
			return made
		}
		p.onStart = func(j job.Job) {
			if j.Phase == job.ApplyPhase {
				g.runners.mu.Lock() // which it is not called with
				defer g.runners.mu.Unlock()
				if delete(w.makes, j.Workspace); w.healed {
					clear(w.sizes)
				}
			}
		}
	})
	return w
}

func (w *world) plan() *plan.Plan {
	p := &plan.Plan{Complete: true, Compared: 3}
	for address, size := range w.sizes {
		typ, name, _ := strings.Cut(address, ".")
		c := plan.Change{Address: address, Mode: "managed", Type: typ, Name: name, Action: plan.Update,
			Configured: []string{"size"}}
		was, is := map[string]any{"size": "small"}, map[string]any{"size": size}
		out, back := c, c
		out.Before, out.After, back.Before, back.After = was, is, is, was
		p.Counts.Change++
		if size == "" {
			out.Action, out.After, back.Action, back.Before = plan.Delete, nil, plan.Create, nil
			p.Counts.Change, p.Counts.Add = p.Counts.Change-1, p.Counts.Add+1
		}
		p.Drift, p.Changes, p.Applyable = append(p.Drift, out), append(p.Changes, back), true
	}
	return p
}

// change is somebody's doing outside of tfops.
func (w *world) change(address, size string) {
	w.g.runners.set(func(*players) { w.sizes[address] = size })
}

// restore is somebody's undoing it.
func (w *world) restore(address string) {
	w.g.runners.set(func(*players) { delete(w.sizes, address) })
}

// check makes a drift check and returns its run.
func (g *rig) check(name string) run.Run {
	g.t.Helper()
	r, err := g.engine.Start(context.Background(), ana, acts.Order{Workspace: name, Kind: run.Drift})
	if err != nil {
		g.t.Fatal(err)
	}
	g.settle()
	return g.get(r.ID)
}

// findings are those of a workspace as "address class life", sorted.
func (g *rig) findings(name string, lives ...drift.Life) []drift.Finding {
	g.t.Helper()
	found, err := g.engine.Findings(context.Background(), acts.FindingQuery{Workspace: name, Lives: lives})
	if err != nil {
		g.t.Fatal(err)
	}
	return found
}

func (g *rig) wantFindings(name string, want ...string) {
	g.t.Helper()
	var got []string
	all := []drift.Life{drift.New, drift.Ongoing, drift.Recurring, drift.Acknowledged, drift.Ignored, drift.Resolved}
	for _, f := range g.findings(name, all...) {
		got = append(got, fmt.Sprintf("%s %s %s", f.Address, f.Class, f.Life))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		g.t.Errorf("findings %q, want %q", got, want)
	}
}

func (g *rig) wantDrift(name string, status workspace.DriftStatus, addresses ...string) {
	g.t.Helper()
	d := g.view(name).Record.Drift
	if d.Status != status || !slices.Equal(d.Addresses, addresses) {
		g.t.Errorf("drift is %s %q (%s), want %s %q", d.Status, d.Addresses, d.Why, status, addresses)
	}
}

// applied is a rig whose workspace a is applied.
func appliedRig(t *testing.T, fn func(*testing.T, *rig, *world), defs ...fleet.Definition) {
	t.Helper()
	bubble(t, func(t *testing.T, g *rig) {
		g.start()
		g.commit("a/main.tf")
		if r := g.last("a"); r.Status == run.AwaitingApproval {
			g.approve(ana, r)
		}
		g.want("a", run.Applied)
		fn(t, g, inWorld(g))
	}, defs...)
}

func TestAFindingIsFollowed(t *testing.T) {
	appliedRig(t, func(t *testing.T, g *rig, w *world) {
		first := g.last("a")
		if r := g.check("a"); r.Status != run.PlannedAndFinished {
			t.Fatalf("%s: %+v", r.Status, r.Failure)
		}
		g.wantDrift("a", workspace.DriftNone)
		w.change("box.one", "large")
		g.check("a")
		g.wantFindings("a", "box.one changed new")
		g.wantDrift("a", workspace.Drifted, "box.one")
		since := g.view("a").Record.Drift.Since
		g.pass(time.Hour)
		g.check("a")
		g.wantFindings("a", "box.one changed ongoing")
		if d := g.view("a").Record.Drift; !d.Since.Equal(since) || !d.CheckedAt.After(since) {
			t.Errorf("drifted since %s, want %s; checked at %s", d.Since, since, d.CheckedAt)
		}
		w.restore("box.one")
		g.check("a")
		g.wantFindings("a", "box.one changed resolved")
		g.wantDrift("a", workspace.DriftNone)
		w.change("box.one", "huge")
		w.change("box.two", "")
		g.check("a")
		g.wantFindings("a", "box.one changed recurring", "box.two deleted new")
		g.wantDrift("a", workspace.Drifted, "box.one", "box.two")

		// An apply puts it back, and says so at once.
		r, err := g.engine.Start(context.Background(), ana, acts.Order{Workspace: "a", Kind: run.Sync})
		if err != nil {
			t.Fatal(err)
		}
		g.settle()
		g.want("a", run.Applied)
		g.wantFindings("a", "box.one changed resolved", "box.two deleted resolved")
		for _, f := range g.findings("a", drift.Resolved) {
			if f.ResolvedBy != r.ID {
				t.Errorf("%s was resolved by %q, want %s", f.Address, f.ResolvedBy, r.ID)
			}
		}
		w.change("box.one", "large")
		g.check("a")
		if f := g.findings("a"); len(f) != 1 || f[0].LastRun != r.ID || r.ID == first.ID {
			t.Errorf("the last apply that touched it: %+v", f)
		}
	}, define("a", auto))
}

// What a commit explains that is not applied yet is no drift, and what it does
// not explain is.
func TestACommitThatWaitsExplains(t *testing.T) {
	appliedRig(t, func(t *testing.T, g *rig, w *world) {
		pending := &plan.Plan{Complete: true, Applyable: true, Counts: plan.Counts{Change: 1},
			Changes: []plan.Change{{Address: "box.one", Mode: "managed", Type: "box", Action: plan.Update,
				Configured: []string{"color"}, Before: map[string]any{"color": "red", "size": "small"},
				After: map[string]any{"color": "blue", "size": "small"}}}}
		g.runners.set(func(p *players) { p.plan = func(job.Job) *plan.Plan { return pending } })
		g.commit("a/main.tf")
		waits := g.want("a", run.AwaitingApproval)
		g.runners.set(func(p *players) { p.plan = func(job.Job) *plan.Plan { return w.plan() } })

		r := g.check("a")
		g.wantFindings("a", "box.one pending_commit new")
		g.wantDrift("a", workspace.DriftNone)
		checks, err := g.store.Checks(context.Background(), time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		if c := checks[len(checks)-1]; c.Run != r.ID || c.Outcome != drift.Clean || c.Head != waits.Commit.SHA ||
			!c.HeadPlanned || c.Commit == c.Head {
			t.Errorf("the check: %+v", c)
		}
		w.change("box.two", "large")
		g.check("a")
		g.wantFindings("a", "box.one pending_commit ongoing", "box.two changed new")
		g.wantDrift("a", workspace.Drifted, "box.two")
		if got := g.get(waits.ID); got.Status != run.AwaitingApproval {
			t.Errorf("a check moved the run that waits: %s", got.Status)
		}
		g.runners.set(func(p *players) { p.hold[job.PlanPhase] = true }) // the check that follows by itself
		g.approve(ana, waits)
		if got := g.get(waits.ID); got.Status != run.Applied {
			t.Fatalf("the commit's run is %s", got.Status)
		}
		// The plan was made before box.two was changed, and says nothing of it.
		g.wantFindings("a", "box.one pending_commit resolved", "box.two changed new")
		g.runners.end(t)
		g.wantFindings("a", "box.one pending_commit resolved", "box.two changed resolved")
	}, define("a"))
}

// P5: a check that could not look is unknown with its age, never clean, and
// resolves nothing.
func TestWhatIsNotCheckedIsUnknown(t *testing.T) {
	appliedRig(t, func(t *testing.T, g *rig, w *world) {
		w.change("box.one", "large")
		g.check("a")
		checked := g.view("a").Record.Drift.CheckedAt
		g.runners.set(func(p *players) {
			p.fail = func(job.Job) *job.Result {
				return &job.Result{Outcome: job.Failed, Cause: job.CauseEngine, Message: "no credentials"}
			}
		})
		g.pass(time.Hour)
		w.restore("box.one")
		g.check("a")
		g.wantFindings("a", "box.one changed new", " unchecked new")
		d := g.view("a").Record.Drift
		if d.Status != workspace.DriftUnknown || !strings.Contains(d.Why, "no credentials") ||
			!d.CheckedAt.Equal(checked) {
			t.Errorf("%+v, checked last at %s", d, checked)
		}
		g.runners.set(func(p *players) { p.fail = nil })
		g.check("a")
		g.wantFindings("a", "box.one changed resolved", " unchecked resolved")
		g.wantDrift("a", workspace.DriftNone)
	}, define("a", auto))
}

func TestRulesLeaveFindingsOut(t *testing.T) {
	appliedRig(t, func(t *testing.T, g *rig, w *world) {
		w.change("box.one", "large")
		g.check("a")
		rules := drift.Rules{Ignore: []drift.Ignore{{Name: "sizes", Attributes: []string{"size"}, Reason: "autoscaled",
			Expires: time.Now().Add(24*time.Hour + 27*time.Second)}},
			Severity: []drift.SeverityRule{{Name: "boxes", Type: "box", Severity: drift.Critical}}}
		set := *g.set
		set.Drift = rules
		set.Config.Workspaces = []fleet.Definition{define("a", auto)}
		if err := g.engine.Configure(context.Background(), &set); err != nil {
			t.Fatal(err)
		}
		g.settle()
		g.wantFindings("a", "box.one changed ignored") // without another check
		g.wantDrift("a", workspace.DriftNone)
		if r := g.check("a"); r.Plan.Counts.Change != 1 {
			t.Errorf("ignoring changed the plan: %+v", r.Plan)
		}
		g.wantFindings("a", "box.one changed ignored")
		g.pass(24*time.Hour + 26*time.Second)
		g.wantFindings("a", "box.one changed ignored")
		g.pass(2 * time.Second) // the rule has expired, and that is noticed at once
		g.wantFindings("a", "box.one changed new")
		g.wantDrift("a", workspace.Drifted, "box.one")
		if f := g.findings("a"); f[0].Severity != drift.Critical {
			t.Errorf("severity %s", f[0].Severity)
		}
		other := set
		other.Drift = drift.Rules{Severity: []drift.SeverityRule{{Name: "boxes", Type: "box", Severity: drift.High}}}
		if err := g.engine.Configure(context.Background(), &other); err != nil {
			t.Fatal(err)
		}
		g.settle()
		if f := g.findings("a"); f[0].Severity != drift.High { // without another check
			t.Errorf("severity %s", f[0].Severity)
		}
	}, define("a", auto))
}

func TestAcknowledge(t *testing.T) {
	appliedRig(t, func(t *testing.T, g *rig, w *world) {
		w.change("box.one", "large")
		g.check("a")
		id := g.findings("a")[0].ID
		ctx := context.Background()
		_, err := g.engine.Acknowledge(ctx, ana, id, " ", time.Time{})
		wantFault(t, err, fault.Invalid)
		_, err = g.engine.Acknowledge(ctx, ana, "nosuch", "known", time.Time{})
		wantFault(t, err, fault.NotFound)
		f, err := g.engine.Acknowledge(ctx, ana, id, "known", time.Now().Add(2*time.Hour))
		if err != nil || f.Life != drift.Acknowledged || f.Ack.By != "ana" {
			t.Fatalf("%v: %+v", err, f)
		}
		g.check("a")
		g.wantFindings("a", "box.one changed acknowledged")
		g.wantDrift("a", workspace.Drifted, "box.one") // it still differs
		g.pass(2*time.Hour - 5*time.Second)
		g.wantFindings("a", "box.one changed acknowledged")
		g.pass(10 * time.Second)
		g.wantFindings("a", "box.one changed ongoing")
		if _, err := g.engine.Acknowledge(ctx, ana, id, "known", time.Time{}); err != nil {
			t.Fatal(err)
		}
		if f, err := g.engine.Unacknowledge(ctx, li, id); err != nil || f.Life != drift.Ongoing {
			t.Errorf("%v: %+v", err, f)
		}
		audits, err := g.store.Audits(ctx, 2)
		if err != nil || len(audits) != 2 || audits[0].Actor != "li" || audits[1].Action != "acknowledge "+id ||
			audits[1].Reason != "known" {
			t.Errorf("%v: %+v", err, audits)
		}
	}, define("a", auto))
}

// An acknowledgement that is made while the rules are applied to the findings
// of before ends in time like any other.
func TestAcknowledgementsMeetTheRules(t *testing.T) {
	appliedRig(t, func(t *testing.T, g *rig, w *world) {
		w.change("box.one", "large")
		g.check("a")
		id := g.findings("a")[0].ID
		met := false
		g.dying.meeting(func() {
			met = true
			if _, err := g.engine.Acknowledge(context.Background(), ana, id, "known",
				time.Now().Add(5*time.Minute)); err != nil {
				t.Error(err)
			}
		})
		g.engine.upkeep.KeepRules(context.Background())
		g.wantFindings("a", "box.one changed acknowledged")
		g.pass(5*time.Minute + time.Second)
		if g.wantFindings("a", "box.one changed ongoing"); !met {
			t.Error("nobody acknowledged meanwhile")
		}
	}, define("a", auto))
}

func heals(only ...healing.Repair) func(*fleet.Definition) {
	return func(d *fleet.Definition) { d.Healing = &healing.Rules{Only: only, Cooldown: time.Minute} }
}

func TestHealing(t *testing.T) {
	t.Run("puts back what drifted", func(t *testing.T) {
		appliedRig(t, func(t *testing.T, g *rig, w *world) {
			w.change("box.one", "large")
			r := g.check("a")
			heal := g.want("a", run.Applied)
			if heal.Trigger != (run.Trigger{Cause: run.ByHeal, Run: r.ID}) || heal.Kind != run.Sync ||
				heal.Commit.SHA != r.Commit.SHA {
				t.Errorf("healed by %+v", heal)
			}
			g.wantFindings("a", "box.one changed resolved")
			if f := g.findings("a", drift.Resolved)[0]; f.ResolvedBy != heal.ID || len(f.Heals) != 1 {
				t.Errorf("%+v", f)
			}
		}, define("a", auto, heals()))
	})
	t.Run("waits for approval where the rules ask for one", func(t *testing.T) {
		appliedRig(t, func(t *testing.T, g *rig, w *world) {
			w.change("box.one", "large")
			g.check("a")
			heal := g.want("a", run.AwaitingApproval)
			g.pass(time.Hour)
			g.check("a") // which must not supersede the run that people look at
			if got := g.get(heal.ID); got.Status != run.AwaitingApproval {
				t.Errorf("the heal is %s (%s)", got.Status, got.Reason)
			}
			g.approve(ana, heal)
			if got := g.get(heal.ID); got.Status != run.Applied {
				t.Errorf("the heal is %s", got.Status)
			}
		}, define("a", heals()))
	})
	t.Run("leaves alone what is not drift", func(t *testing.T) {
		appliedRig(t, func(t *testing.T, g *rig, w *world) {
			g.runners.set(func(p *players) {
				p.plan = func(job.Job) *plan.Plan {
					made := w.plan()
					made.Changes = append(made.Changes, plan.Change{Address: "box.new", Mode: "managed", Type: "box",
						Action: plan.Create, After: map[string]any{"size": "small"}, Configured: []string{"size"}})
					return made
				}
			})
			w.change("box.one", "large")
			if r := g.check("a"); g.last("a").ID != r.ID {
				t.Errorf("a run followed: %+v", g.last("a"))
			}
		}, define("a", auto, heals()))
	})
	t.Run("heals only the classes that it may", func(t *testing.T) {
		appliedRig(t, func(t *testing.T, g *rig, w *world) {
			w.change("box.one", "")
			if r := g.check("a"); g.last("a").ID != r.ID {
				t.Errorf("what was deleted was made again: %+v", g.last("a"))
			}
		}, define("a", auto, heals(healing.Changed)))
	})
	t.Run("lets a commit that waits go first", func(t *testing.T) {
		appliedRig(t, func(t *testing.T, g *rig, w *world) {
			w.change("box.one", "large")
			g.commit("a/main.tf")
			waits := g.want("a", run.AwaitingApproval)
			r := g.check("a")
			if got := g.get(waits.ID); got.Status != run.AwaitingApproval || g.last("a").ID != r.ID {
				t.Errorf("the commit's run is %s, and the newest run %+v", got.Status, g.last("a"))
			}
		}, define("a", heals()))
	})
	t.Run("is stopped after three heals within a day, and goes on once it is clean", func(t *testing.T) {
		appliedRig(t, func(t *testing.T, g *rig, w *world) {
			for range 5 {
				w.change("box.one", "large")
				g.check("a")
				g.pass(time.Hour)
			}
			heals := 0
			for _, r := range g.runs("a") {
				if r.Trigger.Cause == run.ByHeal {
					heals++
				}
			}
			if heals != 3 {
				t.Errorf("healed %d times", heals)
			}
			if d := g.view("a").Record.Drift; d.Status != workspace.Drifted ||
				!strings.Contains(d.HealStopped, "healing box.one was begun 3 times within 24 hours") {
				t.Errorf("%+v", d)
			}
			w.restore("box.one")
			g.check("a")
			if d := g.view("a").Record.Drift; d.HealStopped != "" {
				t.Errorf("%+v", d)
			}
			g.pass(24 * time.Hour)
			w.change("box.one", "large")
			g.check("a")
			g.want("a", run.Applied)
		}, define("a", auto, heals()))
	})
}

// A slow check, or many, must not keep a commit waiting.
func TestChecksNeverDelayACommit(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.start()
		g.commit("a/main.tf", "b/main.tf")
		g.want("a", run.Applied)
		g.want("b", run.Applied)
		g.runners.set(func(p *players) { p.hold[job.PlanPhase] = true })
		first, second := g.check("a"), g.check("b")
		if first.Status != run.Planning || second.Status != run.Pending {
			t.Fatalf("with one place for checks: %s and %s", first.Status, second.Status)
		}
		if v, err := g.engine.Show(context.Background(), second.ID); err != nil ||
			!strings.Contains(v.Wait.Sentence(), "drift checks") {
			t.Errorf("%v: it waits for %q", err, v.Wait.Sentence())
		}
		g.commit("a/main.tf", "b/main.tf")
		for _, name := range []string{"a", "b"} {
			if r := g.last(name); r.Kind != run.Sync || r.Status != run.Planning {
				t.Errorf("%s: the commit's %s run is %s", name, r.Kind, r.Status)
			}
		}
	}, define("a", auto), define("b", auto))
}

// Whatever instant the daemon dies at, a check is stored once and whole.
func TestACheckSurvivesACrash(t *testing.T) {
	appliedRig(t, func(t *testing.T, g *rig, w *world) {
		w.change("box.one", "large")
		g.runners.set(func(p *players) { p.hold[job.PlanPhase] = true })
		r := g.check("a")
		g.dying.dead.Store(true)
		g.runners.end(t) // the runner ends, and what it found cannot be stored any more
		g.restart()
		g.settle()
		if got := g.get(r.ID); got.Status != run.PlannedAndFinished {
			t.Fatalf("the check is %s", got.Status)
		}
		g.wantFindings("a", "box.one changed new")
		checks, err := g.store.Checks(context.Background(), time.Time{})
		n := 0
		for _, c := range checks {
			if c.Run == r.ID {
				n++
			}
		}
		if err != nil || n != 1 || g.findings("a")[0].Times != 1 {
			t.Errorf("%v: the check was stored %d times", err, n)
		}
	}, define("a", auto))
}

// What changes while a check is on its way counts for what it finds: rules and
// words of people, and whether the workspace is there at all.
func TestAReloadDuringACheck(t *testing.T) {
	appliedRig(t, func(t *testing.T, g *rig, w *world) {
		w.change("box.one", "large")
		g.runners.set(func(p *players) { p.hold[job.PlanPhase] = true })
		r := g.check("a")
		g.adjust = func(s *settings.Settings) {
			s.Drift.Ignore = []drift.Ignore{{Name: "sizes", Attributes: []string{"size"}, Reason: "autoscaled"}}
		}
		g.configure(define("a", auto))
		g.runners.end(t)
		if got := g.get(r.ID); got.Status != run.PlannedAndFinished {
			t.Fatalf("the check is %s", got.Status)
		}
		g.wantFindings("a", "box.one changed ignored")
		g.wantDrift("a", workspace.DriftNone)

		// Severities are those of the rules of now, without another check.
		g.adjust = func(s *settings.Settings) {
			s.Drift.Severity = []drift.SeverityRule{{Name: "boxes", Type: "box", Severity: drift.High}}
		}
		g.configure(define("a", auto))
		if f := g.findings("a"); len(f) != 1 || f[0].Life != drift.New || f[0].Severity != drift.High {
			t.Errorf("%+v", f)
		}
		g.adjust = nil
		g.configure(define("a", auto))
		if f := g.findings("a"); len(f) != 1 || f[0].Severity != drift.Medium {
			t.Errorf("%+v", f)
		}

		// A workspace that is gone when its check ends is not clean, nor is one that
		// was gone for a moment.
		g.runners.set(func(p *players) { p.hold[job.PlanPhase] = true })
		r = g.check("a")
		g.configure()
		g.runners.end(t)
		g.configure(define("a", auto))
		if got := g.get(r.ID); got.Status != run.Discarded {
			t.Errorf("the check is %s", got.Status)
		}
		if d := g.view("a").Record.Drift; d.Status != workspace.DriftUnknown || d.Why == "" {
			t.Errorf("%+v", d)
		}
	}, define("a", auto))
}

// Many people and checks at once lose nothing of each other's.
func TestFindingsAtOnce(t *testing.T) {
	appliedRig(t, func(t *testing.T, g *rig, w *world) {
		const n = 8
		for i := range n {
			w.change(fmt.Sprintf("box.n%d", i), "large")
		}
		g.check("a")
		ctx := context.Background()
		var done sync.WaitGroup
		for _, f := range g.findings("a") {
			done.Go(func() {
				if _, err := g.engine.Acknowledge(ctx, ana, f.ID, "known", time.Time{}); err != nil {
					t.Error(err)
				}
			})
			done.Go(func() {
				if _, err := g.engine.Start(ctx, li, acts.Order{Workspace: "a", Kind: run.Drift}); err != nil {
					t.Error(err)
				}
			})
			done.Go(func() { g.engine.upkeep.KeepRules(ctx) })
		}
		done.Wait()
		g.settle()
		g.check("a")
		found := g.findings("a")
		if len(found) != n {
			t.Fatalf("%d findings", len(found))
		}
		checks, err := g.store.Checks(ctx, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		looked := 0
		for _, c := range checks {
			if c.Resources == 3 && c.Outcome == drift.Drifted {
				looked++
			}
		}
		for _, f := range found {
			if f.Life != drift.Acknowledged || f.Ack == nil || f.Times != looked {
				t.Errorf("%s is %s, was found by %d of %d checks, ack %+v", f.Address, f.Life, f.Times, looked, f.Ack)
			}
		}
	}, define("a", auto))
}

// An apply counts what it made: of the first one nothing was there to compare.
func TestAnApplyKnowsWhatItMade(t *testing.T) {
	appliedRig(t, func(t *testing.T, g *rig, _ *world) {
		checks, err := g.store.ChecksOf(context.Background(), "a", time.Time{})
		made, readErr := g.engine.txn.Files.Run(g.last("a").ID).ReadPlan()
		if err != nil || readErr != nil || len(checks) != 1 {
			t.Fatalf("%v, %v, %d checks", err, readErr, len(checks))
		}
		if made.Compared != 0 || made.Counts.Add == 0 || checks[0].Resources != made.Counts.Add {
			t.Errorf("%d resources, of a plan that compares %d and adds %d", checks[0].Resources, made.Compared,
				made.Counts.Add)
		}
	}, define("a", auto))
}
