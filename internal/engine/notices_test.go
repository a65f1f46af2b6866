package engine

import (
	"context"
	"encoding/json"

	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/engine/acts"
	"github.com/tfops/tfops/internal/engine/settings"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/notify"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// told runs a test with a rig that tells targets, "all" of which wants everything.
func toldRig(t *testing.T, targets []notify.Target, fn func(*testing.T, *rig, *world), defs ...fleet.Definition) {
	t.Helper()
	targets = append(targets, notify.Target{Name: "all"})
	bubble(t, func(t *testing.T, g *rig) {
		g.adjust = func(s *settings.Settings) {
			s.Wants = func(n run.Notice) []string {
				return notify.Wants(targets,
					n)
			}
		}
		g.adjust(g.set)
		w := inWorld(g)
		for _, d := range defs {
			w.makes[d.Name] = true
		}
		g.start()
		fn(t, g, w)
	}, defs...)
}

// told are the notices in the outbox for a target, oldest first.
func (g *rig) told(target string) []run.Notice {
	g.t.Helper()
	all, err := g.store.Waiting(context.Background())
	if err != nil {
		g.t.Fatal(err)
	}
	var out []run.Notice
	for _, d := range all {
		if d.Target == target {
			out = append(out, d.Notice)
		}
	}
	return out
}

// forget empties the outbox: everybody has been told.
func (g *rig) forgetTold() {
	g.t.Helper()
	all, err := g.store.Waiting(context.Background())
	for _, d := range all {
		if err == nil {
			err = g.store.Delivered(context.Background(), d.ID)
		}
	}
	if err != nil {
		g.t.Fatal(err)
	}
}

// wantTold asserts what was told since the last look, each as "kind severity
// title > command", where RUN stands for the id of a run.
func (g *rig) wantTold(want ...string) {
	g.t.Helper()
	var got []string
	for _, n := range g.told("all") {
		text := string(n.Kind)
		if n.Severity != "" {
			text += " " + n.Severity
		}
		text += ": " + n.Title + " > " + n.Command
		runs, err := g.store.Runs(context.Background(), run.Query{})
		if err != nil {
			g.t.Fatal(err)
		}
		for _, r := range runs {
			text = strings.ReplaceAll(text, r.ID, "RUN")
		}
		got = append(got, text)
	}
	if !slices.Equal(got, want) {
		g.t.Errorf("told\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	g.forgetTold()
}

const (
	toldWaits   = "awaiting_approval: a: sync awaits approval: 1 to add > tfops approve RUN"
	toldApplied = "applied: a: sync applied: 1 to add > tfops show RUN"
	toldNew     = "drift_new medium: a drifted: 1 new finding, the worst medium > tfops drift findings a"
	toldGone    = "drift_resolved medium: a: 1 finding resolved > tfops drift findings a --life resolved"
)

// failing has phases of a kind fail.
func failing(g *rig, phase job.Phase, message string) {
	g.runners.set(func(p *players) {
		p.fail = func(j job.Job) *job.Result {
			if j.Phase != phase {
				return nil
			}
			return &job.Result{Outcome: job.Failed, Cause: job.CauseEngine, Message: message}
		}
	})
}

func working(g *rig) { g.runners.set(func(p *players) { p.fail = nil }) }

// People are told each thing once, with the command that moves it on.
func TestNotices(t *testing.T) {
	for name, c := range map[string]struct {
		play func(*rig, *world)
		def  fleet.Definition
	}{
		"a commit is approved and applied": {func(g *rig, w *world) {
			g.commit("a/main.tf")
			g.wantTold(toldWaits)
			g.approve(ana, g.last("a"))
			g.wantTold(toldApplied)
		}, define("a")},
		"a commit is rejected, in many words": {func(g *rig, w *world) {
			g.commit("a/main.tf")
			r := g.last("a")
			g.wantTold(toldWaits)
			if _, err := g.engine.Vote(context.Background(), ana, r.ID,
				acts.Ballot{Digest: r.Plan.Digest, Comment: "not today\nnor tomorrow"}); err != nil {
				g.t.Fatal(err)
			}
			g.wantTold("discarded: a: sync was discarded, rejected: not today > tfops sync a")
		}, define("a")},
		"nobody approves": {func(g *rig, w *world) {
			g.commit("a/main.tf")
			g.wantTold(toldWaits)
			g.pass(25 * time.Hour)
			g.wantTold("discarded: a: sync was discarded, expired: nobody approved in time; a fresh plan: tfops " +
				"sync a > tfops sync a")
		}, define("a")},
		"a newer commit": {func(g *rig, w *world) {
			g.commit("a/main.tf")
			g.commit("a/main.tf")
			g.wantTold(toldWaits, toldWaits) // that one took the other's place is told by the second
		}, define("a")},
		"a plan fails": {func(g *rig, w *world) {
			failing(g, job.PlanPhase, "no such module\nin main.tf")
			g.commit("a/main.tf")
			g.wantTold("errored: a: sync failed: no such module > tfops show RUN")
		}, define("a", auto)},
		"a plan fails and is tried again": {func(g *rig, w *world) {
			g.runners.set(func(p *players) {
				p.fail = func(job.Job) *job.Result {
					return &job.Result{Outcome: job.Failed, Cause: job.CauseNetwork, Message: "no route"}
				}
			})
			g.commit("a/main.tf")
			g.wantTold() // before the last try
			g.pass(time.Hour)
			g.wantTold("errored: a: sync failed: no route > tfops show RUN")
		}, define("a", auto)},
		"an apply fails": {func(g *rig, w *world) {
			failing(g, job.ApplyPhase, "quota exceeded")
			g.commit("a/main.tf")
			g.wantTold("errored: a: sync failed: quota exceeded > tfops show RUN")
		}, define("a", auto)},
		"an apply is interrupted": {func(g *rig, w *world) {
			g.runners.set(func(p *players) { p.hold[job.ApplyPhase] = true })
			g.commit("a/main.tf")
			g.runners.vanish(g.t)
			g.wantTold("interrupted: a: sync was interrupted in the middle of its apply, and its outcome is not " +
				"known > tfops resolve RUN -m WHAT_WAS_FOUND")
		}, define("a", auto)},
		"what people look at themselves": {func(g *rig, w *world) {
			g.commit("a/main.tf")
			r := g.last("a")
			g.wantTold(toldWaits)
			if _, err := g.engine.Cancel(context.Background(), ana, r.ID, false); err != nil {
				g.t.Fatal(err)
			}
			if _, err := g.engine.Start(context.Background(), ana,
				acts.Order{Workspace: "a", Kind: run.Plan}); err != nil {
				g.t.Fatal(err)
			}
			g.settle()
			g.wantTold()
		}, define("a")},
		"drift comes, stays, is gone and is back": {func(g *rig, w *world) {
			g.commit("a/main.tf")
			g.wantTold(toldApplied)
			w.change("box.one", "large")
			g.check("a")
			g.wantTold(toldNew)
			g.check("a")
			g.check("a")
			g.wantTold()
			w.restore("box.one")
			g.check("a")
			g.wantTold(toldGone)
			g.check("a")
			g.wantTold()
			w.change("box.one", "")
			w.change("box.two", "large")
			g.check("a")
			g.wantTold("drift_new critical: a drifted: 2 new findings, the worst critical > tfops drift findings a")
		}, define("a", auto)},
		"what was changed is deleted": {func(g *rig, w *world) {
			g.commit("a/main.tf")
			w.change("box.one", "large")
			g.check("a")
			g.wantTold(toldApplied, toldNew)
			w.change("box.one", "")
			g.check("a") // it is not resolved
			g.wantTold("drift_new critical: a drifted: 1 new finding, the worst critical > tfops drift findings a")
		}, define("a", auto)},
		"a commit puts back what drifted": {func(g *rig, w *world) {
			g.commit("a/main.tf")
			w.change("box.one", "large")
			g.check("a")
			g.wantTold(toldApplied, toldNew)
			g.runners.set(func(*players) { w.makes["a"] = true })
			g.commit("a/main.tf")
			g.wantTold("applied: a: sync applied: 1 to add, 1 to change > tfops show RUN", toldGone)
		}, define("a", auto)},
		"a check fails, more than once": {func(g *rig, w *world) {
			g.commit("a/main.tf")
			g.wantTold(toldApplied)
			failing(g, job.PlanPhase, "no credentials")
			g.check("a")
			g.wantTold("drift_unchecked high: a could not be checked for drift > tfops drift a --wait")
			g.check("a")
			working(g)
			g.check("a")
			g.wantTold()
			failing(g, job.PlanPhase, "no credentials")
			g.check("a")
			g.wantTold("drift_unchecked high: a could not be checked for drift > tfops drift a --wait")
		}, define("a", auto)},
		"drift is healed until it is enough": {func(g *rig, w *world) {
			g.commit("a/main.tf")
			g.wantTold(toldApplied)
			healed := "healed: a: drift was put back: 1 to change > tfops show RUN"
			for range 3 {
				w.change("box.one", "large")
				g.check("a")
				g.wantTold(toldNew, healed, toldGone)
				g.pass(time.Hour)
			}
			w.change("box.one", "large")
			g.check("a")
			g.wantTold("heal_stopped high: a is not healed any more: healing box.one was begun 3 times within 24 "+
				"hours, and it differs still > tfops drift findings a", toldNew)
			for range 5 {
				g.check("a")
			}
			g.wantTold()
		}, define("a", auto, heals())},
	} {
		t.Run(name, func(t *testing.T) {
			toldRig(t, nil, func(t *testing.T, g *rig, w *world) { c.play(g, w) }, c.def)
		})
	}
}

// Who acknowledged a finding, or wrote a rule that leaves it out, need not be
// told of it. What the word of then does not cover is told.
func TestWhatIsKnownIsNotTold(t *testing.T) {
	toldRig(t, nil, func(t *testing.T, g *rig, w *world) {
		ctx := context.Background()
		g.commit("a/main.tf")
		w.change("box.one", "large")
		g.check("a")
		g.forgetTold()
		id := g.findings("a")[0].ID
		if _, err := g.engine.Acknowledge(ctx, ana, id, "known", time.Now().Add(2*time.Hour)); err != nil {
			t.Fatal(err)
		}
		g.check("a")
		g.wantTold()
		w.restore("box.one")
		g.check("a")
		g.wantTold(toldGone)
		w.change("box.one", "large") // the acknowledgement still holds
		g.check("a")
		g.wantFindings("a", "box.one changed acknowledged")
		g.wantTold()
		w.change("box.one", "huge") // it is of another value
		g.check("a")
		g.wantFindings("a", "box.one changed new")
		g.wantTold(toldNew)
		w.change("box.one", "large")
		g.check("a")
		g.wantFindings("a", "box.one changed acknowledged")
		g.wantTold()
		g.pass(3 * time.Hour)
		g.check("a")
		g.wantFindings("a", "box.one changed ongoing")
		g.wantTold() // it is in the reports again

		rule := drift.Ignore{Name: "two", Address: "box.two", Reason: "autoscaled",
			Expires: time.Now().Add(3 * time.Hour)}
		g.adjust = func(with func(*settings.Settings)) func(*settings.Settings) {
			return func(s *settings.Settings) { with(s); s.Drift.Ignore = []drift.Ignore{rule} }
		}(g.adjust)
		g.configure(define("a", auto))
		w.change("box.two", "large")
		g.check("a")
		g.wantFindings("a", "box.one changed ongoing", "box.two changed ignored")
		w.restore("box.two")
		g.check("a")
		w.change("box.two", "large")
		g.check("a")
		g.wantTold()
		g.pass(4 * time.Hour) // the rule ends, and no check is made
		g.wantFindings("a", "box.one changed ongoing", "box.two changed new")
		g.wantTold(toldNew)
		g.check("a")
		g.wantTold()
	}, define("a", auto))
}

// A target is told what it asked for and nothing else.
func TestNoticesGoToWhoWantsThem(t *testing.T) {
	labels := func(team string) func(*fleet.Definition) {
		return func(d *fleet.Definition) { d.Labels = map[string]string{"team": team} }
	}
	targets := []notify.Target{
		{Name: "b", Filter: notify.Filter{Workspaces: []string{"b*"}}},
		{Name: "network", Filter: notify.Filter{Labels: map[string]string{"team": "net*"}}},
		{Name: "critical", On: []run.NoticeKind{run.NoticeDriftNew, run.NoticeDriftResolved},
			Filter: notify.Filter{Severity: drift.Critical}},
		{Name: "applies", On: []run.NoticeKind{run.NoticeApplied}},
		{Name: "nothing", On: []run.NoticeKind{run.NoticeConfigInvalid}},
	}
	toldRig(t, targets, func(t *testing.T, g *rig, w *world) {
		g.commit("a/main.tf", "b/main.tf")
		w.change("box.one", "large") // of both
		g.check("a")
		w.change("box.two", "")
		g.check("b")
		got := map[string][]string{}
		for _, name := range []string{"b", "network", "critical", "applies", "nothing", "all"} {
			for _, n := range g.told(name) {
				if n.Repository != "infra" || n.Labels["team"] == "" || n.At.IsZero() {
					t.Errorf("the notice does not tell whose it is: %+v", n)
				}
				got[name] = append(got[name], n.Workspace+" "+string(n.Kind))
			}
			slices.Sort(got[name])
		}
		want := map[string][]string{
			"all":      {"a applied", "a drift_new", "b applied", "b drift_new"},
			"b":        {"b applied", "b drift_new"},
			"network":  {"a applied", "a drift_new"},
			"critical": {"b drift_new"},
			"applies":  {"a applied", "b applied"},
		}
		if !maps.EqualFunc(got, want, slices.Equal) {
			t.Errorf("told %v, want %v", got, want)
		}
	}, define("a", auto, labels("network")), define("b", auto, labels("apps")))
}

// P6: what a plan found, and what engines were given, is in no notice.
func TestNoticesHoldNoSecrets(t *testing.T) {
	const canary = "canary-4c1b"
	toldRig(t, nil, func(t *testing.T, g *rig, w *world) {
		g.commit("a/main.tf")
		g.approve(ana, g.last("a"))
		w.change("box.one", canary)
		g.check("a")
		g.approve(ana, g.last("a"))
		failing(g, job.PlanPhase, "no credentials")
		g.check("a")
		g.commit("a/main.tf")
		told := g.told("all")
		b, err := json.Marshal(told)
		if err != nil || strings.Contains(string(b), canary) || strings.Contains(string(b), "nobody-may-see") {
			t.Errorf("%v: %s", err, b)
		}
		kinds := map[run.NoticeKind]bool{}
		for _, n := range told {
			kinds[n.Kind] = true
		}
		for _, k := range []run.NoticeKind{run.NoticeAwaitingApproval, run.NoticeHealed, run.NoticeDriftNew,
			run.NoticeDriftResolved, run.NoticeDriftUnchecked, run.NoticeErrored} {
			if !kinds[k] {
				t.Errorf("nothing of the kind %s was told", k)
			}
		}
	}, define("a", heals(), func(d *fleet.Definition) {
		d.Env = map[string]workspace.EnvVar{"TOKEN": {Value: canary, Secret: true}}
	}))
}
