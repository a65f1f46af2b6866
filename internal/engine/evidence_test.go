package engine

import (
	"testing"

	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// TestPerpetualOnlyWhereNothingLasted: that an apply made the same change as
// the one that a check finds is a sign of a provider that never settles only
// as long as no check after that apply found nothing.
func TestPerpetualOnlyWhereNothingLasted(t *testing.T) {
	appliedRig(t, func(t *testing.T, g *rig, w *world) {
		again := &plan.Plan{Complete: true, Applyable: true, Compared: 1, Counts: plan.Counts{Change: 1},
			Changes: []plan.Change{{Address: "box.a", Mode: "managed", Type: "box", Name: "a",
				Action: plan.Update, Configured: []string{"size"}, Before: map[string]any{"size": "s"},
				After: map[string]any{"size": "S"}}}}
		found := again
		g.runners.set(func(p *players) { p.plan = func(job.Job) *plan.Plan { return found } })
		set := func(p *plan.Plan) { g.runners.set(func(*players) { found = p }) }

		g.commit("a/main.tf")
		g.approve(ana, g.last("a"))
		g.want("a", run.Applied)
		g.check("a")
		g.wantFindings("a", "box.a perpetual new")
		g.check("a")
		g.wantFindings("a", "box.a perpetual ongoing")
		g.commit("a/main.tf") // an apply tells nothing of it
		g.approve(ana, g.last("a"))
		g.want("a", run.Applied)
		g.wantFindings("a", "box.a perpetual ongoing")

		set(&plan.Plan{Complete: true, Compared: 1})
		g.check("a")
		g.wantFindings("a", "box.a perpetual resolved")
		set(again) // what was applied has lasted for a check, so something else made it differ
		g.check("a")
		g.wantFindings("a", "box.a perpetual resolved", "box.a input new")
		g.check("a")
		g.wantFindings("a", "box.a perpetual resolved", "box.a input ongoing")
	}, define("a"))
}

// What never settled is settled once a commit takes it away, and nobody has to
// wait for a check to be told so.
func TestWhatIsTakenAwayIsNotPerpetual(t *testing.T) {
	for _, action := range []plan.Action{plan.Delete, plan.Forget} {
		appliedRig(t, func(t *testing.T, g *rig, w *world) {
			change := func(action plan.Action, after map[string]any) *plan.Plan {
				return &plan.Plan{Complete: true, Applyable: true, Compared: 1,
					Changes: []plan.Change{{Address: "box.a", Mode: "managed", Type: "box", Name: "a",
						Action: action, Configured: []string{"size"}, Before: map[string]any{"size": "s"},
						After: after}}}
			}
			planned := change(plan.Update, map[string]any{"size": "S"})
			g.runners.set(func(p *players) { p.plan = func(job.Job) *plan.Plan { return planned } })
			g.commit("a/main.tf")
			g.approve(ana, g.last("a"))
			g.want("a", run.Applied)
			g.check("a")
			g.wantFindings("a", "box.a perpetual new")
			g.runners.set(func(*players) { planned = change(action, nil) })
			g.commit("a/main.tf")
			g.approve(ana, g.last("a"))
			g.want("a", run.Applied)
			g.wantFindings("a", "box.a perpetual resolved")
			g.wantDrift("a", workspace.DriftNone)
		}, define("a"))
	}
}
