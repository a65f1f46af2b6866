package engine

import (
	"strings"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/engine/acts"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

func after(names ...string) func(*fleet.Definition) {
	return func(d *fleet.Definition) { d.DependsOn = names }
}

// When one commit touches both, the one downstream is planned only after the
// one upstream is applied, and says what it waits for until then.
func TestUpstreamGoesFirst(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.start()
		g.commit("a/main.tf", "b/main.tf")
		first := g.want("a", run.AwaitingApproval)
		second := g.want("b", run.Pending)
		wait := g.view("b").Wait
		want := "workspace a, which is upstream: its run " + first.ID + " is awaiting approval"
		if !strings.Contains(wait.Sentence(), want) ||
			wait.Command != "tfops approve "+first.ID {
			t.Errorf("it waits for %q, and %q moves it on", wait.Sentence(), wait.Command)
		}
		g.approve(li, first)
		g.want("a", run.Applied)
		if r := g.want("b", run.AwaitingApproval); r.ID != second.ID {
			t.Error("another run took its place")
		}
	}, define("a"), define("b", after("a")))
}

func TestUpstreamWithoutChangesLetsGo(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.start()
		g.runners.set(func(p *players) { p.plan = func(job.Job) *plan.Plan { return &plan.Plan{} } })
		g.commit("a/main.tf", "b/main.tf")
		g.want("a", run.PlannedAndFinished)
		g.want("b", run.PlannedAndFinished)
	}, define("a"), define("b", after("a")))
}

// A commit that touches one of them makes no run of the other.
func TestOrderMakesNoRuns(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.start()
		g.commit("a/main.tf", "b/main.tf")
		g.approve(li, g.want("a", run.AwaitingApproval))
		g.want("a", run.Applied)
		g.approve(li, g.want("b", run.AwaitingApproval))
		before := g.want("b", run.Applied)
		g.commit("a/main.tf")
		g.want("a", run.AwaitingApproval)
		if g.last("b").ID != before.ID {
			t.Error("b was planned, which the commit does not touch")
		}
		g.commit("b/main.tf") // and while a is on its way, b waits for it
		g.want("b", run.Pending)
	}, define("a"), define("b", after("a")))
}

// When the one upstream is rejected, the run downstream is discarded and says
// why; it is made again once the one upstream is applied, also over a restart.
func TestUpstreamThatFailsHoldsBack(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.start()
		g.commit("a/main.tf", "b/main.tf", "c/main.tf")
		first := g.want("a", run.AwaitingApproval)
		if err := g.vote(li, first, false); err != nil {
			t.Fatal(err)
		}
		g.settle()
		r := g.wantReason("b", run.Discarded, run.Upstream)
		if want := "workspace a, which is upstream, was not applied: run " + first.ID +
			" is discarded (rejected)"; r.Comment != want {
			t.Errorf("the reason is %q, want %q", r.Comment, want)
		}
		g.wantReason("c", run.Discarded, run.Upstream)
		g.restart()
		fixed := g.commit("a/main.tf")
		g.approve(li, g.want("a", run.AwaitingApproval))
		g.want("a", run.Applied)
		again := g.want("b", run.AwaitingApproval)
		if again.Commit.SHA == fixed || again.Trigger.Cause != run.ByUpstream {
			t.Errorf("planned again: %s at %s", again.Trigger.Cause, again.Commit.SHA)
		}
		g.approve(li, again)
		g.want("b", run.Applied)
		g.want("c", run.AwaitingApproval)
	}, define("a"), define("b", after("a")), define("c", after("b")))
}

// A plan that fails upstream and is tried again is waited for.
func TestUpstreamThatIsTriedAgain(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.start()
		g.runners.set(func(p *players) {
			p.fail = func(j job.Job) *job.Result {
				if j.Workspace != "a" {
					return nil
				}
				return &job.Result{Outcome: job.Failed, Cause: job.CauseNetwork}
			}
		})
		g.commit("a/main.tf", "b/main.tf")
		g.want("a", run.Pending)
		g.want("b", run.Pending)
		g.runners.set(func(p *players) { p.fail = nil })
		g.pass(time.Hour)
		g.want("a", run.AwaitingApproval)
		g.want("b", run.Pending)
	}, define("a"), define("b", after("a")))
}

// What tfops never applies is not waited for once it is planned.
func TestUpstreamThatIsNeverApplied(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.start()
		g.commit("a/main.tf", "b/main.tf")
		g.want("a", run.PlannedAndFinished)
		g.want("b", run.AwaitingApproval)
	}, define("a", func(d *fleet.Definition) { d.Apply = workspace.Never }), define("b", after("a")))
}

// A cycle reaches the daemon only through generators. Its workspaces are not
// planned, and say so; the others go on.
func TestCycle(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.start()
		g.commit("a/main.tf", "b/main.tf", "c/main.tf")
		g.want("c", run.AwaitingApproval)
		for _, name := range []string{"a", "b"} {
			v := g.view(name)
			if len(g.runs(name)) > 0 || v.Problem == nil || !strings.Contains(v.Problem.Error(), "a → b → a") {
				t.Errorf("%s: %v", name, v.Problem)
			}
		}
	}, define("a", after("b")), define("b", after("a")), define("c"))
}

// A person destroys what stands on something first.
func TestDestroyByAPerson(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.start()
		g.commit("a/main.tf", "b/main.tf")
		g.applied("a")
		g.applied("b")
		destroy := func(name string) error {
			_, err := g.engine.Start(t.Context(), ana, acts.Order{Workspace: name, Kind: run.Destroy})
			g.settle()
			return err
		}
		if err := destroy("a"); !fault.Is(err, fault.Conflict) || fault.Next(err) != "tfops destroy b" {
			t.Fatalf("%v", err)
		}
		if err := destroy("b"); err != nil {
			t.Fatal(err)
		}
		if err := destroy("a"); err != nil {
			t.Fatal(err)
		}
		g.want("a", run.Pending)
		g.applied("b")
		g.applied("a")
	}, define("a"), define("b", after("a")))
}

// A commit that comes while there is no order is not lost.
func TestCommitDuringACycle(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		configure := func(defs ...fleet.Definition) {
			t.Helper()
			if err := g.engine.Configure(t.Context(), g.settings(defs...)); err != nil {
				t.Fatal(err)
			}
			g.pass(60e9)
		}
		g.start()
		g.commit("a/main.tf", "b/main.tf")
		g.applied("a")
		g.applied("b")
		configure(define("a", after("b")), define("b", after("a")))
		sha := g.commit("a/main.tf")
		g.commit("c/main.tf")
		if g.last("a").Commit.SHA == sha {
			t.Error("it was planned without an order")
		}
		configure(define("a"), define("b", after("a")))
		g.want("a", run.AwaitingApproval)
	}, define("a"), define("b", after("a")))
}
