package server

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/testrig"
)

const boxes = `resource "box" "one" {
  size = "small"
}

resource "box" "two" {
  size = lower("SMALL")
}
`

// madeLarge has somebody make both boxes large once they are applied. Plans compare them with
// what the run has written.
func madeLarge(r *rig, _ *Options) {
	r.git.code = boxes
	r.runners.plan = func(j job.Job) *plan.Plan {
		if j.LockState {
			return nil
		}
		written, _ := os.ReadFile(filepath.Join(j.Ground, "written", "tree", "a", "main.tf"))
		p := &plan.Plan{FormatVersion: plan.FormatVersion, Complete: true, Applyable: true, Compared: 2}
		for _, name := range []string{"one", "two"} {
			c := plan.Change{Address: "box." + name, Mode: "managed", Type: "box", Name: name, Action: plan.Update,
				Configured: []string{"size"}, Before: map[string]any{"size": "small"},
				After: map[string]any{"size": "large"}}
			p.Drift = append(p.Drift, c)
			if name == "one" && strings.Contains(string(written), `size = "large"`) {
				continue
			}
			c.Before, c.After = c.After, c.Before
			p.Changes, p.Counts.Change = append(p.Changes, c), p.Counts.Change+1
		}
		return p
	}
}

// TestCodifyOverTheSocket makes a patch and follows the plan that checks it.
func TestCodifyOverTheSocket(t *testing.T) {
	r := newRig(t, []fleet.Definition{define("a")}, madeLarge)
	ctx, c := t.Context(), r.client
	waiting := r.awaiting("a")
	if _, err := c.Vote(ctx, waiting.ID, api.Ballot{Yes: true, Digest: waiting.Plan.Digest}); err != nil {
		t.Fatal(err)
	}
	r.until("a", "applied")
	check, err := c.StartRun(ctx, "a", api.StartRun{Kind: "drift"})
	if err == nil {
		_, err = c.Wait(ctx, check.ID)
	}
	if err != nil {
		t.Fatal(err)
	}
	found, err := c.Findings(ctx, "a", nil)
	if err != nil || len(found) != 2 {
		t.Fatalf("findings: %+v, %v", found, err)
	}
	one, two := found[0], found[1]

	let := r.runners.hold(job.PlanPhase)
	p, err := c.Codify(ctx, one.ID)
	if err != nil || p.Finding != one.ID || p.Workspace != "a" || p.Run == "" || p.Commit != r.git.sha ||
		!slices.Equal(p.Done, []string{"size"}) || p.Refused == nil || len(p.Refused) != 0 || p.Checked ||
		!strings.Contains(p.Diff, "-  size = \"small\"\n+  size = \"large\"\n") {
		t.Fatalf("codify: %+v, %v", p, err)
	}
	for filepath.Base(filepath.Dir(<-r.runners.started)) != p.Run { // its patch is written when its runner starts
	}
	if got, err := c.Patch(ctx, p.Run); err != nil || got.Checked || got.Gone || got.Diff != p.Diff ||
		got.Run != p.Run {
		t.Errorf("while it is planned: %+v, %v", got, err)
	}
	let()
	done, err := c.Wait(ctx, p.Run)
	if err != nil || done.Status != "planned_and_finished" || done.Codify != one.ID || done.Kind != "plan" ||
		done.Trigger.Actor != me(t) {
		t.Fatalf("its run: %+v, %v", done, err)
	}
	if got, err := c.Patch(ctx, p.Run); err != nil || !got.Checked || !got.Gone || got.Why != "" ||
		!slices.Equal(got.Also, []string{"box.two"}) || got.Diff != p.Diff || got.Finding != one.ID {
		t.Errorf("in the end: %+v, %v", got, err)
	}

	runs := r.count()
	if p, err := c.Codify(ctx, two.ID); err != nil || p.Run != "" || p.Diff != "" || p.Done == nil ||
		len(p.Done) != 0 || len(p.Refused) != 1 || p.Refused[0].Path != "size" || p.Refused[0].File != "a/main.tf" ||
		p.Refused[0].Line != 6 || p.Refused[0].Why == "" || p.Refused[0].Next == "" {
		t.Errorf("what cannot be codified: %+v, %v", p, err)
	}
	_, err = c.Codify(ctx, "nope")
	testrig.WantFault(t, err, fault.NotFound, "nope", "tfops drift findings")
	_, err = c.Patch(ctx, "nope")
	testrig.WantFault(t, err, fault.NotFound, "nope", "tfops runs")
	_, err = c.Patch(ctx, waiting.ID)
	testrig.WantFault(t, err, fault.Conflict, "run "+waiting.ID+" checks no patch", "tfops show "+waiting.ID)
	resp, b := r.ask("POST", "/api/v1/drift/findings/nope/codify", "")
	wantProblem(t, resp, b, 404, fault.NotFound)
	resp, b = r.ask("GET", "/api/v1/runs/"+waiting.ID+"/patch", "")
	if p := wantProblem(t, resp, b, 409, fault.Conflict); p.Next != "tfops show "+waiting.ID {
		t.Errorf("%s", b)
	}
	if n := r.count(); n != runs {
		t.Errorf("%d runs were made of what was refused", n-runs)
	}
}

// count is how many runs there are.
func (r *rig) count() int {
	r.t.Helper()
	all, err := r.client.Runs(r.t.Context(), api.RunsQuery{})
	if err != nil {
		r.t.Fatal(err)
	}
	return len(all)
}
