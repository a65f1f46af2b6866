package engine

import (
	"errors"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/engine/acts"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
	"github.com/tfops/tfops/internal/workspace/reach"
)

// generator makes a workspace of every root module, named after its directory.
func generator(onRemoved workspace.OnRemoved, change ...func(*fleet.Definition)) fleet.Generator {
	g := fleet.Generator{Generator: workspace.Generator{Name: "all", Repository: "infra",
		Branches: []string{"main", "env/*"}, Dirs: []string{"*", "live/*"}, OnRemoved: onRemoved,
		Source: "tfops.hcl:1"}}
	g.Make = func(o workspace.Origin) (fleet.Definition, error) {
		name := path.Base(o.Dir)
		if o.Branch != "main" {
			name += "-" + reach.Slug(o.Branch)
		}
		d := define(name, change...)
		d.Dir, d.Branch, d.Origin, d.OnRemoved = o.Dir, o.Branch, &o, onRemoved
		return d, nil
	}
	return g
}

func (g *rig) generate(gen fleet.Generator) {
	g.set.Config.Generators = append(g.set.Config.Generators, gen)
}

func (g *rig) names() []string {
	g.t.Helper()
	views, err := g.engine.Workspaces(g.t.Context())
	if err != nil {
		g.t.Fatal(err)
	}
	var names []string
	for _, v := range views {
		names = append(names, v.Name)
	}
	slices.Sort(names)
	return names
}

func (g *rig) wantNames(want ...string) {
	g.t.Helper()
	if got := g.names(); !slices.Equal(got, want) {
		g.t.Fatalf("the workspaces are %v, want %v", got, want)
	}
}

// New directories become workspaces at the next poll and are planned; a
// restarted daemon knows them before it has polled.
func TestGenerated(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.generate(generator(workspace.Keep))
		g.start()
		g.wantNames()
		g.commit("a/main.tf")
		before := g.names()
		if !slices.Contains(before, "a") {
			t.Fatal(before)
		}
		first := g.want("a", run.AwaitingApproval)
		g.git.add("live/new/main.tf")
		g.commit("live/new/main.tf")
		g.want("new", run.AwaitingApproval)
		g.git.broken(errors.New("unreachable"))
		g.restart()
		if r := g.want("a", run.AwaitingApproval); r.ID != first.ID {
			t.Error("the run did not survive")
		}
		g.approve(li, first)
		g.want("a", run.Applied)
		g.want("new", run.AwaitingApproval)
	})
}

func TestGeneratedOfABranch(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.generate(generator(workspace.Keep))
		g.start()
		g.commit("a/main.tf")
		g.git.commit("env/test", "a/main.tf")
		g.pass(40e9)
		r := g.want("a-env-test", run.AwaitingApproval)
		g.approve(li, r)
		g.want("a-env-test", run.Applied)
		g.git.branchGone("env/test")
		g.pass(40e9)
		if v := g.view("a-env-test"); v.Sync != workspace.Orphaned || v.Wait.Command != "tfops destroy a-env-test" {
			t.Errorf("%s, %+v", v.Sync, v.Wait)
		}
		if v := g.view("a"); v.Sync == workspace.Orphaned {
			t.Error("the workspace of another branch is an orphan, too")
		}
	})
}

// What is gone is kept as long as it may have left something, and its unapplied
// runs are discarded. It can be destroyed.
func TestOrphan(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.generate(generator(workspace.Keep))
		g.git.add("live/x/main.tf")
		g.git.add("live/y/main.tf")
		g.start()
		g.commit("live/x/main.tf", "live/y/main.tf")
		g.approve(li, g.want("x", run.AwaitingApproval))
		g.want("x", run.Applied)
		planned := g.want("y", run.AwaitingApproval)
		g.git.remove("live/x/main.tf")
		g.git.remove("live/y/main.tf")
		g.commit("live/x/main.tf", "live/y/main.tf")
		if r := g.get(planned.ID); r.Status != run.Discarded || r.Reason != run.Stale ||
			!strings.Contains(r.Comment, "") {
			t.Errorf("what was planned for the one that is gone is %s %s", r.Status, r.Reason)
		}
		if slices.Contains(g.names(), "y") {
			t.Error("what left nothing behind is still there")
		}
		if len(g.runs("x")) != 1 {
			t.Error("an orphan was planned")
		}
		g.restart()
		if v := g.view("x"); v.Sync != workspace.Orphaned {
			t.Errorf("after a restart it is %s", v.Sync)
		}
		if _, err := g.engine.Start(t.Context(), ana, acts.Order{Workspace: "x", Kind: run.Destroy}); err != nil {
			t.Fatal(err)
		}
		g.settle()
		g.approve(li, g.want("x", run.AwaitingApproval))
		g.want("x", run.Applied)
		g.commit("a/main.tf")
		if slices.Contains(g.names(), "x") {
			t.Error("what was destroyed is still there")
		}
	})
}

// on_removed = "destroy" asks once, and does nothing without an approval.
func TestOrphanIsDestroyed(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.generate(generator(workspace.DestroyOnRemoved, auto))
		g.git.add("live/x/main.tf")
		g.start()
		applied := g.commit("live/x/main.tf")
		g.want("x", run.Applied)
		g.git.remove("live/x/main.tf")
		g.commit("live/x/main.tf")
		r := g.want("x", run.AwaitingApproval)
		if r.Kind != run.Destroy || r.Commit.SHA != applied || r.Trigger.Cause != run.ByRemoval {
			t.Errorf("%s at %s by %s", r.Kind, r.Commit.SHA, r.Trigger.Cause)
		}
		if err := g.vote(li, r, false); err != nil {
			t.Fatal(err)
		}
		g.commit("a/main.tf")
		g.restart()
		g.commit("a/main.tf")
		if n := len(g.runs("x")); n != 2 {
			t.Errorf("after it was rejected there are %d runs", n)
		}
	})
}

// When it comes back, nothing is destroyed.
func TestOrphanComesBack(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.generate(generator(workspace.DestroyOnRemoved))
		g.git.add("live/x/main.tf")
		g.start()
		g.commit("live/x/main.tf")
		g.approve(li, g.want("x", run.AwaitingApproval))
		g.want("x", run.Applied)
		g.git.remove("live/x/main.tf")
		g.commit("live/x/main.tf")
		destroy := g.want("x", run.AwaitingApproval)
		g.git.add("live/x/main.tf")
		g.commit("live/x/main.tf")
		if r := g.get(destroy.ID); r.Status != run.Discarded {
			t.Errorf("the destroy run is %s", r.Status)
		}
		if r := g.want("x", run.AwaitingApproval); r.Kind != run.Sync {
			t.Errorf("the newest run is a %s", r.Kind)
		}
	})
}

// A remote that fails, or says that it has nothing, orphans nobody.
func TestNoLookNoOrphan(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.generate(generator(workspace.DestroyOnRemoved))
		g.start()
		g.commit("a/main.tf")
		g.approve(li, g.want("a", run.AwaitingApproval))
		g.want("a", run.Applied)
		g.git.broken(errors.New("unreachable"))
		g.pass(3600e9)
		g.git.broken(nil)
		g.git.branchGone("main")
		g.pass(3600e9)
		if v := g.view("a"); v.Sync == workspace.Orphaned || len(g.runs("a")) != 1 {
			t.Errorf("%s, %d runs", v.Sync, len(g.runs("a")))
		}
	})
}

// A generator that calls its workspaces otherwise leaves none of the old names,
// orphans among them.
func TestRenamedByItsGenerator(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.generate(generator(workspace.Keep))
		g.git.add("live/x/main.tf")
		g.start()
		g.commit("live/x/main.tf")
		g.approve(li, g.want("x", run.AwaitingApproval))
		g.want("x", run.Applied)
		g.git.remove("live/x/main.tf")
		g.commit("live/x/main.tf")
		other := generator(workspace.Keep)
		other.Make = func(o workspace.Origin) (fleet.Definition, error) {
			d := define("new-" + path.Base(o.Dir))
			d.Dir, d.Branch, d.Origin = o.Dir, o.Branch, &o
			return d, nil
		}
		s := g.settings()
		s.Config.Generators = []fleet.Generator{other}
		if err := g.engine.Configure(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		g.pass(60e9)
		g.wantNames("new-a", "new-b", "new-c")
		g.wantLeft("x")
	})
}

// Two matches of one name: neither is made, both are named, the others go on.
func TestCollision(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.generate(generator(workspace.Keep))
		g.git.add("live/a/main.tf")
		g.start()
		g.commit("a/main.tf", "b/main.tf")
		if slices.Contains(g.names(), "a") || !slices.Contains(g.names(), "b") {
			t.Error(g.names())
		}
		v := g.engine.Generators()[0]
		text := ""
		for _, p := range v.Problems {
			text += p.Message + "\n"
		}
		if !strings.Contains(text, `tfops.hcl:1, workspaces "all": a on branch main`) || !strings.Contains(text, `workspaces "all": live/a on branch main`) {
			t.Errorf("the problems are\n%s", text)
		}
	})
}

// A branch whose slug is that of an applied workspace's loses: whoever was there first keeps name and
// state, also once its own branch is gone.
func TestCollidingBranchLoses(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		gen := generator(workspace.Keep)
		gen.Branches = []string{"env/*", "env-*"}
		g.generate(gen)
		g.start()
		g.commit("a/main.tf")
		g.git.commit("env/prod", "a/main.tf")
		g.pass(40e9)
		g.approve(li, g.want("a-env-prod", run.AwaitingApproval))
		applied := g.want("a-env-prod", run.Applied)
		sha := g.git.commit("env-prod", "a/main.tf") // the slug of the other
		g.pass(40e9)
		check := func(when string, sync bool) {
			t.Helper()
			v := g.view("a-env-prod")
			if v.Branch != "env/prod" || g.last("a-env-prod").Commit.SHA == sha ||
				(v.Sync == workspace.Orphaned) == sync {
				t.Errorf("%s: of branch %s, %s, the newest run is of %s", when, v.Branch, v.Sync,
					g.last("a-env-prod").Commit.SHA)
			}
		}
		check("pushed", true)
		g.restart()
		check("after a restart", true)
		g.pass(40e9)
		next := g.git.commit("env/prod", "a/main.tf")
		g.pass(40e9)
		if r := g.last("a-env-prod"); r.Commit.SHA != next || r.ID == applied.ID {
			t.Errorf("its own commit is not planned: %+v", r)
		}
		g.git.branchGone("env/prod")
		g.pass(40e9)
		check("its own branch is gone", false)
	})
}
