package engine

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/engine/settings"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

func checkedBy(t *testing.T, spec, zone string) func(*fleet.Definition) {
	return func(d *fleet.Definition) { d.Drift = scheduled(t, spec, zone) }
}

// checks are the drift runs of a workspace that its schedule asked for, oldest first.
func (g *rig) scheduled(name string) (out []run.Run) {
	g.t.Helper()
	for _, r := range g.runs(name) {
		if r.Kind == run.Drift && r.Trigger.Cause == run.BySchedule {
			out = append(out, r)
		}
	}
	slices.Reverse(out)
	return out
}

// A schedule goes by the clock of its place, over a night that is an hour short
// too, and checks lie apart from each other by their names.
func TestScheduleGoesByTheClock(t *testing.T) {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	bubble(t, func(t *testing.T, g *rig) {
		time.Sleep(time.Until(time.Date(2000, 3, 24, 12, 0, 0, 0, paris)))
		g.start()
		g.commit("a/main.tf", "b/main.tf")
		inWorld(g)
		g.pass(72 * time.Hour)
		at := map[string][]time.Time{}
		for _, name := range []string{"a", "b"} {
			for _, r := range g.scheduled(name) {
				at[name] = append(at[name], r.CreatedAt.In(paris))
			}
			if len(at[name]) != 3 {
				t.Fatalf("%s was checked at %s in three nights", name, at[name])
			}
			for i, begin := range []string{"02:30", "03:30", "02:30"} { // the second night has no half past two
				due, err := time.ParseInLocation("2006-01-02 15:04", fmt.Sprintf("2000-03-%d %s", 25+i, begin), paris)
				if late := at[name][i].Sub(due); err != nil || late < 0 || late > 30*time.Minute {
					t.Errorf("%s was checked at %s, due at %s", name, at[name][i], due)
				}
			}
		}
		if at["a"][0].Equal(at["b"][0]) {
			t.Error("checks are not spread")
		}
	}, define("a", auto, checkedBy(t, "30 2 * * *", "Europe/Paris")),
		define("b", auto, checkedBy(t, "30 2 * * *", "Europe/Paris")))
}

// However many checks are due at once, so many run at once, and all are made.
func TestChecksAreCapped(t *testing.T) {
	var defs []fleet.Definition
	var paths []string
	for i := range 12 {
		name := fmt.Sprintf("w%02d", i)
		defs, paths = append(defs, define(name, auto, checkedBy(t, "0 2 * * *", ""))), append(paths, name+"/main.tf")
	}
	bubble(t, func(t *testing.T, g *rig) {
		g.adjust = func(s *settings.Settings) { s.Checks = 3 }
		g.adjust(g.set)
		g.store.Close()
		g.open()
		for _, p := range paths {
			g.git.add(p)
		}
		g.start()
		g.commit(paths...)
		inWorld(g)
		g.runners.set(func(p *players) { p.hold[job.PlanPhase] = true })
		g.pass(3 * time.Hour)
		made := 0
		for ; made < 100; made++ {
			planning, pending := 0, 0
			for _, d := range defs {
				switch g.last(d.Name).Status {
				case run.Planning:
					planning++
				case run.Pending:
					pending++
				}
			}
			if planning == 0 && pending == 0 {
				break
			}
			if planning != min(3, planning+pending) {
				t.Fatalf("%d checks run and %d wait", planning, pending)
			}
			g.runners.end(t)
		}
		if made != 12 {
			t.Errorf("%d checks were made of 12 workspaces", made)
		}
	}, defs...)
}

// Nothing that happens to runs keeps checks from being made: they look at what
// is applied.
func TestChecksGoOn(t *testing.T) {
	ctx := context.Background()
	nightly := checkedBy(t, "0 2 * * *", "")
	for name, c := range map[string]struct {
		def  fleet.Definition
		then func(*testing.T, *rig, *world)
		left run.Status // what becomes of the run that was there
	}{
		"while an approval waits": {define("a", nightly),
			func(t *testing.T, g *rig, w *world) { g.commit("a/main.tf") }, run.AwaitingApproval},
		"after a run was rejected": {define("a", nightly), func(t *testing.T, g *rig, w *world) {
			g.commit("a/main.tf")
			if err := g.vote(ana, g.want("a", run.AwaitingApproval), false); err != nil {
				t.Fatal(err)
			}
		}, run.Discarded},
		"after a plan failed": {define("a", auto, nightly), func(t *testing.T, g *rig, w *world) {
			failing(g, job.PlanPhase, "no such module")
			g.commit("a/main.tf")
			working(g)
		}, run.Errored},
		"after an apply failed": {define("a", auto, nightly), func(t *testing.T, g *rig, w *world) {
			failing(g, job.ApplyPhase, "quota")
			g.commit("a/main.tf")
			working(g)
		}, run.Errored},
		"after an apply was interrupted": {define("a", auto, nightly), func(t *testing.T, g *rig, w *world) {
			g.runners.set(func(p *players) { p.hold[job.ApplyPhase] = true })
			g.commit("a/main.tf")
			g.runners.vanish(t)
			g.runners.set(func(p *players) { p.hold[job.ApplyPhase] = false })
		}, run.Interrupted},
		"while applies are suspended": {define("a", auto, nightly), func(t *testing.T, g *rig, w *world) {
			if err := g.engine.Suspend(ctx, ana, "a", "freeze", time.Time{}); err != nil {
				t.Fatal(err)
			}
			g.commit("a/main.tf")
		}, run.ApplyQueued},
		"while somebody holds the state": {define("a", auto, nightly), func(t *testing.T, g *rig, w *world) {
			if err := g.engine.Lock(ctx, ana, "a", "by hand"); err != nil {
				t.Fatal(err)
			}
			g.commit("a/main.tf")
		}, run.ApplyQueued},
		"while its branch cannot be read": {define("a", auto, nightly), func(t *testing.T, g *rig, w *world) {
			g.commit("a/main.tf")
			g.git.broken(context.DeadlineExceeded)
		}, run.Applied},
	} {
		t.Run(name, func(t *testing.T) {
			appliedRig(t, func(t *testing.T, g *rig, w *world) {
				w.makes["a"] = true
				w.healed = false
				c.then(t, g, w)
				was := g.want("a", c.left)
				w.change("box.one", "large")
				g.pass(3 * time.Hour)
				all := g.scheduled("a")
				if len(all) != 1 || all[0].Status != run.PlannedAndFinished {
					t.Fatalf("the checks of the night: %+v", all)
				}
				found := g.findings("a")
				if !slices.ContainsFunc(found, func(f drift.Finding) bool { return f.Address == "box.one" }) {
					t.Errorf("what drifted was not found: %+v", found)
				}
				if got := g.get(was.ID); got.Status != c.left {
					t.Errorf("the run that was there is %s", got.Status)
				}
				want := all[0].Commit.SHA
				if applied := g.view("a").Record.Applied; applied != want {
					t.Errorf("checked at %s, and %s is applied", want, applied)
				}
			}, c.def)
		})
	}
}

// A check that is due while the one before goes on is not made beside it.
func TestASlowCheckIsNotDoubled(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.start()
		g.commit("a/main.tf")
		g.want("a", run.Applied)
		inWorld(g)
		g.runners.set(func(p *players) { p.hold[job.PlanPhase] = true })
		g.pass(5 * time.Hour)
		if all := g.scheduled("a"); len(all) != 1 || all[0].Status != run.Planning {
			t.Fatalf("%+v", all)
		}
		g.runners.set(func(p *players) { p.hold[job.PlanPhase] = false })
		g.runners.end(t)
		g.pass(2 * time.Hour)
		if all := g.scheduled("a"); len(all) != 3 {
			t.Errorf("%d checks", len(all))
		}
	}, define("a", auto, checkedBy(t, "@every 1h", "")))
}

// A schedule that comes with a reload holds from then on, and one that goes is over.
func TestSchedulesChange(t *testing.T) {
	appliedRig(t, func(t *testing.T, g *rig, w *world) {
		g.pass(48 * time.Hour)
		if n := len(g.scheduled("a")); n != 0 {
			t.Fatalf("%d checks without a schedule", n)
		}
		g.configure(define("a", auto, checkedBy(t, "0 2 * * *", "")))
		before := len(g.scheduled("a"))
		if before > 1 {
			t.Errorf("%d checks at once", before)
		}
		g.pass(24 * time.Hour)
		if n := len(g.scheduled("a")) - before; n != 1 {
			t.Errorf("%d checks in a night", n)
		}
		for range 5 { // reloads move nothing
			g.configure(define("a", auto, checkedBy(t, "0 2 * * *", "")))
		}
		if n := len(g.scheduled("a")) - before; n != 1 {
			t.Errorf("%d checks after reloads", n)
		}
		g.configure(define("a", auto))
		g.pass(48 * time.Hour)
		if n := len(g.scheduled("a")) - before; n != 1 {
			t.Errorf("%d checks after the schedule was taken away", n)
		}
	}, define("a", auto))
}

// P5: a check that cannot even be begun makes the workspace unknown, in each
// night anew, and tells so once.
func TestACheckThatCannotBeBegun(t *testing.T) {
	toldRig(t, nil, func(t *testing.T, g *rig, w *world) {
		sha := g.commit("a/main.tf")
		g.want("a", run.Applied)
		g.git.commit("main", "b/main.tf") // so that no poll asks for it
		g.pass(time.Minute)
		g.git.lose(sha)
		g.forgetTold()
		g.pass(3*24*time.Hour - time.Hour)
		g.wantTold("drift_unchecked high: a could not be checked for drift > tfops drift a --wait")
		checks, err := g.store.Checks(context.Background(), time.Now().AddDate(0, 0, -3))
		failed := 0
		for _, c := range checks {
			if c.Outcome == drift.NotChecked && c.Run == "" {
				failed++
			}
		}
		if err != nil || failed != 3 {
			t.Errorf("%v: %d checks failed in three nights: %+v", err, failed, checks)
		}
		g.wantFindings("a", " unchecked ongoing")
	}, define("a", auto, checkedBy(t, "0 2 * * *", "")))
}

// What is applied while a check of something older cannot be begun is not said
// to be unknown.
func TestACheckThatCannotBeBegunMeetsAnApply(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		ctx, sha := context.Background(), g.git.commit("main", "a/main.tf")
		applied := func(fingerprint string) {
			if err := g.store.ChangeWorkspace(ctx, "a", func(h *run.WorkspaceTx) error {
				h.Record.Name, h.Record.Applied, h.Record.AppliedFingerprint = "a", sha, fingerprint
				h.Record.Drift = workspace.DriftRecord{Status: workspace.DriftNone, CheckedAt: h.Now}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
		applied("of inputs that nobody knows")
		g.engine.upkeep.CheckSchedules(ctx, time.Now()) // says when the next one is due
		time.Sleep(2 * time.Hour)
		g.dying.meeting(func() { applied("of others") })
		g.engine.upkeep.CheckSchedules(ctx, time.Now())
		g.wantDrift("a", workspace.DriftNone)
		g.wantFindings("a")
		time.Sleep(2 * time.Hour)
		g.engine.upkeep.CheckSchedules(ctx, time.Now())
		g.wantDrift("a", workspace.DriftUnknown) // nothing came between
		g.wantFindings("a", " unchecked new")
	}, define("a", checkedBy(t, "@hourly", "")))
}

// A failed check that cannot be recorded either is tried again, instead of
// being passed over until the next night.
func TestAFailedCheckIsRecordedLater(t *testing.T) {
	toldRig(t, nil, func(t *testing.T, g *rig, w *world) {
		sha := g.commit("a/main.tf")
		g.want("a", run.Applied)
		g.git.commit("main", "b/main.tf")
		g.pass(time.Minute)
		g.git.lose(sha)
		g.dying.mu.Lock()
		g.dying.noHolds = true
		g.dying.mu.Unlock()
		g.pass(3 * time.Hour)
		g.wantFindings("a")
		g.dying.mu.Lock()
		g.dying.noHolds = false
		g.dying.mu.Unlock()
		g.pass(2 * time.Minute)
		g.wantFindings("a", " unchecked new")
		g.pass(time.Hour)
		g.wantFindings("a", " unchecked new") // and once
	}, define("a", auto, checkedBy(t, "0 2 * * *", "")))
}

// A schedule that comes into force while somebody looks what is due by the old
// one is what counts from then on.
func TestANewScheduleMeetsALook(t *testing.T) {
	checked := func(spec string) fleet.Definition { return define("a", checkedBy(t, spec, "")) }
	bubble(t, func(t *testing.T, g *rig) {
		ctx := context.Background()
		meet := func(plans ...settings.ReportPlan) {
			g.adjust = func(s *settings.Settings) { s.Reports = plans }
			if err := g.engine.Configure(ctx, g.settings(checked("@hourly"))); err != nil {
				t.Error(err)
			}
		}
		g.dying.meeting(func() { meet() })
		due := func() int {
			q, err := g.dying.Queue(ctx)
			if err != nil {
				t.Fatal(err)
			}
			return len(g.engine.upkeep.DueChecks(q, time.Now()))
		}
		for range 2 {
			if n := due(); n != 0 {
				t.Fatalf("%d checks are due at once", n)
			}
		}
		time.Sleep(2 * time.Hour)
		if n := due(); n != 1 {
			t.Errorf("%d checks are due by the hour", n)
		}

		weekly := settings.ReportPlan{Name: "r", Schedule: scheduled(t, "0 6 * * 1", "")}
		hourly := settings.ReportPlan{Name: "r", Schedule: scheduled(t, "@hourly", "")}
		meet(weekly)
		g.engine.upkeep.MakeReports(ctx, time.Now()) // looks for the first time
		time.Sleep(7 * 24 * time.Hour)
		g.dying.meeting(func() { meet(hourly) })
		g.engine.upkeep.MakeReports(ctx, time.Now())
		time.Sleep(time.Hour)
		g.engine.upkeep.MakeReports(ctx, time.Now())
		if n := len(g.reports()); n != 2 {
			t.Errorf("%d reports were made, want the weekly one and the first by the hour", n)
		}
	}, checked("@weekly"))
}
