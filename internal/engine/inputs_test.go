package engine

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"github.com/tfops/tfops/internal/engine/acts"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// from makes an input of one output of another workspace.
func from(variable, name, output string) func(*fleet.Definition) {
	ref := workspace.OutputRef{Workspace: name, Output: output}
	return func(d *fleet.Definition) {
		d.Inputs = map[string]workspace.Input{variable: {Source: ref.String(), Refs: []workspace.OutputRef{ref},
			Value: func(outputs func(workspace.OutputRef) cty.Value) (cty.Value, error) { return outputs(ref), nil }}}
	}
}

// state plays the outputs of workspace a: the values that a test sets count from
// its next apply on.
type state struct {
	next, applied map[string]string
	secret        bool
}

func (g *rig) outputs(s *state) {
	g.runners.set(func(p *players) {
		p.outputs = func(j job.Job) map[string]job.Output {
			if j.Phase == job.ApplyPhase {
				s.applied = s.next
			}
			out := map[string]job.Output{}
			for name, value := range s.applied {
				b, _ := json.Marshal(value)
				out[name] = job.Output{Value: b, Sensitive: s.secret}
			}
			return out
		}
	})
}

// applied takes the newest run of a workspace to its end.
func (g *rig) applied(name string) run.Run {
	g.t.Helper()
	g.approve(li, g.want(name, run.AwaitingApproval))
	return g.want(name, run.Applied)
}

func (g *rig) variablesOf(name string) string {
	g.runners.mu.Lock()
	defer g.runners.mu.Unlock()
	text := ""
	for _, ph := range g.runners.order {
		if ph.job.Workspace == name && ph.job.Phase == job.PlanPhase {
			text = ph.secrets.Variables
		}
	}
	return text
}

// The plan downstream is made with the output that the apply upstream has just
// made; a changed output plans it anew, an unchanged one does not.
func TestInputs(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		s := &state{next: map[string]string{"vpc": "vpc-1", "other": "x"}}
		g.outputs(s)
		g.start()
		g.commit("a/main.tf", "b/main.tf")
		g.applied("a")
		first := g.applied("b")
		if text := g.variablesOf("b"); !strings.Contains(text, `vpc_id = "vpc-1"`) {
			t.Errorf("the variables are %q", text)
		}
		if u := g.get(first.ID).Inputs["workspace.a.outputs.vpc"]; u.Digest == "" {
			t.Error("the run does not say what it was planned with")
		}

		s.next = map[string]string{"vpc": "vpc-1", "other": "y"}
		g.commit("a/main.tf")
		g.applied("a")
		if g.last("b").ID != first.ID {
			t.Error("an output that is not used planned it anew")
		}

		s.next = map[string]string{"vpc": "vpc-2"}
		g.commit("a/main.tf")
		changed := g.applied("a")
		second := g.want("b", run.AwaitingApproval)
		if second.Trigger != (run.Trigger{Cause: run.ByUpstream, Run: changed.ID}) ||
			second.Commit.SHA != first.Commit.SHA {
			t.Errorf("%+v at %s", second.Trigger, second.Commit.SHA)
		}
		if text := g.variablesOf("b"); !strings.Contains(text, `vpc_id = "vpc-2"`) {
			t.Errorf("the variables are %q", text)
		}

		s.next = map[string]string{"vpc": "vpc-3"} // while that waits for approval
		g.commit("a/main.tf")
		g.applied("a")
		g.settle()
		if r := g.get(second.ID); r.Status != run.Discarded || r.Reason != run.Stale ||
			!strings.Contains(r.Comment, "output vpc of workspace a has changed") {
			t.Errorf("the plan with the old value is %s %s: %s", r.Status, r.Reason, r.Comment)
		}
		g.applied("b")
		if text := g.variablesOf("b"); !strings.Contains(text, `vpc_id = "vpc-3"`) {
			t.Errorf("the variables are %q", text)
		}
	}, define("a"), define("b", from("vpc_id", "a", "vpc")))
}

// A crash between the apply upstream and what follows loses nothing.
func TestInputsSurviveACrash(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		s := &state{next: map[string]string{"vpc": "vpc-1"}}
		g.outputs(s)
		g.start()
		g.commit("a/main.tf", "b/main.tf")
		g.applied("a")
		g.applied("b")
		s.next = map[string]string{"vpc": "vpc-2"}
		g.commit("a/main.tf")
		g.runners.set(func(p *players) { p.hold[job.ApplyPhase] = true })
		g.approve(li, g.want("a", run.AwaitingApproval))
		g.want("a", run.Applying)
		g.restart()
		g.runners.end(t)
		g.want("a", run.Applied)
		g.restart()
		g.pass(60e9)
		g.want("b", run.AwaitingApproval)
		if text := g.variablesOf("b"); !strings.Contains(text, `vpc_id = "vpc-2"`) {
			t.Errorf("the variables are %q", text)
		}
	}, define("a"), define("b", from("vpc_id", "a", "vpc")))
}

func TestSecretInput(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.outputs(&state{next: map[string]string{"vpc": "a-canary-of-an-output"}, secret: true})
		g.start()
		g.commit("a/main.tf", "b/main.tf")
		g.applied("a")
		r := g.want("b", run.AwaitingApproval)
		if !r.Inputs["workspace.a.outputs.vpc"].Sensitive {
			t.Error("it is not known to be sensitive")
		}
		for _, ph := range g.runners.order {
			if ph.job.Workspace == "b" && !strings.Contains(strings.Join(ph.secrets.Mask, "\n"),
				"a-canary-of-an-output") {
				t.Error("the value is not masked")
			}
		}
		g.applied("b")
	}, define("a"), define("b", from("vpc_id", "a", "vpc")))
}

// An output that is not there fails the run, which says what there is; once it
// is there the workspace is planned.
func TestMissingOutput(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		s := &state{next: map[string]string{"vpcs": "vpc-1"}}
		g.outputs(s)
		g.start()
		g.commit("a/main.tf", "b/main.tf")
		g.applied("a")
		r := g.want("b", run.Errored)
		if r.Failure == nil || !strings.Contains(fmt.Sprint(*r.Failure), `has no output vpc as it was last applied; it has vpcs`) || !strings.Contains(r.Failure.Next, `is "vpcs" meant?`) {
			t.Errorf("%+v", r.Failure)
		}
		s.next = map[string]string{"vpc": "vpc-1"}
		g.commit("a/main.tf")
		g.applied("a")
		g.want("b", run.AwaitingApproval)
	}, define("a"), define("b", from("vpc_id", "a", "vpc")))
}

// Nothing is applied upstream, and nothing is on its way.
func TestUpstreamNeverApplied(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.start()
		g.commit("b/main.tf", "a/main.tf")
		if _, err := g.engine.Cancel(t.Context(), ana, g.want("a", run.AwaitingApproval).ID, false); err != nil {
			t.Fatal(err)
		}
		g.settle()
		g.wantReason("b", run.Discarded, run.Upstream)
		if _, err := g.engine.Start(t.Context(), ana, acts.Order{Workspace: "b", Kind: run.Sync}); err != nil {
			t.Fatal(err)
		}
		g.settle()
		if r := g.want("b", run.Errored); !strings.Contains(r.Failure.Message,
			"nothing is known of the outputs of workspace a") {
			t.Errorf("%+v", r.Failure)
		}
	}, define("a"), define("b", from("vpc_id", "a", "vpc")))
}

// Inputs that are new in the configuration: a check of the workspace upstream
// reads its outputs first.
func TestNewInputs(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		s := &state{next: map[string]string{"vpc": "vpc-1"}}
		g.outputs(s)
		g.start()
		g.commit("a/main.tf", "b/main.tf")
		g.applied("a")
		g.applied("b")
		s.applied = s.next // nobody asked for outputs yet
		if err := g.engine.Configure(t.Context(),
			g.settings(define("a"), define("b", from("vpc_id", "a", "vpc")))); err != nil {
			t.Fatal(err)
		}
		g.pass(60e9)
		g.want("b", run.AwaitingApproval)
		if text := g.variablesOf("b"); !strings.Contains(text, `vpc_id = "vpc-1"`) {
			t.Errorf("the variables are %q", text)
		}
	}, define("a"), define("b"))
}

// A drift check is made with the inputs that were applied.
func TestDriftWithAppliedInputs(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		s := &state{next: map[string]string{"vpc": "vpc-1"}}
		g.outputs(s)
		g.start()
		g.commit("a/main.tf", "b/main.tf")
		g.applied("a")
		g.applied("b")
		s.next = map[string]string{"vpc": "vpc-2"}
		g.commit("a/main.tf")
		g.applied("a")
		g.want("b", run.AwaitingApproval) // and is not applied
		if _, err := g.engine.Start(t.Context(), ana, acts.Order{Workspace: "b", Kind: run.Drift}); err != nil {
			t.Fatal(err)
		}
		g.settle()
		if text := g.variablesOf("b"); !strings.Contains(text, `vpc_id = "vpc-1"`) {
			t.Errorf("the variables are %q", text)
		}
	}, define("a"), define("b", from("vpc_id", "a", "vpc")))
}

// Destroy runs go the other way round.
func TestDestroyGoesInReverse(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.generate(generator(workspace.DestroyOnRemoved, func(d *fleet.Definition) {
			if d.Name == "y" {
				d.DependsOn = []string{"x"}
			}
		}))
		g.git.add("live/x/main.tf")
		g.git.add("live/y/main.tf")
		g.start()
		g.commit("live/x/main.tf", "live/y/main.tf")
		g.applied("x")
		g.applied("y")
		g.git.remove("live/x/main.tf")
		g.git.remove("live/y/main.tf")
		g.commit("live/x/main.tf", "live/y/main.tf")
		below := g.want("y", run.AwaitingApproval)
		w := g.view("x").Wait
		if !strings.Contains(w.Sentence(), "workspace y, which depends on it: its run "+below.ID) {
			t.Errorf("x waits for %q", w.Sentence())
		}
		g.want("x", run.Pending)
		for _, name := range []string{"y", "x"} {
			if err := g.named(li, g.want(name, run.AwaitingApproval), name); err != nil {
				t.Fatal(err)
			}
			g.want(name, run.Applied)
		}
		g.commit("a/main.tf")
		if names := fmt.Sprint(g.names()); names != "[a b c]" {
			t.Error(names)
		}
	})
}
