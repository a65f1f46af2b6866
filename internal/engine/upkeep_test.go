package engine

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/artifacts"
	"github.com/tfops/tfops/internal/checkout"
	"github.com/tfops/tfops/internal/engine/acts"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

func TestRetention(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.start()
		applied := func() run.Run {
			g.commit("a/main.tf")
			return g.want("a", run.Applied)
		}
		first, second := applied(), applied()
		for range 3 { // nothing of these is applied
			g.commit("a/main.tf")
			if err := g.vote(li, g.last("a"), false); err == nil {
				t.Fatal("an applied run was rejected")
			}
		}
		last := g.last("a")
		g.pass(48 * time.Hour)
		left := map[string]bool{}
		for _, r := range g.runs("a") {
			left[r.ID] = true
		}
		if len(left) != 1 || !left[last.ID] {
			t.Errorf("%d runs are left, the last one applied among them: %t", len(left), left[last.ID])
		}
		for _, r := range []run.Run{first, second} {
			if _, err := os.Stat(g.engine.txn.Files.Run(r.ID).Dir()); !os.IsNotExist(err) {
				t.Errorf("the directory of the pruned run %s is left", r.ID)
			}
		}
		if _, err := os.Stat(g.engine.txn.Files.Run(last.ID).Path(artifacts.Shown)); err != nil && !os.IsNotExist(err) {
			t.Error(err)
		}
	}, define("a", auto, func(d *fleet.Definition) { d.KeepRuns, d.KeepDays = 1, 1 }))
}

func TestSweep(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.start()
		g.commit("a/main.tf")
		ended := g.want("a", run.Applied)
		g.commit("b/main.tf")
		waiting := g.want("b", run.AwaitingApproval)
		orphan := filepath.Join(g.dir, "runs", "0000000orphan")
		for _, dir := range []string{orphan, g.engine.txn.Files.Run(ended.ID).Ground()} { // what a crash could leave
			if err := os.MkdirAll(dir, 0o700); err != nil {
				t.Fatal(err)
			}
		}
		g.restart()
		if strays := g.engine.Strays(); len(strays) != 1 || strays[0].Dir != orphan {
			t.Errorf("strays: %+v", strays)
		}
		for dir, want := range map[string]bool{orphan: true, g.engine.txn.Files.Run(ended.ID).Ground(): false,
			g.engine.txn.Files.Run(ended.ID).Dir(): true, g.engine.txn.Files.Run(waiting.ID).Ground(): true} {
			if _, err := os.Stat(dir); (err == nil) != want {
				t.Errorf("%s is there: %t, want %t", dir, err == nil, want)
			}
		}
	}, define("a", auto), define("b"))
}

// A mirror that lost a commit is fetched before the commit is planned.
func TestLostCommitIsFetched(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.start()
		sha := g.git.commit("main", "a/main.tf")
		lost := g.git.lose(sha)
		g.pass(time.Minute)
		if r := g.want("a", run.AwaitingApproval); r.Commit.SHA != sha || *lost != 1 {
			t.Errorf("run of %s after %d fetches", r.Commit.SHA, *lost)
		}
	}, define("a"))
}

// A directory that a commit removed takes with it what was planned for it:
// nobody may approve a plan of what Git does not have any more.
func TestWhatGitLostIsNotApplied(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.start()
		g.commit("a/main.tf")
		planned := g.want("a", run.AwaitingApproval)
		g.git.remove("a/main.tf")
		g.commit("a/main.tf")
		if r := g.wantReason("a", run.Discarded, run.Stale); r.ID != planned.ID ||
			!strings.Contains(r.Comment, "no directory a") {
			t.Errorf("run %s was discarded: %q", r.ID, r.Comment)
		}
		wantFault(t, g.vote(ana, planned, true), fault.Conflict)
		if v := g.view("a"); v.Sync != workspace.Unknown {
			t.Errorf("a workspace without a directory is %s", v.Sync)
		}
		other := g.want("b", run.AwaitingApproval)
		g.git.add("a/main.tf")
		g.commit("a/main.tf")
		g.want("a", run.AwaitingApproval)
		if g.want("b", run.AwaitingApproval).ID != other.ID {
			t.Error("another workspace was planned again")
		}
	}, define("a"), define("b"))
}

// What the rules decide by themselves happens although every place is taken.
func TestSettlingNeedsNoPlace(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.start()
		g.commit("a/main.tf")
		g.want("a", run.AwaitingApproval)
		g.runners.set(func(p *players) { p.hold[job.PlanPhase] = true })
		for range g.set.Concurrency {
			if _, err := g.engine.Start(context.Background(), ana,
				acts.Order{Workspace: "b", Kind: run.Plan}); err != nil {
				t.Fatal(err)
			}
		}
		g.pass(25 * time.Hour)
		g.want("b", run.Planning)
		g.wantReason("a", run.Discarded, run.Expired)
	}, define("a"), define("b", func(d *fleet.Definition) { d.PlanTimeout = 100 * time.Hour }))
}

// A checkout goes when no run needs it any more, but not while a runner is at work.
func TestCheckoutsGoWhenNobodyNeedsThem(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.start()
		first := g.commit("b/main.tf")
		waiting := g.want("b", run.AwaitingApproval)
		second := g.commit("a/main.tf")
		g.want("a", run.Applied)
		dir := func(sha string) string { return filepath.Join(g.dir, "cache", "checkouts", "infra", sha) }
		time.Sleep(2 * checkout.Rest)
		g.settle()
		for sha, want := range map[string]bool{first: true, second: false} {
			if _, err := os.Stat(dir(sha)); (err == nil) != want {
				t.Errorf("the checkout of %s is there: %t, want %t", sha, err == nil, want)
			}
		}
		if _, err := g.engine.Cancel(context.Background(), ana, waiting.ID, false); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * checkout.Rest)
		g.settle()
		if _, err := os.Stat(dir(first)); !os.IsNotExist(err) {
			t.Error("nobody needs it, and the checkout is left:", err)
		}
	}, define("a", auto), define("b"))
}
