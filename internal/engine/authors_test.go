package engine

import (
	"strings"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/access"
	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

func fourEyes(d *fleet.Definition) { d.Rules = []approvals.Rule{{Name: "four"}} }

// by has the newest commit of main written by somebody else, before it is polled.
func (g *rig) by(who string, paths ...string) string {
	sha := g.git.commit("main", paths...)
	g.git.mu.Lock()
	defer g.git.mu.Unlock()
	c := g.git.commits[sha]
	c.Author.Name, c.Author.Email = who, who+"@example.com"
	c.Committer = c.Author
	g.git.commits[sha] = c
	return sha
}

// People who wrote an earlier commit that a plan applies do not count, and those who wrote
// what does not touch it do.
func TestAuthorsOfAllCommits(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.start()
		base := g.commit("a/main.tf")
		g.approve(li, g.want("a", run.AwaitingApproval))
		g.want("a", run.Applied)
		ours := g.by("ann", "a/main.tf")
		g.by("kim", "b/main.tf")
		g.by("li", "a/main.tf")
		g.pass(40 * time.Second)
		r := g.want("a", run.AwaitingApproval)
		if r.Authors == nil || r.Authors.Since != base || r.Authors.Commits != 2 || len(r.Authors.People) != 2 {
			t.Fatalf("%+v", r.Authors)
		}
		err := g.vote(access.Actor{Name: "ann"}, r, true)
		wantFault(t, err, fault.Forbidden)
		if !strings.Contains(err.Error(), "ann wrote commit "+workspace.ShortCommit(ours)+", which is part of this") {
			t.Error(err)
		}
		wantFault(t, g.vote(li, r, true), fault.Forbidden)
		g.approve(access.Actor{Name: "kim"}, r)
		g.want("a", run.Applied)
	}, define("a", fourEyes), define("b"))
}

// A plan of a tfops that did not ask who wrote it is not approved under a rule: it is planned anew.
func TestPlansThatDidNotAsk(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.start()
		g.commit("a/main.tf")
		r := g.want("a", run.AwaitingApproval)
		forget := func(d *run.Tx) error { d.Run.Authors = nil; return nil }
		if _, err := g.store.Change(t.Context(), r.ID, forget); err != nil {
			t.Fatal(err)
		}
		err := g.vote(li, g.want("a", run.AwaitingApproval), true)
		wantFault(t, err, fault.Forbidden)
		if !strings.Contains(err.Error(), "tfops sync a") {
			t.Error(err)
		}
	}, define("a", fourEyes))
}

// Where a forced push took away what is applied nobody can approve, and tfops says what to do.
func TestAuthorsAfterAForcedPush(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.start()
		first := g.commit("a/main.tf")
		g.approve(li, g.want("a", run.AwaitingApproval))
		g.commit("a/main.tf")
		g.approve(li, g.want("a", run.AwaitingApproval))
		g.want("a", run.Applied)
		g.git.mu.Lock()
		g.git.heads["main"] = first
		g.git.mu.Unlock()
		g.by("kim", "a/main.tf")
		g.pass(40 * time.Second)
		r := g.want("a", run.AwaitingApproval)
		if r.Authors.Unknown == "" {
			t.Fatalf("%+v", r.Authors)
		}
		wantFault(t, g.vote(li, r, true), fault.Forbidden)
		v, err := g.engine.Show(t.Context(), r.ID)
		if err != nil || !strings.Contains(v.Wait.Sentence(), "git merge -s ours") || v.Wait.Command != "tfops sync a" {
			t.Errorf("%+v, %v", v.Wait, err)
		}
	}, define("a", fourEyes))
}

// Who removed a directory wrote the destroy of its workspace; whoever deleted a branch is not known.
func TestAuthorsOfARemoval(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		r := g.removed(func(d *fleet.Definition) { d.Rules = []approvals.Rule{{Name: "four", Require: 2}} })
		if len(r.Authors.People) != 1 || r.Authors.People[0].Name != "Ana" || r.Authors.Commits != 1 {
			t.Fatalf("%+v", r.Authors)
		}
		wantFault(t, g.named(ana, r, "x"), fault.Forbidden)
		for _, who := range []access.Actor{li, eva} {
			if err := g.named(who, r, "x"); err != nil {
				t.Fatal(err)
			}
		}
		g.want("x", run.Applied)
	})
	bubble(t, func(t *testing.T, g *rig) {
		g.generate(generator(workspace.DestroyOnRemoved, fourEyes))
		g.git.commit("env/test", "a/main.tf")
		g.start()
		g.commit("a/main.tf")
		g.approve(li, g.want("a-env-test", run.AwaitingApproval))
		g.want("a-env-test", run.Applied)
		g.git.branchGone("env/test")
		g.pass(40 * time.Second)
		r := g.want("a-env-test", run.AwaitingApproval)
		if r.Kind != run.Destroy || !strings.Contains(r.Authors.Unknown, "deleted its branch") {
			t.Fatalf("%s %+v", r.Kind, r.Authors)
		}
		wantFault(t, g.named(li, r, "a-env-test"), fault.Forbidden)
		// What it says helps: whoever asks counts as the author.
		g.order("a-env-test", run.Destroy, "")
		asked := g.want("a-env-test", run.AwaitingApproval)
		wantFault(t, g.named(ana, asked, "a-env-test"), fault.Forbidden)
		if err := g.named(li, asked, "a-env-test"); err != nil {
			t.Fatal(err)
		}
	})
}
