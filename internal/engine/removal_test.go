package engine

import (
	"context"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/access"
	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/engine/acts"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

var eva = access.Actor{Name: "eva", Via: "socket"}

// removed is a destroy run that waits because a directory is gone.
func (g *rig) removed(change ...func(*fleet.Definition)) run.Run {
	g.t.Helper()
	g.runners.set(func(p *players) {
		p.plan = func(job job.Job) *plan.Plan {
			if !job.Destroy {
				return &plan.Plan{Counts: plan.Counts{Add: 3}, Complete: true, Applyable: true,
					Changes: []plan.Change{{Address: "terraform_data.x", Action: plan.Create}}}
			}
			return &plan.Plan{Counts: plan.Counts{Delete: 3}, Complete: true, Applyable: true,
				Changes: []plan.Change{{Address: "terraform_data.x", Action: plan.Delete}}}
		}
	})
	g.generate(generator(workspace.DestroyOnRemoved, append([]func(*fleet.Definition){auto}, change...)...))
	g.git.add("live/x/main.tf")
	g.start()
	g.commit("live/x/main.tf")
	if r := g.last("x"); r.Status == run.AwaitingApproval {
		g.approve(li, r)
		g.approve(eva, r)
	}
	g.want("x", run.Applied)
	g.git.remove("live/x/main.tf")
	g.commit("live/x/main.tf")
	return g.want("x", run.AwaitingApproval)
}

func (g *rig) named(a access.Actor, r run.Run, name string) error {
	_, err := g.engine.Vote(context.Background(), a, r.ID, acts.Ballot{Yes: true, Digest: r.Plan.Digest,
		Workspace: name})
	g.settle()
	return err
}

// A destroy that nobody asked for is approved only by name, and says what it takes.
func TestRemovalIsApprovedByName(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		r := g.removed()
		v, err := g.engine.Show(t.Context(), r.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"1 approval by the name of the workspace", "destroys 3 resources of workspace x",
			"directory live/x on branch main is gone"} {
			if !strings.Contains(v.Wait.Sentence(), want) {
				t.Errorf("it waits for %s, which lacks %q", v.Wait.Sentence(), want)
			}
		}
		err = g.vote(li, r, true)
		wantFault(t, err, fault.Conflict)
		if next := fault.Next(err); next != "tfops approve "+r.ID+" --workspace x" ||
			!strings.Contains(err.Error(), "destroys 3 resources") {
			t.Errorf("a plain yes: %v (%s)", err, next)
		}
		wantFault(t, g.named(li, r, "y"), fault.Conflict)
		wantFault(t, g.named(li, r, "X"), fault.Conflict)
		g.want("x", run.AwaitingApproval)
		if err := g.named(li, r, "x"); err != nil {
			t.Fatal(err)
		}
		g.want("x", run.Applied)
	})
}

// A no needs no name.
func TestRemovalIsRejectedWithoutAName(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		r := g.removed()
		if err := g.vote(li, r, false); err != nil {
			t.Fatal(err)
		}
		g.wantReason("x", run.Discarded, run.Rejected)
	})
}

// Each of several votes names it.
func TestEveryVoteForARemovalNames(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		r := g.removed(func(d *fleet.Definition) { d.Rules = []approvals.Rule{{Name: "two", Require: 2}} })
		if err := g.named(li, r, "x"); err != nil {
			t.Fatal(err)
		}
		wantFault(t, g.vote(eva, r, true), fault.Conflict)
		g.want("x", run.AwaitingApproval)
		if err := g.named(eva, r, "x"); err != nil {
			t.Fatal(err)
		}
		g.want("x", run.Applied)
	})
}

// Planned anew, for whatever reason, it is still what nobody asked for.
func TestRemovalPlannedAnew(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		r := g.removed()
		if err := g.engine.queue.DiscardStale(t.Context(), r, "the plan is too old"); err != nil {
			t.Fatal(err)
		}
		g.pass(40e9)
		anew := g.want("x", run.AwaitingApproval)
		if anew.ID == r.ID || anew.Kind != run.Destroy || anew.Trigger.Cause != run.ByRemoval ||
			anew.Trigger.Run != r.ID {
			t.Fatalf("%s by %+v", anew.Kind, anew.Trigger)
		}
		wantFault(t, g.vote(li, anew, true), fault.Conflict)
		g.runners.set(func(p *players) {
			p.fail = func(j job.Job) *job.Result {
				if j.Phase != job.ApplyPhase {
					return nil
				}
				return &job.Result{Outcome: job.Failed, Cause: job.CauseStale, Message: "the saved plan is stale"}
			}
		})
		if err := g.named(li, anew, "x"); err != nil {
			t.Fatal(err)
		}
		g.pass(40e9)
		third := g.want("x", run.AwaitingApproval)
		wantFault(t, g.vote(li, third, true), fault.Conflict)

		g.runners.set(func(p *players) { p.fail = nil })

		// And none of them outlives the return of the directory.
		g.git.add("live/x/main.tf")
		g.commit("live/x/main.tf")
		for _, r := range g.runs("x") {
			if r.Kind == run.Destroy && !r.Status.Terminal() {
				t.Errorf("destroy run %s is %s", r.ID, r.Status)
			}
		}
	})
}

// A destroy that a person asked for has been named by that person.
func TestAskedDestroyIsApprovedAsBefore(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		r := g.removed()
		if err := g.vote(li, r, false); err != nil {
			t.Fatal(err)
		}
		if _, err := g.engine.Start(t.Context(), ana, acts.Order{Workspace: "x", Kind: run.Destroy}); err != nil {
			t.Fatal(err)
		}
		g.settle()
		asked := g.want("x", run.AwaitingApproval)
		wantFault(t, g.named(li, asked, "other"), fault.Conflict)
		g.approve(li, asked)
		g.want("x", run.Applied)
	})
}
