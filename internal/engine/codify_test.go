package engine

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/engine/patches"
	"github.com/tfops/tfops/internal/engine/settings"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/gitrepo"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/run"
)

// boxes is a root module with one box of a size.
func boxes(size string) string {
	return fmt.Sprintf("resource \"box\" \"one\" {\n  size = %q\n}\n", size)
}

// large is a rig whose workspace a has a box that somebody made large. Plans of it compare
// the world with the code that the runner is given, written files before those of the commit.
func large(t *testing.T, fn func(*testing.T, *rig, *world, drift.Finding)) {
	t.Helper()
	bubble(t, func(t *testing.T, g *rig) {
		g.git.put("a/main.tf", boxes("small"))
		g.start()
		g.commit("a/main.tf")
		g.approve(li, g.want("a", run.AwaitingApproval))
		g.want("a", run.Applied)
		w := inWorld(g)
		w.change("box.one", "large")
		g.check("a")
		g.wantFindings("a", "box.one changed new")
		plans := g.runners.plan
		g.runners.set(func(p *players) {
			p.plan = func(j job.Job) *plan.Plan {
				made := plans(j)
				if wrote(t, j) == boxes("large") { // as the world is: there is nothing to change
					made.Changes, made.Counts, made.Applyable = nil, plan.Counts{}, false
				}
				return made
			}
		})
		fn(t, g, w, g.findings("a")[0])
	}, define("a"))
}

// wrote is what a run has written over the root module of its commit.
func wrote(t *testing.T, j job.Job) string {
	b, err := os.ReadFile(filepath.Join(j.Ground, "written", "tree", "a", "main.tf"))
	if err != nil && !os.IsNotExist(err) {
		t.Error(err)
	}
	return string(b)
}

func (g *rig) codify(f drift.Finding) patches.Patch {
	g.t.Helper()
	p, err := g.engine.Codify(g.t.Context(), ana, f.ID)
	if err != nil {
		g.t.Fatal(err)
	}
	g.settle()
	return p
}

func (g *rig) patch(id string) patches.Patch {
	g.t.Helper()
	p, err := g.engine.Patch(g.t.Context(), id)
	if err != nil {
		g.t.Fatal(err)
	}
	return p
}

// A patch is planned over the tree of the newest commit, and shown with what the plan came
// to. Nothing else is made, and the code stays as it is.
func TestCodify(t *testing.T) {
	large(t, func(t *testing.T, g *rig, w *world, f drift.Finding) {
		head := g.commit("elsewhere")
		before := g.record("a")
		g.runners.set(func(p *players) { p.hold[job.PlanPhase] = true })
		p := g.codify(f)
		if !strings.Contains(p.Diff, "--- a/a/main.tf\n+++ b/a/main.tf\n") ||
			!strings.Contains(p.Diff, "-  size = \"small\"\n+  size = \"large\"\n") {
			t.Errorf("the patch is\n%s", p.Diff)
		}
		if p.Finding != f.ID || p.Workspace != "a" || p.Commit != head || !slices.Equal(p.Done, []string{"size"}) ||
			p.Refused == nil || len(p.Refused) != 0 || p.Checked || p.Gone || p.Difference.Address != "box.one" {
			t.Errorf("%+v", p)
		}
		r := g.want("a", run.Planning)
		if r.ID != p.Run || r.Kind != run.Plan || r.Codify != f.ID || r.Commit.SHA != head ||
			r.Trigger != (run.Trigger{Cause: run.ByPerson, Actor: "ana"}) {
			t.Fatalf("%+v", r)
		}
		if j := g.runners.newest().job; wrote(t, j) != boxes("large") || j.LockState {
			t.Errorf("the plan is made of %q", wrote(t, j))
		}
		if shown := g.patch(r.ID); shown.Checked || shown.Diff != p.Diff || shown.Run != r.ID || shown.Why != "" ||
			!slices.Equal(shown.Done, p.Done) {
			t.Errorf("while it is planned: %+v", shown)
		}
		g.runners.end(t)
		g.want("a", run.PlannedAndFinished)
		if shown := g.patch(r.ID); !shown.Checked || !shown.Gone || shown.Why != "" || len(shown.Also) != 0 ||
			shown.Diff != p.Diff {
			t.Errorf("in the end: %+v", shown)
		}
		if rec := g.record("a"); rec.Applied != before.Applied || rec.Desired != before.Desired ||
			rec.Head != before.Head || g.runners.count("a", job.ApplyPhase) != 1 {
			t.Errorf("the record was %+v and is %+v", before, rec)
		}
		g.wantFindings("a", "box.one changed new") // a plan that nobody applied settles nothing
	})
}

// What a plan with the patch came to, when it is not enough.
func TestCodifyIsNotEnough(t *testing.T) {
	also := func(address string, a plan.Action) plan.Change {
		return plan.Change{Address: address, Mode: "managed", Type: "box", Action: a, Configured: []string{"size"}}
	}
	for name, c := range map[string]struct {
		plan func(*plan.Plan) // what is other than planned
		fail *job.Result
		why  string
		also []string
	}{
		"it is still there": {plan: func(p *plan.Plan) {
			back := also("box.one", plan.Update)
			back.Before, back.After = map[string]any{"size": "large"}, map[string]any{"size": "small"}
			p.Changes = []plan.Change{back}
		}, why: "with the patch a plan still changes box.one.size (changed)"},
		"other addresses change": {plan: func(p *plan.Plan) {
			p.Changes = []plan.Change{also("box.two", plan.Create), also("box.two", plan.Delete),
				also("data.box.seen", plan.ReadData), also("box.three", plan.Update)}
		}, why: "with the patch a plan changes what no check found before: box.two (delete)",
			also: []string{"box.two", "box.three"}},
		"other addresses change, and none goes": {plan: func(p *plan.Plan) {
			p.Changes = []plan.Change{also("box.three", plan.Update)}
		}, also: []string{"box.three"}},
		"the plan is not complete": {plan: func(p *plan.Plan) { p.Complete = false },
			why: "the plan with the patch is not complete"},
		"the plan fails": {fail: &job.Result{Outcome: job.Failed, Message: "no such size"},
			why: "the plan with the patch is errored: no such size"},
	} {
		t.Run(name, func(t *testing.T) {
			large(t, func(t *testing.T, g *rig, w *world, f drift.Finding) {
				plans := g.runners.plan
				g.runners.set(func(p *players) {
					p.fail = func(job.Job) *job.Result { return c.fail }
					p.plan = func(j job.Job) *plan.Plan {
						made := plans(j)
						c.plan(made)
						return made
					}
				})
				p := g.patch(g.codify(f).Run)
				if !p.Checked || p.Gone != (c.why == "") || p.Why != c.why || !slices.Equal(p.Also, c.also) {
					t.Errorf("gone %v, %q, also %q; want %q, also %q", p.Gone, p.Why, p.Also, c.why, c.also)
				}
			})
		})
	}
	t.Run("somebody cancels it", func(t *testing.T) {
		large(t, func(t *testing.T, g *rig, w *world, f drift.Finding) {
			g.runners.set(func(p *players) { p.hold[job.PlanPhase] = true })
			p := g.codify(f)
			if _, err := g.engine.Cancel(t.Context(), li, p.Run, false); err != nil {
				t.Fatal(err)
			}
			g.settle()
			if p := g.patch(p.Run); !p.Checked || p.Gone ||
				p.Why != "the plan with the patch is canceled: canceled by li" {
				t.Errorf("%+v", p)
			}
		})
	})
}

// What cannot be codified is told with the reason and the workspace's own command, and no
// run is made for it.
func TestCodifyOfNothing(t *testing.T) {
	large(t, func(t *testing.T, g *rig, w *world, f drift.Finding) {
		runs := len(g.runs("a"))
		for code, says := range map[string][2]string{
			boxes("large"): {"the configuration says this already", "tfops sync a"},
			"variable \"s\" {}\nresource \"box\" \"one\" {\n  size = upper(var.s)\n}\n": {"", ""},
		} {
			g.git.put("a/main.tf", code)
			p := g.codify(f)
			if p.Run != "" || p.Diff != "" || p.Done == nil || len(p.Done) != 0 || len(p.Refused) != 1 ||
				p.Refused[0].Path != "size" || p.Refused[0].File != "a/main.tf" || p.Refused[0].Why == "" ||
				!strings.Contains(p.Refused[0].Why, says[0]) || !strings.Contains(p.Refused[0].Next, says[1]) ||
				strings.Contains(p.Refused[0].Next, "WORKSPACE") {
				t.Errorf("of %q: %+v", code, p)
			}
		}
		if n := len(g.runs("a")); n != runs {
			t.Errorf("%d runs were made", n-runs)
		}
	})
}

// A run that waits makes its patch when it begins. There is none before, and none at all
// when nothing can be codified any more.
func TestCodifyWaits(t *testing.T) {
	large(t, func(t *testing.T, g *rig, w *world, f drift.Finding) {
		g.runners.set(func(p *players) { p.hold[job.PlanPhase] = true })
		g.order("a", run.Plan, "") // both workers have something to do
		g.order("a", run.Plan, "")
		p := g.codify(f)
		g.want("a", run.Pending)
		_, err := g.engine.Patch(t.Context(), p.Run)
		g.wantRefused(err, fault.NotFound, "run "+p.Run+" has no patch: it is pending", "tfops show "+p.Run)
		g.git.put("a/main.tf", boxes("large"))
		g.runners.set(func(p *players) { p.hold[job.PlanPhase] = false })
		g.runners.end(t)
		r := g.want("a", run.Errored)
		if r.ID != p.Run || r.Failure.Message != "nothing of finding "+f.ID+" can be codified any more" ||
			r.Failure.Next != "tfops drift codify "+f.ID {
			t.Errorf("%+v", r.Failure)
		}
		_, err = g.engine.Patch(t.Context(), p.Run)
		g.wantRefused(err, fault.NotFound, "run "+p.Run+" has no patch: it is errored", "tfops show "+p.Run)
	})
}

func TestCodifyIsRefused(t *testing.T) {
	large(t, func(t *testing.T, g *rig, w *world, f drift.Finding) {
		refused := func(finding string, code fault.Code, says, next string) {
			t.Helper()
			runs := len(g.runs("a"))
			p, err := g.engine.Codify(t.Context(), ana, finding)
			g.wantRefused(err, code, says, next)
			g.settle()
			if p.Run != "" || p.Diff != "" || len(g.runs("a")) != runs {
				t.Errorf("%+v, and %d runs more", p, len(g.runs("a"))-runs)
			}
		}
		refused("nope", fault.NotFound, "nope", "tfops drift findings")

		_, err := g.engine.Patch(t.Context(), "nope")
		g.wantRefused(err, fault.NotFound, "nope", "tfops runs")
		sync := g.newestOf("a", run.Sync)
		_, err = g.engine.Patch(t.Context(), sync.ID)
		g.wantRefused(err, fault.Conflict, "run "+sync.ID+" checks no patch", "tfops show "+sync.ID)

		g.git.broken(fault.New(fault.Unavailable, "mend it", "the remote is away"))
		refused(f.ID, fault.Unavailable, "the remote is away", "mend it")
		g.git.broken(nil)

		g.adjust = func(s *settings.Settings) {
			s.Repositories = map[string]settings.Repository{"other": {Remote: g.git, Objects: g.git,
				Pace: gitrepo.Pace{Every: time.Minute}}}
		}
		g.configure(define("a"))
		refused(f.ID, fault.NotFound, `there is no repository "infra"`, "tfops validate")
		g.adjust = nil
		g.configure(define("a"))

		g.configure(define("b"))
		refused(f.ID, fault.NotFound, `there is no workspace "a"`, "tfops status")
		g.configure(define("a"))

		w.restore("box.one")
		g.check("a")
		g.wantFindings("a", "box.one changed resolved")
		refused(f.ID, fault.Conflict, "finding "+f.ID+" is resolved: there is nothing to codify", "tfops drift a")
	})
}

// wantRefused asserts an error's code, a part of what it says, and what to do next.
func (g *rig) wantRefused(err error, code fault.Code, says, next string) {
	g.t.Helper()
	if err == nil || fault.CodeOf(err) != code || !strings.Contains(err.Error(), says) || fault.Next(err) != next {
		g.t.Errorf("%v (%s), next %q; want %s %q, next %q", err, fault.CodeOf(err), fault.Next(err), code, says, next)
	}
}
