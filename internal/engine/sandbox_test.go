package engine

import (
	"strings"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/engine/decide"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/sandbox"
	"github.com/tfops/tfops/internal/workspace"
)

// On a machine that shuts no engine in, workspaces with rules wait: for plans, for applies, and their
// checks say that they were not made. Once the machine does better all goes on.
func TestNothingExposedRunsWithoutASandbox(t *testing.T) {
	const nightly = "0 2 * * *"
	good, bad := sandbox.State{Level: sandbox.Filters}, sandbox.State{Level: sandbox.None}
	bubble(t, func(t *testing.T, g *rig) {
		g.start()
		g.engine.Found(good)
		g.commit("a/main.tf", "b/main.tf")
		first := g.want("b", run.AwaitingApproval)

		g.engine.Found(bad)
		g.approve(li, first)
		held := func(name string, status run.Status) run.Run {
			t.Helper()
			r := g.want(name, status)
			if w := g.view(name).Wait; w.Kind != decide.WaitsForSandbox || w.Command != "tfops doctor" {
				t.Errorf("%s waits for %q (%s)", name, w.Sentence(), w.Command)
			}
			return r
		}
		held("b", run.ApplyQueued)
		if got := g.engine.Sandbox().State; !got.Equal(bad) {
			t.Errorf("the level in force is %+v", got)
		}
		g.engine.Found(good)
		g.settle()
		g.want("b", run.Applied)
		g.want("a", run.Applied)

		g.engine.Found(bad)
		g.commit("a/main.tf", "b/main.tf")
		second := held("b", run.Pending)
		if r := g.want("a", run.Applied); r.Commit.SHA != second.Commit.SHA {
			t.Error("what whoever may push has applied anyway waits, too")
		}
		g.pass(24 * time.Hour)
		if r := g.get(second.ID); r.Status != run.Pending {
			t.Errorf("it is %s", r.Status)
		}
		if d := g.view("b").Record.Drift; d.Status != workspace.DriftUnknown || !strings.Contains(d.Why, "a sandbox") {
			t.Errorf("what was not checked is %s: %s", d.Status, d.Why)
		}
		g.engine.Found(good)
		g.settle()
		if r := g.get(second.ID); r.Status != run.AwaitingApproval {
			t.Errorf("it is %s", r.Status)
		}
	}, define("a", auto), define("b", auto, ruled(approvals.Rule{Name: "one"}), checkedBy(t, nightly, "")))
}
