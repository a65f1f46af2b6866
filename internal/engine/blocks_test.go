package engine

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// A commit on the branch of a workspace block is noticed at once, however many branches a pattern
// finds, and while these are being read; and all of them are read in the end.
func TestBlocksGoFirst(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		gen := generator(workspace.Keep)
		gen.Branches = []string{"env/*"}
		g.generate(gen)
		g.start()
		g.commit("a/main.tf")
		first := g.want("a", run.AwaitingApproval)
		const many = 60
		g.git.mu.Lock()
		g.git.look = map[string]time.Duration{}
		g.git.mu.Unlock()
		for i := range many {
			sha := g.git.commit(fmt.Sprintf("env/n%d", i), "a/main.tf")
			g.git.mu.Lock()
			g.git.look[sha] = time.Second
			g.git.mu.Unlock()
		}
		newest := func(sha, when string) {
			t.Helper()
			if r := g.last("a"); r.Commit.SHA != sha || r.ID == first.ID {
				t.Fatalf("%s: the newest run is of %s, want %s", when, r.Commit.SHA, sha)
			}
		}
		newest2 := g.git.commit("main", "a/main.tf")
		g.pass(35 * time.Second)
		newest(newest2, "together with the branches")
		newest3 := g.git.commit("main", "a/main.tf")
		g.pass(25 * time.Second)
		newest(newest3, "while the branches are read")
		g.pass(10 * time.Minute)
		for i := range many {
			if len(g.runs(fmt.Sprintf("a-env-n%d", i))) == 0 {
				t.Errorf("branch %d was never looked at", i)
			}
		}
	}, define("a"))
}

// A branch with more code than one look reads is read in several, one after the other, and its
// workspaces are there then.
func TestLargeBranchTakesSeveralLooks(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		gen := generator(workspace.Keep)
		gen.Branches = []string{"env/*"}
		g.generate(gen)
		g.start()
		g.commit("a/main.tf")
		g.git.mu.Lock()
		for i := range 9 { // each file is as much as is read of a look whose time is over
			g.git.files[fmt.Sprintf("a/more%d.tf", i)] = &fstest.MapFile{
				Data: fmt.Appendf(nil, "# %d %s\n", i, strings.Repeat("x", 1<<20-9))}
		}
		g.git.mu.Unlock()
		sha := g.git.commit("env/large", "a/main.tf")
		g.git.mu.Lock()
		g.git.look = map[string]time.Duration{sha: time.Minute} // its time is over before it begins to read
		g.git.mu.Unlock()
		// The first look, which takes a minute, ends early; the second follows at once.
		g.pass(30*time.Second + time.Minute + time.Second)
		if len(g.runs("a-env-large")) == 0 {
			t.Error("the rest of the branch was not read")
		}
	}, define("a"))
}
