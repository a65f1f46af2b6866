package engine

import (
	"strings"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/engine/acts"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/run"
)

func following(tag string) func(*fleet.Definition) {
	return func(d *fleet.Definition) { d.Branch, d.Tag = "", tag }
}

// tagAt tags a new commit, and has the remote polled.
func (g *rig) tagAt(name string, paths ...string) string {
	sha := g.git.commit("dev", paths...)
	g.git.tag(name, sha)
	g.pass(time.Minute)
	return sha
}

// TestTagsAreFollowed: the highest that fits is planned, and no other.
func TestTagsAreFollowed(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.start()
		if v := g.view("a"); v.Problem == nil || !strings.Contains(v.Problem.Error(), "no tag of the form v1.2.3") {
			t.Errorf("without a tag: %v", v.Problem)
		}
		first := g.tagAt("v1.2.0", "a/main.tf")
		r := g.want("a", run.Applied)
		if r.Commit.SHA != first || r.Tag != "v1.2.0" || len(r.Warnings) > 0 {
			t.Errorf("the run is of %s, %q, %q", r.Commit.SHA, r.Tag, r.Warnings)
		}
		g.tagAt("v2.0.0", "a/main.tf")
		g.tagAt("v1.1.9", "a/main.tf")
		g.tagAt("v1.3.0-rc1", "a/main.tf")
		if now := g.last("a"); now.ID != r.ID {
			t.Errorf("a tag that does not fit made the run %+v", now)
		}
		next := g.tagAt("v1.10.0", "a/main.tf")
		if r := g.want("a", run.Applied); r.Commit.SHA != next || r.Tag != "v1.10.0" {
			t.Errorf("the run is of %s, %q", r.Commit.SHA, r.Tag)
		}
		if v := g.view("a"); v.Follows != "tag v1.10.0 (>= 1.2, < 2)" {
			t.Errorf("it follows %q", v.Follows)
		}
	}, define("a", auto, following(">= 1.2, < 2")))
}

// TestTagsShouldNotMove: one that did waits for a person whatever apply says, also
// over a restart, and so does what is left when one is deleted.
func TestTagsShouldNotMove(t *testing.T) {
	for name, c := range map[string]struct {
		change func(g *rig)
		says   string
	}{
		"moved":   {func(g *rig) { g.tagAt("v1.2.0", "a/main.tf") }, "Tag v1.2.0 was moved"},
		"deleted": {func(g *rig) { g.git.tag("v1.2.0", ""); g.pass(time.Minute) }, "Tag v1.2.0 is gone, and v1.1.0"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, g *rig) {
				g.git.tag("v1.1.0", g.git.commit("old", "a/main.tf"))
				g.git.tag("v1.2.0", g.git.commit("dev", "a/main.tf"))
				g.start()
				first := g.want("a", run.Applied)
				c.change(g)
				r := g.want("a", run.AwaitingApproval)
				if r.Commit.SHA == first.Commit.SHA || len(r.Warnings) != 1 ||
					!strings.Contains(r.Warnings[0], c.says) || len(r.Confirm) != 1 {
					t.Fatalf("%s after %s: %q, %q", r.Commit.SHA, first.Commit.SHA, r.Warnings, r.Confirm)
				}
				if _, err := g.engine.Start(t.Context(), ana, acts.Order{Workspace: "a", Kind: run.Sync}); err != nil {
					t.Fatal(err)
				}
				g.settle()
				r = g.want("a", run.AwaitingApproval) // planned anew, it waits as well
				g.approve(ana, r)
				g.want("a", run.Applied)
				g.tagAt("v1.3.0", "a/main.tf")
				if r := g.want("a", run.Applied); len(r.Warnings) > 0 || r.Tag != "v1.3.0" {
					t.Errorf("a new tag: %q, %q", r.Tag, r.Warnings)
				}
			}, define("a", auto, following(">= 1")))
		})
	}
}

// TestNoTagFits: nothing is applied, nothing is destroyed, and it says what to do.
func TestNoTagFits(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.git.tag("v1.2.0", g.git.commit("dev", "a/main.tf"))
		g.git.tag("other/v9.0.0", g.git.commit("dev"))
		g.start()
		waiting := g.want("a", run.AwaitingApproval)
		g.git.tag("v1.2.0", "")
		g.git.tag("v0.9.0", g.git.commit("dev", "a/main.tf"))
		g.pass(time.Minute)
		if r := g.get(waiting.ID); r.Status != run.Discarded {
			t.Errorf("what was planned of a tag that is gone is %s", r.Status)
		}
		if v := g.view("a"); v.Problem == nil || !strings.Contains(v.Problem.Error(),
			"no tag of repository infra fits >= 1") || !strings.Contains(fault.Next(v.Problem), "there are v0.9.0") {
			t.Errorf("the problem is %v (%s)", v.Problem, fault.Next(v.Problem))
		}
		if _, err := g.engine.Start(t.Context(), ana, acts.Order{Workspace: "a", Kind: run.Sync}); err == nil {
			t.Error("it can be synced")
		}
		if r := g.last("a"); r.ID != waiting.ID {
			t.Errorf("a run was made: %+v", r)
		}
	}, define("a", following(">= 1")))
}

// TestTagIsAskedForBeforeAnApply: one that was moved since the last poll is not
// applied, whether or not it touches the workspace.
func TestTagIsAskedForBeforeAnApply(t *testing.T) {
	for name, paths := range map[string][]string{"touches it": {"a/main.tf"}, "touches nothing": {"README.md"}} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, g *rig) {
				g.git.tag("v1.2.0", g.git.commit("dev", "a/main.tf"))
				g.start()
				r := g.want("a", run.AwaitingApproval)
				moved := g.git.commit("elsewhere", paths...)
				g.git.tag("v1.2.0", moved) // nobody polled since
				g.approve(ana, r)
				g.settle()
				if r = g.get(r.ID); r.Status != run.Discarded || !r.ApplyStartedAt.IsZero() {
					t.Fatalf("the run of a tag that was moved is %s", r.Status)
				}
				if now := g.want("a", run.AwaitingApproval); now.Commit.SHA != moved || len(now.Warnings) != 1 {
					t.Errorf("commit %s waits, with %q", now.Commit.SHA, now.Warnings)
				}
			}, define("a", following(">= 1")))
		})
	}
}

// TestPinnedCommit: it is planned and applied, whatever branches do.
func TestPinnedCommit(t *testing.T) {
	const pinned = "0000000000000000000000000000000000000001"
	bubble(t, func(t *testing.T, g *rig) {
		g.git.commit("dev", "a/main.tf")
		g.git.commit("dev", "a/main.tf")
		g.start()
		if r := g.want("a", run.Applied); r.Commit.SHA != pinned {
			t.Errorf("the run is of %s", r.Commit.SHA)
		}
		if v := g.view("a"); v.Follows != "commit "+pinned {
			t.Errorf("it follows %q", v.Follows)
		}
		g.git.branchGone("dev")
		g.pass(time.Minute)
		if v := g.view("a"); v.Problem != nil {
			t.Errorf("without a branch: %v", v.Problem)
		}
		if v := g.view("b"); v.Problem == nil || !strings.Contains(v.Problem.Error(), "gives out no commit") ||
			fault.Next(v.Problem) == "" {
			t.Errorf("a commit that nobody has: %v", v.Problem)
		}
	}, define("a", auto, func(d *fleet.Definition) { d.Branch, d.Commit = "", pinned }),
		define("b", func(d *fleet.Definition) { d.Branch, d.Commit = "", strings.Repeat("f", 40) }))
}
