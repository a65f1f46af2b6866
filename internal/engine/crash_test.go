package engine

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/engine/outcome"
	"github.com/tfops/tfops/internal/engine/queue"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/run"
)

// The daemon dies at every step of a run's life. Whatever a run was doing, it
// is continued, planned again, or marked interrupted (P3); a running apply
// goes on and is picked up again (P4); and no apply happens twice (P2, P3).
func TestDaemonDies(t *testing.T) {
	t.Run("before a commit is stored", func(t *testing.T) {
		bubble(t, func(t *testing.T, g *rig) {
			g.start()
			g.dying.dead.Store(true)
			g.commit("a/main.tf")
			if len(g.runs("a")) != 0 {
				t.Fatal("a dead daemon stored a run")
			}
			g.restart()
			g.want("a", run.AwaitingApproval)
		}, define("a"))
	})
	t.Run("pending", func(t *testing.T) {
		bubble(t, func(t *testing.T, g *rig) {
			g.git.commit("main", "a/main.tf")
			if err := g.engine.watcher.Poll(context.Background(), "infra"); err != nil { // no loop is running
				t.Fatal(err)
			}
			r := g.want("a", run.Pending)
			g.restart()
			if got := g.want("a", run.AwaitingApproval); got.ID != r.ID {
				t.Error("the pending run was replaced")
			}
			if len(g.runs("a")) != 1 {
				t.Errorf("%d runs of one commit", len(g.runs("a")))
			}
		}, define("a"))
	})
	t.Run("planning, and the runner goes on", func(t *testing.T) {
		bubble(t, func(t *testing.T, g *rig) {
			g.runners.set(func(p *players) { p.hold[job.PlanPhase] = true })
			g.start()
			g.commit("a/main.tf")
			r := g.want("a", run.Planning)
			g.restart()
			g.want("a", run.Planning)
			g.runners.end(t)
			if got := g.want("a", run.AwaitingApproval); got.ID != r.ID || g.runners.count("a", job.PlanPhase) != 1 {
				t.Error("the plan of the living runner was not taken")
			}
		}, define("a"))
	})
	t.Run("planning, and the runner ends meanwhile", func(t *testing.T) {
		bubble(t, func(t *testing.T, g *rig) {
			g.runners.set(func(p *players) { p.hold[job.PlanPhase] = true })
			g.start()
			g.commit("a/main.tf")
			g.dying.dead.Store(true)
			g.runners.end(t)
			g.want("a", run.Planning)
			g.restart()
			g.want("a", run.AwaitingApproval)
			if g.runners.count("a", job.PlanPhase) != 1 {
				t.Error("a finished plan was made again")
			}
		}, define("a"))
	})
	t.Run("planning, and the runner dies as well", func(t *testing.T) {
		bubble(t, func(t *testing.T, g *rig) {
			g.runners.set(func(p *players) { p.hold[job.PlanPhase] = true })
			g.start()
			g.commit("a/main.tf")
			r := g.want("a", run.Planning)
			g.dying.dead.Store(true)
			g.runners.vanish(t)
			g.runners.set(func(p *players) { p.hold[job.PlanPhase] = false })
			g.restart()
			if got := g.want("a", run.AwaitingApproval); got.ID != r.ID || got.Restarts != 1 {
				t.Errorf("run %s, restarts %d", got.ID, got.Restarts)
			}
		}, define("a"))
	})
	t.Run("between claiming a plan and starting its runner", func(t *testing.T) {
		bubble(t, func(t *testing.T, g *rig) {
			g.git.commit("main", "a/main.tf")
			if err := g.engine.watcher.Poll(context.Background(), "infra"); err != nil {
				t.Fatal(err)
			}
			for range outcome.MaxRestarts + 1 { // which does not count as a runner that vanished
				r, _, err := g.engine.queue.Claim(context.Background(), queue.PhasePlan, &queue.Checked{})
				if err != nil || r.Status != run.Planning {
					t.Fatal(r.Status, err)
				}
				g.engine.phases.FollowPlan(context.Background(), r, func() {})
			}
			r, _, err := g.engine.queue.Claim(context.Background(), queue.PhasePlan, &queue.Checked{})
			if err != nil || r.Status != run.Planning {
				t.Fatal(r.Status, err)
			}
			g.restart()
			if r := g.want("a", run.AwaitingApproval); r.Restarts != 0 {
				t.Errorf("restarts %d", r.Restarts)
			}
		}, define("a"))
	})
	t.Run("between claiming a plan once more and removing what the one before left", func(t *testing.T) {
		bubble(t, func(t *testing.T, g *rig) {
			g.runners.set(func(p *players) { p.hold[job.PlanPhase] = true })
			g.start()
			g.commit("a/main.tf")
			g.dying.dead.Store(true)
			g.runners.endAs(t, func(ph *played) *job.Result {
				res := g.runners.outcome(ph)
				res.StartedAt = time.Now().Add(-time.Hour)
				return res
			})
			g.runners.set(func(p *players) { p.hold[job.PlanPhase] = false })
			g.restart()
			if r := g.want("a", run.AwaitingApproval); r.Restarts != 1 || g.runners.count("a", job.PlanPhase) != 2 {
				t.Errorf("the result of another attempt was taken: %+v", r)
			}
		}, define("a"))
	})
	t.Run("awaiting approval", func(t *testing.T) {
		bubble(t, func(t *testing.T, g *rig) {
			g.start()
			g.commit("a/main.tf")
			r := g.want("a", run.AwaitingApproval)
			g.restart()
			g.approve(ana, r)
			g.want("a", run.Applied)
			if g.runners.count("a", job.PlanPhase) != 1 {
				t.Error("an approved plan was made again")
			}
		}, define("a"))
	})
	t.Run("apply queued", func(t *testing.T) {
		bubble(t, func(t *testing.T, g *rig) {
			g.start()
			if err := g.engine.Lock(context.Background(), li, "a", "wait"); err != nil {
				t.Fatal(err)
			}
			g.commit("a/main.tf")
			g.approve(ana, g.last("a"))
			g.want("a", run.ApplyQueued)
			g.restart()
			g.want("a", run.ApplyQueued)
			if err := g.engine.Unlock(context.Background(), li, "a", ""); err != nil {
				t.Fatal(err)
			}
			g.settle()
			g.want("a", run.Applied)
		}, define("a"))
	})
	t.Run("applying, and the runner goes on", func(t *testing.T) {
		bubble(t, func(t *testing.T, g *rig) {
			g.runners.set(func(p *players) { p.hold[job.ApplyPhase] = true })
			g.start()
			g.commit("a/main.tf")
			r := g.want("a", run.Applying)
			g.restart()
			g.want("a", run.Applying)
			if v := g.view("a"); v.Lock == nil || v.Lock.Run != r.ID {
				t.Errorf("the lock is %v", v.Lock)
			}
			g.runners.end(t)
			g.want("a", run.Applied)
			if n := g.runners.count("a", job.ApplyPhase); n != 1 {
				t.Errorf("%d applies", n)
			}
		}, define("a", auto))
	})
	t.Run("applying, and the daemon is stopped in good order", func(t *testing.T) {
		bubble(t, func(t *testing.T, g *rig) {
			g.runners.set(func(p *players) { p.hold[job.ApplyPhase] = true })
			g.start()
			g.commit("a/main.tf")
			g.want("a", run.Applying)
			g.stop()
			<-g.done
			g.stop = nil
			if g.runners.newest().stopped {
				t.Fatal("stopping the daemon interrupted an apply")
			}
			g.restart()
			g.runners.end(t)
			g.want("a", run.Applied)
		}, define("a", auto))
	})
	t.Run("planning, and the daemon is stopped in good order", func(t *testing.T) {
		bubble(t, func(t *testing.T, g *rig) {
			g.runners.set(func(p *players) { p.hold[job.PlanPhase] = true })
			g.start()
			g.commit("a/main.tf")
			g.stop()
			<-g.done
			g.stop = nil
			if !g.runners.newest().stopped {
				t.Error("the plan was not stopped")
			}
			if r := g.want("a", run.Pending); r.Restarts != 0 {
				t.Error("stopping in good order counts as a vanished runner")
			}
			g.runners.set(func(p *players) { p.hold[job.PlanPhase] = false })
			g.restart()
			g.want("a", run.AwaitingApproval)
		}, define("a"))
	})
	for name, started := range map[string]bool{"and the runner dies as well": true,
		"before its runner was started": false} {
		t.Run("applying, "+name, func(t *testing.T) {
			bubble(t, func(t *testing.T, g *rig) {
				g.runners.set(func(p *players) { p.hold[job.ApplyPhase] = true })
				g.start()
				g.commit("a/main.tf")
				r := g.want("a", run.Applying)
				g.dying.dead.Store(true)
				g.runners.vanish(t)
				if !started {
					g.runners.forget()
				}
				g.restart()
				got := g.want("a", run.Interrupted)
				if got.Failure == nil || started == strings.Contains(got.Failure.Message, "nothing was changed") {
					t.Errorf("the evidence says: %+v", got.Failure)
				}
				interrupted(t, g, r)
			}, define("a", auto))
		})
	}
}

// interrupted asserts that an interrupted run moves only by a person's hand.
func interrupted(t *testing.T, g *rig, r run.Run) {
	t.Helper()
	ctx := context.Background()
	applies := g.runners.count("a", job.ApplyPhase)
	g.commit("a/main.tf")
	g.pass(48 * time.Hour)
	if got := g.get(r.ID); got.Status != run.Interrupted {
		t.Fatalf("an interrupted run became %s by itself", got.Status)
	}
	v := g.view("a")
	if v.Lock == nil || v.Lock.Run != r.ID || !strings.HasPrefix(v.Wait.Command, "tfops resolve "+r.ID) {
		t.Errorf("lock %v, waits for %+v", v.Lock, v.Wait)
	}
	wantFault(t, g.engine.Unlock(ctx, li, "a", "please"), fault.Conflict)
	_, err := g.engine.Cancel(ctx, li, r.ID, true)
	wantFault(t, err, fault.Conflict)
	_, err = g.engine.Resolve(ctx, li, r.ID, "")
	wantFault(t, err, fault.Invalid)
	g.runners.set(func(p *players) { p.alive = []job.Process{{PID: 4711, Name: "terraform-provider-x"}} })
	_, err = g.engine.Resolve(ctx, li, r.ID, "looks fine")
	wantFault(t, err, fault.Conflict)
	if !strings.Contains(err.Error(), "4711") {
		t.Errorf("the refusal does not name the process: %v", err)
	}
	g.runners.set(func(p *players) { p.alive = nil })
	if n := g.runners.count("a", job.ApplyPhase); n != applies {
		t.Fatalf("%d applies beside an interrupted one", n-applies)
	}
	g.runners.set(func(p *players) { p.hold[job.ApplyPhase] = false })
	if _, err := g.engine.Resolve(ctx, li, r.ID, "nothing was half done"); err != nil {
		t.Fatal(err)
	}
	g.settle()
	if got := g.get(r.ID); got.Status != run.Errored || got.Failure == nil ||
		!strings.Contains(got.Comment, "nothing was half done") {
		t.Errorf("resolved: %s %+v %q", got.Status, got.Failure, got.Comment)
	}
	g.want("a", run.Applied) // the newer commit's run, planned after the resolve
}

func TestRunnerDies(t *testing.T) {
	t.Run("in a plan, again and again", func(t *testing.T) {
		bubble(t, func(t *testing.T, g *rig) {
			g.runners.set(func(p *players) { p.hold[job.PlanPhase] = true })
			g.start()
			g.commit("a/main.tf")
			for range outcome.MaxRestarts {
				g.runners.vanish(t)
				g.want("a", run.Planning)
			}
			g.runners.vanish(t)
			if r := g.want("a", run.Errored); r.Failure.Next == "" {
				t.Error("the failure says not what to do next")
			}
		}, define("a"))
	})
	t.Run("in an apply", func(t *testing.T) {
		bubble(t, func(t *testing.T, g *rig) {
			g.runners.set(func(p *players) { p.hold[job.ApplyPhase] = true })
			g.start()
			g.commit("a/main.tf")
			r := g.want("a", run.Applying)
			g.runners.vanish(t)
			g.want("a", run.Interrupted)
			interrupted(t, g, r)
		}, define("a", auto))
	})
	t.Run("the state could not be saved", func(t *testing.T) {
		bubble(t, func(t *testing.T, g *rig) {
			g.runners.set(func(p *players) {
				p.fail = func(j job.Job) *job.Result {
					if j.Phase == job.PlanPhase {
						return nil
					}
					return &job.Result{Outcome: job.Failed, Cause: job.CauseEngine, Message: "cannot save",
						ErroredState: "/runs/x/errored.tfstate.age"}
				}
			})
			g.start()
			g.commit("a/main.tf")
			r := g.want("a", run.Interrupted)
			if !strings.Contains(r.Failure.Next, "tfops decrypt /runs/x/errored.tfstate.age") {
				t.Errorf("next: %s", r.Failure.Next)
			}
		}, define("a", auto))
	})
	t.Run("the plan was stale in the engine's eyes", func(t *testing.T) {
		bubble(t, func(t *testing.T, g *rig) {
			stale := true
			g.runners.set(func(p *players) {
				p.fail = func(j job.Job) *job.Result {
					if j.Phase == job.PlanPhase || !stale {
						return nil
					}
					stale = false
					return &job.Result{Outcome: job.Failed, Cause: job.CauseStale, Message: "Saved plan is stale"}
				}
			})
			g.start()
			g.commit("a/main.tf")
			g.want("a", run.Applied)
			if rs := g.runs("a"); len(rs) != 2 || rs[1].Status != run.Errored || rs[0].Trigger.Cause != run.ByStale {
				t.Errorf("%d runs", len(rs))
			}
		}, define("a", auto))
	})
}

// A person's newer wish must not be undone by what an older run leaves.
func TestResolveDoesNotGoBack(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.runners.set(func(p *players) { p.hold[job.ApplyPhase] = true })
		g.start()
		g.commit("a/main.tf")
		r := g.want("a", run.Applying)
		newer := g.commit("a/main.tf")
		g.runners.vanish(t)
		g.runners.set(func(p *players) { p.hold[job.ApplyPhase] = false })
		if _, err := g.engine.Resolve(context.Background(), li, r.ID, "fine"); err != nil {
			t.Fatal(err)
		}
		g.settle()
		if got := g.want("a", run.Applied); got.Commit.SHA != newer {
			t.Errorf("commit %s was applied, %s is wanted", got.Commit.SHA, newer)
		}
		if n := len(g.runs("a")); n != 2 {
			t.Errorf("%d runs", n)
		}
	}, define("a", auto))
}

// An apply that is refused each time, since what its plan stood on is another one, is not
// planned and begun without a pause.
func TestARefusedApplyRestsBeforeItIsPlannedAgain(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.runners.set(func(p *players) {
			p.fail = func(j job.Job) *job.Result {
				if j.Phase == job.ApplyPhase {
					return &job.Result{Outcome: job.Failed, Cause: job.CauseStale,
						Message: "what was approved is not there any more"}
				}
				return nil
			}
		})
		g.start()
		g.commit("a/main.tf")
		g.settle()
		before := len(g.runs("a"))
		if before != 3 || g.last("a").Status != run.Pending || g.last("a").NotBefore.IsZero() {
			t.Fatalf("%d runs, the last is %+v", before, g.last("a"))
		}
		time.Sleep(2 * outcome.Retries[0])
		g.settle()
		if n := len(g.runs("a")); n <= before || n > before+3 {
			t.Errorf("%d runs after a minute, %d before", n, before)
		}
	}, define("a", auto))
}
