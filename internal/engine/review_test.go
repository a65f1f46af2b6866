package engine

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/artifacts"
	"github.com/tfops/tfops/internal/drift/schedule"
	"github.com/tfops/tfops/internal/engine/acts"
	"github.com/tfops/tfops/internal/engine/outcome"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// order asks for a run and waits until nothing more happens by itself.
func (g *rig) order(name string, k run.Kind, ref string) run.Run {
	g.t.Helper()
	r, err := g.engine.Start(context.Background(), ana, acts.Order{Workspace: name, Kind: k, Ref: ref})
	if err != nil {
		g.t.Fatal(err)
	}
	g.settle()
	return r
}

func (g *rig) configure(defs ...fleet.Definition) {
	g.t.Helper()
	if err := g.engine.Configure(context.Background(), g.settings(defs...)); err != nil {
		g.t.Fatal(err)
	}
	g.pass(time.Minute)
}

// A look at a branch that keeps its state elsewhere says nothing about where
// the workspace's own state is: a person's lock goes on holding it.
func TestSpeculativePlanOfAnotherBackendKeepsTheLock(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.runners.set(func(p *players) {
			p.state = func(j job.Job) string {
				if !j.LockState {
					return "elsewhere"
				}
				return "home"
			}
		})
		g.start()
		g.commit("a/main.tf")
		r := g.want("a", run.AwaitingApproval)
		g.git.commit("feature", "a/main.tf")
		g.order("a", run.Plan, "feature")
		if err := g.engine.Lock(context.Background(), li, "a", "hands off"); err != nil {
			t.Fatal(err)
		}
		g.approve(ana, r)
		if got := g.get(r.ID); got.Status != run.ApplyQueued {
			t.Fatalf("a locked workspace's run is %s", got.Status)
		}
	}, define("a"))
}

// A drift check of the old state, while a commit that moves it waits, does not
// open a lock either.
func TestLockHoldsOverAMovedBackend(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		moved := false
		g.runners.set(func(p *players) {
			p.state = func(j job.Job) string {
				if moved && j.LockState {
					return "new"
				}
				return "old"
			}
		})
		g.start()
		g.commit("a/main.tf")
		g.approve(ana, g.want("a", run.AwaitingApproval))
		moved = true
		g.commit("a/main.tf")
		r := g.want("a", run.AwaitingApproval)
		g.order("a", run.Drift, "")
		if err := g.engine.Lock(context.Background(), li, "a", "hands off"); err != nil {
			t.Fatal(err)
		}
		wantFault(t, g.vote(ana, r, true), fault.Conflict) // it would leave the old state behind
		accept := acts.Ballot{Yes: true, Digest: r.Plan.Digest, Comment: "because", AcceptNewState: true}
		if _, err := g.engine.Vote(context.Background(), ana, r.ID, accept); err != nil {
			t.Fatal(err)
		}
		g.settle()
		if got := g.get(r.ID); got.Status != run.ApplyQueued {
			t.Fatalf("a locked workspace's run is %s", got.Status)
		}
	}, define("a"))
}

// A destroy that comes to nothing does not make the newest commit be forgotten.
func TestRejectedDestroyKeepsWhatIsWanted(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.start()
		first := g.commit("a/main.tf")
		g.approve(ana, g.want("a", run.AwaitingApproval))
		second := g.commit("a/main.tf")
		g.want("a", run.AwaitingApproval)
		r := g.order("a", run.Destroy, "")
		if r = g.get(r.ID); r.Status != run.AwaitingApproval || r.Commit.SHA != first {
			t.Fatalf("the destroy is %s at %s", r.Status, r.Commit.SHA)
		}
		if err := g.vote(ana, r, false); err != nil {
			t.Fatal(err)
		}
		if v := g.view("a"); v.Sync != workspace.OutOfSync || v.Record.Desired != second {
			t.Errorf("commit %s was never applied, and the workspace is %s with %s wanted",
				workspace.ShortCommit(second), v.Sync, workspace.ShortCommit(v.Record.Desired))
		}
		r = g.get(g.order("a", run.Destroy, "").ID)
		g.approve(ana, r)
		if got := g.get(r.ID); got.Status != run.Applied {
			t.Errorf("the approved destroy is %s %s: %s", got.Status, got.Reason, got.Comment)
		}
	}, define("a"))
}

// A workspace whose directory moves in the configuration is planned where its
// branch is now, and not at the commit of the run that waited.
func TestMovedDirectoryIsPlannedAtTheHead(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.start()
		g.commit("a/main.tf")
		old := g.want("a", run.AwaitingApproval)
		g.git.add("new/main.tf")
		head := g.commit("b/main.tf", "LICENSE")
		if g.last("a").ID != old.ID {
			t.Fatal("the second commit touches a")
		}
		g.git.slow(time.Second) // the loop is faster than the look at the remote
		g.configure(define("a", func(d *fleet.Definition) { d.Dir = "new" }), define("b"))
		if r := g.want("a", run.AwaitingApproval); r.Commit.SHA != head {
			t.Errorf("planned at %s, and the head is %s", workspace.ShortCommit(r.Commit.SHA),
				workspace.ShortCommit(head))
		}
		if got := g.get(old.ID); got.Status != run.Discarded {
			t.Errorf("the old run is %s", got.Status)
		}
	}, define("a"), define("b"))
}

// A workspace that leaves the configuration by mistake and comes back is
// planned again: the run that waited is gone.
func TestRemovedAndAddedAgain(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.start()
		g.commit("a/main.tf")
		old := g.want("a", run.AwaitingApproval)
		g.configure()
		if got := g.get(old.ID); got.Status != run.Discarded {
			t.Fatalf("the run of a removed workspace is %s", got.Status)
		}
		g.configure(define("a"))
		if r := g.want("a", run.AwaitingApproval); r.ID == old.ID {
			t.Error("nothing was planned")
		}
	}, define("a"))
}

// P5: what keeps a check from being made makes the drift unknown.
func TestDriftIsUnknownWhenNotChecked(t *testing.T) {
	applied := func(g *rig) {
		g.start()
		g.commit("a/main.tf")
		g.want("a", run.Applied)
	}
	want := func(t *testing.T, g *rig, words string) {
		t.Helper()
		if d := g.view("a").Record.Drift; d.Status != workspace.DriftUnknown || !strings.Contains(d.Why, words) {
			t.Errorf("the drift is %q because of %q, want unknown because of %q", d.Status, d.Why, words)
		}
	}
	t.Run("the runner vanishes each time", func(t *testing.T) {
		bubble(t, func(t *testing.T, g *rig) {
			applied(g)
			g.runners.set(func(p *players) { p.hold[job.PlanPhase] = true })
			r := g.order("a", run.Drift, "")
			for range outcome.MaxRestarts + 1 {
				g.runners.vanish(t)
			}
			if got := g.get(r.ID); got.Status != run.Errored {
				t.Fatalf("the check is %s", got.Status)
			}
			want(t, g, "vanished")
		}, define("a", auto))
	})
	t.Run("somebody cancels it", func(t *testing.T) {
		bubble(t, func(t *testing.T, g *rig) {
			applied(g)
			g.runners.set(func(p *players) { p.hold[job.PlanPhase] = true })
			r := g.order("a", run.Drift, "")
			if _, err := g.engine.Cancel(context.Background(), li, r.ID, false); err != nil {
				t.Fatal(err)
			}
			want(t, g, "canceled by li")
		}, define("a", auto))
	})
	t.Run("an apply fails halfway", func(t *testing.T) {
		bubble(t, func(t *testing.T, g *rig) {
			applied(g)
			g.runners.set(func(p *players) {
				p.fail = func(j job.Job) *job.Result {
					if j.Phase == job.ApplyPhase {
						return &job.Result{Outcome: job.Failed, Cause: job.CauseEngine, Message: "quota"}
					}
					return nil
				}
			})
			g.commit("a/main.tf")
			want(t, g, g.want("a", run.Errored).ID)
		}, define("a", auto))
	})
	t.Run("a plan older than the last check is applied", func(t *testing.T) {
		bubble(t, func(t *testing.T, g *rig) {
			g.start()
			g.commit("a/main.tf")
			g.approve(ana, g.want("a", run.AwaitingApproval))
			g.commit("a/main.tf")
			r := g.want("a", run.AwaitingApproval)
			g.pass(time.Hour)
			g.order("a", run.Drift, "")
			if d := g.view("a").Record.Drift; d.Status != workspace.Drifted {
				t.Fatalf("%+v", d)
			}
			g.runners.set(func(p *players) { p.hold[job.PlanPhase] = true }) // the check that follows by itself
			g.approve(ana, r)
			want(t, g, "older than")
			check := g.last("a")
			if check.Kind != run.Drift || check.Trigger != (run.Trigger{Cause: run.ByApply, Run: r.ID}) ||
				check.Commit.SHA != r.Commit.SHA {
				t.Fatalf("no check follows: %+v", check)
			}
			g.runners.end(t)
			if d := g.view("a").Record.Drift; d.Status != workspace.Drifted {
				t.Errorf("after the check: %+v", d)
			}
		}, define("a"))
	})
	t.Run("its inputs are not the applied ones, and those are not known", func(t *testing.T) {
		bubble(t, func(t *testing.T, g *rig) {
			g.start()
			g.commit("a/main.tf")
			g.approve(ana, g.want("a", run.AwaitingApproval))
			if err := os.Remove(g.engine.txn.Files.Workspace("a").Kept(artifacts.Applied,
				g.view("a").Record.AppliedOf)); err != nil {
				t.Fatal(err)
			}
			g.configure(define("a",
				func(d *fleet.Definition) { d.Env = map[string]workspace.EnvVar{"REGION": {Value: "eu"}} }))
			g.want("a", run.AwaitingApproval)
			_, err := g.engine.Start(context.Background(), ana, acts.Order{Workspace: "a", Kind: run.Drift})
			wantFault(t, err, fault.Conflict)
			if d := g.view("a").Record.Drift; d.Status == workspace.Drifted {
				t.Errorf("a change of the configuration is called drift: %+v", d)
			}
		}, define("a"))
	})
	t.Run("its first scheduled check was missed", func(t *testing.T) {
		bubble(t, func(t *testing.T, g *rig) {
			applied(g)
			g.pass(time.Hour) // midnight of 2000 began; the check is due at two
			g.stop()
			<-g.done
			g.stop = nil
			time.Sleep(12 * time.Hour)
			g.restart()
			g.pass(time.Minute)
			if r := g.last("a"); r.Kind != run.Drift {
				t.Errorf("no check was made: the newest run is a %s", r.Kind)
			}
		}, define("a", auto, func(d *fleet.Definition) {
			s, err := schedule.Parse("0 2 * * *", "")
			if err != nil {
				t.Fatal(err)
			}
			d.Drift = s
		}))
	})
}

// A clock that was wrong once does not make every later plan stale.
func TestApplyInTheFuture(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.start()
		g.commit("a/main.tf")
		g.approve(ana, g.want("a", run.AwaitingApproval))
		err := g.store.ChangeWorkspace(context.Background(), "a", func(h *run.WorkspaceTx) error {
			h.Record.ApplyStartedAt = h.Now.AddDate(10, 0, 0)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		g.commit("a/main.tf")
		r := g.want("a", run.AwaitingApproval)
		g.approve(ana, r)
		if got := g.get(r.ID); got.Status != run.Applied {
			t.Errorf("the run is %s %s: %s", got.Status, got.Reason, got.Comment)
		}
	}, define("a"))
}

// Whoever waits for a state that an interrupted run of another workspace
// holds is told to resolve that run: waiting for it moves nothing.
func TestWaitForAnInterruptedRun(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.runners.set(func(p *players) { p.hold[job.ApplyPhase], p.shared = true, true })
		g.start()
		g.commit()
		a, b := g.want("a", run.AwaitingApproval), g.want("b", run.AwaitingApproval)
		g.approve(ana, a)
		g.approve(ana, b)
		g.runners.vanish(t)
		if v := g.view("b"); !strings.HasPrefix(v.Wait.Command, "tfops resolve "+a.ID) {
			t.Errorf("b waits for %+v", v.Wait)
		}
	}, define("a"), define("b"))
}

// The run that somebody should look at is the one that errored, whatever was
// looked at since.
func TestWaitNamesTheErroredRun(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.runners.set(func(p *players) {
			p.fail = func(j job.Job) *job.Result {
				if j.LockState {
					return &job.Result{Outcome: job.Failed, Cause: job.CauseEngine, Message: "no"}
				}
				return nil
			}
		})
		g.start()
		g.commit("a/main.tf")
		r := g.want("a", run.Errored)
		g.order("a", run.Plan, "")
		if v := g.view("a"); v.Sync != workspace.Errored || v.Wait.Command != "tfops show "+r.ID {
			t.Errorf("%s, %+v; the errored run is %s", v.Sync, v.Wait, r.ID)
		}
	}, define("a"))
}

// A lock does not become eternal with its workspace's name.
func TestUnlockOfARemovedWorkspace(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.runners.set(func(p *players) { p.shared = true })
		g.start()
		g.commit()
		if err := g.engine.Lock(context.Background(), li, "a", "moving"); err != nil {
			t.Fatal(err)
		}
		g.configure(define("b"))
		r := g.want("b", run.AwaitingApproval)
		g.approve(ana, r)
		if v := g.view("b"); v.Wait.Command != "tfops unlock a" {
			t.Fatalf("b waits for %+v", v.Wait)
		}
		if err := g.engine.Unlock(context.Background(), li, "a", ""); err != nil {
			t.Fatal(err)
		}
		g.settle()
		g.want("b", run.Applied)
		wantFault(t, g.engine.Unlock(context.Background(), li, "nothere", ""), fault.NotFound)
	}, define("a"), define("b"))
}

// Asking twice is not asking for a kill, and what was asked for before a crash
// still counts.
func TestCancelOfAnApplyOutlivesTheDaemon(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.runners.set(func(p *players) { p.hold[job.ApplyPhase] = true })
		g.start()
		g.commit("a/main.tf")
		g.want("a", run.Applying)
		g.runners.crashing(true) // the daemon dies before it can pass it on
		if _, err := g.engine.Cancel(context.Background(), li, g.last("a").ID, false); err == nil {
			t.Fatal("the runner was interrupted")
		}
		g.restart()
		g.want("a", run.Errored)
	}, define("a", auto))
}

// What is wrong with one branch keeps no commit of another from being planned.
func TestBranchesFailAlone(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.start()
		g.git.unreadable("main", errors.New("no such object"))
		g.git.commit("main", "a/main.tf")
		g.git.commit("other", "b/main.tf")
		g.pass(time.Minute)
		g.want("b", run.AwaitingApproval)
		if rs := g.engine.Repositories(); rs[0].Error == nil {
			t.Error("nobody is told")
		}
		g.git.unreadable("", nil)
		g.pass(time.Hour)
		g.want("a", run.AwaitingApproval)
	}, define("a"), define("b", func(d *fleet.Definition) { d.Branch = "other" }))
}

// An approved plan that expires while it is paused is not said to lack an
// approval; one that nobody has to approve is made again by itself.
func TestExpiryWhileSuspended(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		for _, name := range []string{"a", "b"} {
			if err := g.engine.Suspend(context.Background(), li, name, "holidays", time.Time{}); err != nil {
				t.Fatal(err)
			}
		}
		g.start()
		g.commit()
		g.approve(ana, g.want("b", run.AwaitingApproval))
		g.pass(25 * time.Hour)
		g.wantReason("b", run.Discarded, run.Expired)
		g.want("a", run.ApplyQueued)
		if err := g.engine.Resume(context.Background(), li, "a"); err != nil {
			t.Fatal(err)
		}
		g.settle()
		g.want("a", run.Applied)
		_, events, err := g.store.Load(context.Background(), g.last("b").ID)
		if err != nil || strings.Contains(events[len(events)-1].Text, "nobody approved") {
			t.Errorf("%+v %v", events, err)
		}
	}, define("a", auto), define("b"))
}

// A check that cannot be stored is made when it can be.
func TestDriftCheckOutlivesAFullDisk(t *testing.T) {
	hourly, err := schedule.Parse("@every 1h", "")
	if err != nil {
		t.Fatal(err)
	}
	bubble(t, func(t *testing.T, g *rig) {
		g.start()
		g.commit("a/main.tf")
		g.want("a", run.Applied)
		g.dying.dead.Store(true)
		g.pass(70 * time.Minute)
		g.dying.dead.Store(false)
		g.pass(2 * time.Minute)
		if r := g.last("a"); r.Kind != run.Drift {
			t.Errorf("the check was forgotten: the newest run is a %s", r.Kind)
		}
	}, define("a", auto, func(d *fleet.Definition) { d.Drift = hourly }))
}
