package engine

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/drift/healing"
	"github.com/tfops/tfops/internal/drift/schedule"
	"github.com/tfops/tfops/internal/engine/settings"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/gitrepo"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/testrig"
)

func scheduled(t *testing.T, spec, zone string) schedule.Schedule {
	t.Helper()
	s, err := schedule.Parse(spec, zone)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// live lets time pass until a time; a daemon that dies meanwhile is started
// again at once.
func (g *rig) live(until time.Time) {
	g.t.Helper()
	for {
		select {
		case <-g.dying.died:
			g.restart()
			continue
		case <-time.After(time.Until(until)):
		}
		if g.settle(); !g.dying.dead.Load() {
			return
		}
		g.restart()
	}
}

// toldLife is a day of two workspaces in which everything happens that people
// are told of without a person's fault; the daemon dies at its nth write.
func toldLife(t *testing.T, n int, after bool, check func(*rig)) {
	hourly := func(d *fleet.Definition) { d.Drift = scheduled(t, "@every 1h", "") }
	toldRig(t, nil, func(t *testing.T, g *rig, w *world) {
		with := g.adjust
		g.adjust = func(s *settings.Settings) {
			with(s)
			s.Repositories["infra"] = settings.Repository{Name: "infra", Remote: g.git, Objects: g.git,
				Pace: gitrepo.Pace{Every: 20 * time.Minute}}
			s.Reports = []settings.ReportPlan{{Name: "daily", Schedule: scheduled(t, "45 4 * * *", "")}}
		}
		g.stop()
		<-g.done
		g.settings(g.set.Config.Workspaces...)
		g.store.Close()
		g.open()
		if n > 0 {
			g.dying.dieAt(n, after)
		}
		begin := time.Now()
		g.start()
		g.git.commit("main", "a/main.tf", "b/main.tf")
		for step, do := range []func(){
			func() {},
			func() { g.approves("b") },
			func() { w.change("box.one", "large") },
			func() { w.change("box.two", "") },
			func() { w.restore("box.two") },
			func() { failing(g, job.PlanPhase, "no credentials") },
			func() { working(g) },
		} {
			g.live(begin.Add(time.Duration(step)*time.Hour + 30*time.Minute))
			do()
		}
		g.live(begin.Add(8 * time.Hour))
		check(g)
	}, define("a", auto, hourly, heals(healing.Changed)), define("b"))
}

// approves votes for the newest run of a workspace until the vote is stored.
func (g *rig) approves(name string) {
	g.t.Helper()
	for range 3 {
		r := g.last(name)
		if r.Status != run.AwaitingApproval {
			return
		}
		if err := g.vote(ana, r, true); err != nil && !g.dying.dead.Load() && !fault.Is(err, fault.Conflict) {
			g.t.Fatal(err)
		}
		g.live(time.Now().Add(time.Second))
	}
	g.t.Fatal("the vote cannot be stored")
}

// toldOf is the kind of notice that a move of a run makes.
var toldOf = map[run.Status][]run.NoticeKind{
	run.AwaitingApproval: {run.NoticeAwaitingApproval},
	run.Applied:          {run.NoticeApplied, run.NoticeHealed},
	run.Interrupted:      {run.NoticeInterrupted},
}

// wantToldOnce asserts that each move of a run was told of once, and that
// nothing was told of a move that is not in the store.
func (g *rig) wantToldOnce() {
	g.t.Helper()
	told := g.told("all")
	runs, err := g.store.Runs(context.Background(), run.Query{})
	if err != nil {
		g.t.Fatal(err)
	}
	for _, r := range runs {
		_, events, err := g.store.Load(context.Background(), r.ID)
		if err != nil {
			g.t.Fatal(err)
		}
		for status, kinds := range toldOf {
			moves, notices := 0, 0
			for _, ev := range events {
				if ev.To == status {
					moves++
				}
			}
			for _, n := range told {
				if n.Run == r.ID && slices.Contains(kinds, n.Kind) {
					notices++
				}
			}
			if moves != notices {
				g.t.Errorf("run %s of %s became %s %d times, and that was told %d times", r.ID, r.Workspace, status,
					moves, notices)
			}
		}
	}
	reports, err := g.engine.Reports(context.Background())
	for _, r := range reports {
		if _, err := g.engine.KeptReport(context.Background(), r.ID); err != nil {
			g.t.Error(err)
		}
	}
	n := 0
	for _, x := range told {
		if x.Kind == run.NoticeReport {
			n++
		}
	}
	if err != nil || n != len(reports) {
		g.t.Errorf("%v: %d reports were made, and %d told of", err, len(reports), n)
	}
}

// Whatever write the daemon dies at, before it or after it, everything is told
// once: what is told is stored in the transaction of what it is about.
func TestNoticesSurviveACrash(t *testing.T) {
	titles := func(g *rig) (out []string) {
		for _, n := range g.told("all") {
			out = append(out, string(n.Kind)+" "+n.Workspace+" "+n.Title)
		}
		slices.Sort(out)
		return out
	}
	var want []string
	writes := 0
	toldLife(t, 0, false, func(g *rig) {
		want, writes = titles(g), g.dying.writes
		g.wantToldOnce()
	})
	for _, kind := range []run.NoticeKind{run.NoticeAwaitingApproval, run.NoticeApplied, run.NoticeHealed,
		run.NoticeDriftNew, run.NoticeDriftResolved, run.NoticeDriftUnchecked, run.NoticeReport} {
		if !slices.ContainsFunc(want, func(s string) bool {
			return len(s) > len(kind) &&
				s[:len(kind)+1] == string(kind)+" "
		}) {
			t.Errorf("nothing of the kind %s is told: %q", kind, want)
		}
	}
	if len(want) != 10 || writes < 30 {
		t.Fatalf("%d writes, told %q", writes, want)
	}
	for n, step := 1, testrig.Every(t, 5); n <= writes; n += step {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("write %d, after it: %t", n, after), func(t *testing.T) {
				toldLife(t, n, after, func(g *rig) {
					g.wantToldOnce()
					got := titles(g)
					if slices.ContainsFunc(g.told("all"),
						func(n run.Notice) bool { return n.Kind == run.NoticeInterrupted }) {
						return // an apply was claimed and never begun: somebody has to look, and the day is another one
					}
					if !slices.Equal(got, want) {
						t.Errorf("told\n%q\nwant\n%q", got, want)
					}
				})
			})
		}
	}
}
