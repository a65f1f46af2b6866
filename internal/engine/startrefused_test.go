package engine

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/engine/acts"
	"github.com/tfops/tfops/internal/engine/outcome"
	"github.com/tfops/tfops/internal/engine/settings"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/gitrepo"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/runner/backend"
	"github.com/tfops/tfops/internal/workspace"
)

// kinds are what a person can ask for.
var kinds = []run.Kind{run.Sync, run.Plan, run.Drift, run.Destroy, run.Refresh}

func never(d *fleet.Definition) { d.Apply = workspace.Never }

// refuses asserts that an order is refused with a code, a part of what is said and what to do
// next, and that nothing comes of it: no run is made, none is moved and no record changed.
func (g *rig) refuses(o acts.Order, code fault.Code, says, next string) {
	g.t.Helper()
	before := g.whole()
	r, err := g.engine.Start(g.t.Context(), ana, o)
	g.wantRefused(err, code, says, next)
	g.settle()
	if after := g.whole(); r.ID != "" || after != before {
		g.t.Errorf("a %s run of %s was refused and made run %q; the store had\n%s\nand has\n%s", o.Kind,
			o.Workspace, r.ID, before, after)
	}
}

// whole is all that the store has of runs and records.
func (g *rig) whole() string {
	g.t.Helper()
	rs, err := g.store.Runs(g.t.Context(), run.Query{})
	all, recordsErr := g.store.Records(g.t.Context())
	text, jsonErr := json.Marshal([]any{rs, all})
	if err := errors.Join(err, recordsErr, jsonErr); err != nil {
		g.t.Fatal(err)
	}
	return string(text)
}

// applies has the first commit of workspaces applied.
func (g *rig) applies(names ...string) {
	g.t.Helper()
	g.start()
	var paths []string
	for _, name := range names {
		paths = append(paths, name+"/main.tf")
	}
	g.commit(paths...)
	for _, name := range names {
		if r := g.last(name); r.Status == run.AwaitingApproval {
			g.approve(li, r)
		}
		g.want(name, run.Applied)
	}
}

func TestStartIsRefusedByName(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.applies("a")
		for _, k := range kinds {
			g.refuses(acts.Order{Workspace: "nope", Kind: k}, fault.NotFound, `there is no workspace "nope"`,
				"tfops status")
		}
		g.runners.set(func(p *players) { p.hold[job.PlanPhase] = true })
		r := g.order("a", run.Plan, "")
		g.configure(called("b", "a"))
		for _, k := range kinds { // while a plan is made under the old name
			g.refuses(acts.Order{Workspace: "b", Kind: k}, fault.Conflict,
				"workspace b waits for workspace b to take over what is known of a", "tfops status b")
			g.refuses(
				acts.Order{Workspace: "a", Kind: k},
				fault.NotFound,
				`there is no workspace "a"`,
				"tfops status",
			)
		}
		g.runners.set(func(p *players) { p.hold[job.PlanPhase] = false })
		g.runners.end(t)
		g.pass(time.Minute)
		if got := g.get(r.ID); got.Workspace != "b" {
			t.Fatalf("it was not renamed: %+v", got)
		}
		for _, k := range kinds {
			g.refuses(acts.Order{Workspace: "a", Kind: k}, fault.NotFound,
				`there is no workspace "a" any more: it is called b now`, "tfops status b")
		}
	}, called("a", ""))
}

// A rename that cannot be done is the configuration's to put right.
func TestStartIsRefusedForARename(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.applies("a")
		g.configure(called("a", ""), called("b", "a"))
		for _, k := range kinds {
			g.refuses(acts.Order{Workspace: "b", Kind: k}, fault.Conflict,
				"workspace b waits for the configuration to be put right: ", "tfops status b")
		}
	}, called("a", ""))
}

func TestStartIsRefusedByOrder(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.applies("a")
		g.git.commit("feature", "a/main.tf")
		for _, k := range kinds {
			if k != run.Plan {
				g.refuses(acts.Order{Workspace: "a", Kind: k, Ref: "feature"}, fault.Invalid,
					"only a speculative plan can be of another ref", "tfops plan a --ref feature")
			}
			if k != run.Plan && k != run.Sync {
				g.refuses(acts.Order{Workspace: "a", Kind: k, Upgrade: true}, fault.Invalid,
					"only a plan or a sync can choose provider versions anew", "tfops sync a --upgrade")
			}
		}
		g.refuses(acts.Order{Workspace: "a", Kind: run.Plan, Ref: "nope"}, fault.NotFound, "there is no ref nope", "")
		if r := g.order("a", run.Plan, "feature"); g.get(r.ID).Status != run.PlannedAndFinished {
			t.Errorf("%+v", g.get(r.ID))
		}
		g.git.broken(fault.New(fault.Unavailable, "mend it", "the remote is away"))
		for _, k := range []run.Kind{run.Sync, run.Plan} { // what was just pushed is to count
			g.refuses(acts.Order{Workspace: "a", Kind: k}, fault.Unavailable, "the remote is away", "mend it")
		}
		g.refuses(acts.Order{Workspace: "a", Kind: run.Plan, Ref: "feature"}, fault.Unavailable, "the remote is away",
			"mend it")
		if r := g.check("a"); r.Status != run.PlannedAndFinished { // which needs no news
			t.Errorf("%s", r.Status)
		}
		g.git.broken(nil)
		g.adjust = func(s *settings.Settings) {
			s.Repositories = map[string]settings.Repository{"other": {Remote: g.git, Objects: g.git,
				Pace: gitrepo.Pace{Every: time.Minute}}}
		}
		g.configure(define("a"))
		for _, k := range kinds {
			g.refuses(acts.Order{Workspace: "a", Kind: k}, fault.NotFound, `there is no repository "infra"`,
				"tfops validate")
		}
	}, define("a"))
}

// A branch that is not there has nothing to be planned, and nothing of it is applied.
func TestStartIsRefusedBeforeACommit(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.start()
		for _, k := range []run.Kind{run.Sync, run.Plan} {
			g.refuses(acts.Order{Workspace: "a", Kind: k}, fault.Conflict,
				"workspace a cannot be planned: branch main is not in repository infra", "push branch main")
		}
		g.refuses(acts.Order{Workspace: "a", Kind: run.Destroy}, fault.Conflict,
			"workspace a has nothing applied that could be destroyed", "tfops status a")
		g.refuses(acts.Order{Workspace: "a", Kind: run.Refresh}, fault.Conflict,
			"workspace a has nothing applied, so there is no state to accept anything into", "tfops status a")
		g.refuses(acts.Order{Workspace: "a", Kind: run.Drift}, fault.Conflict,
			"workspace a was never applied, so nothing can drift from it", "tfops sync a")
	}, define("a"))
}

// What keeps a workspace from being planned is said with its own way out. What was applied
// can be destroyed and looked at all the same, and other refs planned.
func TestStartIsRefusedByAnObstacle(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.applies("a")
		g.git.commit("feature", "a/main.tf")
		g.git.branchGone("main")
		g.pass(time.Minute)
		o := g.record("a").Obstacle
		if o == nil || o.Next == "" {
			t.Fatalf("the obstacle is %+v", o)
		}
		for _, k := range []run.Kind{run.Sync, run.Plan} {
			g.refuses(
				acts.Order{Workspace: "a", Kind: k},
				fault.Conflict,
				"workspace a cannot be planned: "+o.Message,
				o.Next,
			)
		}
		g.order("a", run.Plan, "feature")
		g.order("a", run.Drift, "")
		if r := g.order("a", run.Destroy, ""); g.get(r.ID).Status != run.AwaitingApproval {
			t.Errorf("%+v", g.get(r.ID))
		}
	}, define("a"))
}

// Of a workspace that tfops never applies nothing is written or destroyed. It is planned.
func TestStartIsRefusedByNever(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.applies("a")
		g.configure(define("a", never))
		g.refuses(acts.Order{Workspace: "a", Kind: run.Destroy}, fault.Conflict,
			`workspace a has apply = "never": nothing of it is destroyed`, "")
		g.refuses(acts.Order{Workspace: "a", Kind: run.Refresh}, fault.Conflict,
			`workspace a has apply = "never": its state is not written`, "")
		for _, k := range []run.Kind{run.Sync, run.Plan, run.Drift} {
			if r := g.order("a", k, ""); g.get(r.ID).Status != run.PlannedAndFinished {
				t.Errorf("a %s run is %s", k, g.get(r.ID).Status)
			}
		}
	}, define("a"))
}

// A refresh is refused while its plan would be of other inputs than those that are applied,
// and while another run that applies is on its way, with what moves that run on.
func TestStartRefreshIsRefused(t *testing.T) {
	refresh := acts.Order{Workspace: "a", Kind: run.Refresh}
	bubble(t, func(t *testing.T, g *rig) {
		g.applies("a")
		g.configure(define("a", func(d *fleet.Definition) { d.VarFiles = []string{"x.tfvars"} }))
		g.refuses(refresh, fault.Conflict,
			"the inputs of workspace a changed in the configuration and are not applied yet", "tfops sync a")
		g.configure(define("a"))

		g.runners.set(func(p *players) { p.hold[job.PlanPhase], p.hold[job.ApplyPhase] = true, true })
		g.commit("a/main.tf")
		sync := g.want("a", run.Planning)
		onItsWay := func(status, next string) {
			t.Helper()
			g.refuses(refresh, fault.Conflict, "the state of workspace a is not refreshed while run "+sync.ID+
				" (sync) is on its way: it is "+status, next)
		}
		onItsWay("planning", "tfops logs "+sync.ID+" -f")
		g.runners.end(t)
		sync = g.want("a", run.AwaitingApproval)
		onItsWay("awaiting approval", "tfops approve "+sync.ID)
		if err := g.engine.Lock(t.Context(), ana, "a", "not now"); err != nil {
			t.Fatal(err)
		}
		g.approve(li, sync)
		g.want("a", run.ApplyQueued)
		onItsWay("apply queued", "tfops unlock a")
		if err := g.engine.Unlock(t.Context(), ana, "a", ""); err != nil {
			t.Fatal(err)
		}
		g.settle()
		g.want("a", run.Applying)
		onItsWay("applying", "tfops logs "+sync.ID+" -f")
		g.runners.vanish(t)
		g.want("a", run.Interrupted)
		onItsWay("interrupted", "tfops resolve "+sync.ID+" -m WHAT_WAS_FOUND")
	}, define("a"))
}

// What stands on a workspace is destroyed first: the one that is still applied is named.
func TestStartDestroyIsRefused(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.start()
		g.commit("a/main.tf", "b/main.tf", "c/main.tf")
		for _, name := range []string{"a", "b", "c"} {
			g.approve(li, g.want(name, run.AwaitingApproval))
			g.want(name, run.Applied)
		}
		g.refuses(acts.Order{Workspace: "a", Kind: run.Destroy}, fault.Conflict,
			"workspace b depends on a and is still applied", "tfops destroy b")
		g.refuses(acts.Order{Workspace: "b", Kind: run.Destroy}, fault.Conflict,
			"workspace c depends on b and is still applied", "tfops destroy c")
		g.configure(define("a"), define("b", after("a"), never), define("c"))
		g.order("a", run.Destroy, "") // what is never applied is not destroyed, either
	}, define("a"), define("b", after("a")), define("c", after("b")))
}

// A state that was put back by hand is not held against an order any more.
func TestStartForgetsAStateThatWasPutBack(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.applies("a")
		file := filepath.Join(g.engine.txn.Files.Workspace("a").Dir(), "terraform.tfstate")
		head, err := backend.ReadState([]byte(stateText("L", 2, 1)))
		if err != nil {
			t.Fatal(err)
		}
		if err := g.store.ChangeWorkspace(t.Context(), "a", func(h *run.WorkspaceTx) error {
			h.Record.StateTrouble = &workspace.StateTrouble{Why: "it is gone"}
			h.Record.AppliedState.StateRef = ref(h.Record.AppliedState.Identity, workspace.Managed, 1)
			h.Record.AppliedState.StateMark = outcome.MarkOf(head)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			text  string
			stays bool
		}{{stateText("L", 1, 1), true}, {stateText("L", 2, 1), false}} {
			if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			g.order("a", run.Sync, "")
			if got := g.record("a").StateTrouble; (got != nil) != c.stays {
				t.Errorf("with %s the trouble is %+v", c.text, got)
			}
		}
	}, define("a"))
}
