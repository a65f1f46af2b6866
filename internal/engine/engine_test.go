package engine

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/access"
	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/artifacts"
	"github.com/tfops/tfops/internal/drift/schedule"
	"github.com/tfops/tfops/internal/engine/acts"
	"github.com/tfops/tfops/internal/engine/outcome"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

func TestCommitToApplied(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		sha := g.git.commit("main", "a/main.tf")
		g.start()
		r := g.want("a", run.AwaitingApproval)
		if r.Commit.SHA != sha || r.Trigger.Cause != run.ByCommit || r.Plan.Counts.Add != 1 {
			t.Errorf("the run is not of the commit: %+v", r)
		}
		v := g.view("a")
		if v.Sync != workspace.Pending || !strings.Contains(v.Wait.Sentence(), "1 approval") ||
			v.Wait.Command != "tfops approve "+r.ID {
			t.Errorf("status before: %s, %+v", v.Sync, v.Wait)
		}
		g.approve(ana, r)
		g.want("a", run.Applied)
		listed, err := g.engine.List(context.Background(), run.Query{Workspace: "a"})
		if err != nil || len(listed) != 1 || len(listed[0].Votes) != 1 || !listed[0].Needs[0].Met() {
			t.Errorf("an ended run is listed without its approvals: %+v %v", listed, err)
		}
		v = g.view("a")
		if v.Sync != workspace.Synced || v.Record.Applied != sha || v.Lock != nil || v.Wait.Sentence() != "" {
			t.Errorf("status after: %s %+v %+v %+v", v.Sync, v.Record, v.Lock, v.Wait)
		}
		if _, err := os.Stat(g.engine.txn.Files.Run(r.ID).Ground()); !os.IsNotExist(err) {
			t.Error("the tree of an ended run is kept")
		}
		if len(g.runs("b")) != 1 {
			t.Error("the first commit of a branch is wanted of every workspace on it")
		}
	}, define("a"), define("b"))
}

func TestSecondCommit(t *testing.T) {
	t.Run("touches only its own workspace", func(t *testing.T) {
		bubble(t, func(t *testing.T, g *rig) {
			g.start()
			g.commit()
			g.approve(ana, g.last("a"))
			g.approve(ana, g.last("b"))
			head := g.commit("a/main.tf")
			g.want("a", run.AwaitingApproval)
			g.want("b", run.Applied)
			if v := g.view("b"); v.Sync != workspace.Synced || v.Record.Head != head {
				t.Errorf("an untouched workspace is %s at head %s", v.Sync, v.Record.Head)
			}
		}, define("a"), define("b"))
	})
	t.Run("supersedes a run that waits", func(t *testing.T) {
		bubble(t, func(t *testing.T, g *rig) {
			g.start()
			g.commit("a/main.tf")
			first := g.want("a", run.AwaitingApproval)
			g.commit("a/main.tf")
			second := g.want("a", run.AwaitingApproval)
			old := g.get(first.ID)
			if old.Status != run.Discarded || old.Reason != run.Superseded || old.SupersededBy != second.ID {
				t.Errorf("the first run is %s %s by %s", old.Status, old.Reason, old.SupersededBy)
			}
			wantFault(t, g.vote(ana, first, true), fault.Conflict)
		}, define("a"))
	})
	t.Run("stops a plan that is being made", func(t *testing.T) {
		bubble(t, func(t *testing.T, g *rig) {
			g.runners.set(func(p *players) { p.hold[job.PlanPhase] = true })
			g.start()
			g.commit("a/main.tf")
			first := g.want("a", run.Planning)
			ph := g.runners.newest()
			g.commit("a/main.tf")
			if !ph.stopped || g.get(first.ID).Reason != run.Superseded {
				t.Error("the superseded plan was not stopped")
			}
			g.want("a", run.Planning)
		}, define("a"))
	})
	t.Run("never touches a running apply", func(t *testing.T) {
		bubble(t, func(t *testing.T, g *rig) {
			g.runners.set(func(p *players) { p.hold[job.ApplyPhase] = true })
			g.start()
			g.commit("a/main.tf")
			first := g.want("a", run.Applying)
			g.commit("a/main.tf")
			if g.get(first.ID).Status != run.Applying {
				t.Fatal("a newer commit touched a running apply")
			}
			second := g.want("a", run.Pending)
			shown, _ := g.engine.Show(context.Background(), second.ID)
			if shown.Wait.Command != "tfops wait "+first.ID {
				t.Errorf("the second run waits for %+v", shown.Wait)
			}
			g.runners.end(t)
			if g.get(first.ID).Status != run.Applied {
				t.Error("the first apply did not end")
			}
			g.want("a", run.Applying)
		}, define("a", auto))
	})
}

func TestNoChangesIsInSync(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.runners.set(func(p *players) { p.plan = func(job.Job) *plan.Plan { return &plan.Plan{Complete: true} } })
		g.start()
		sha := g.commit("a/main.tf")
		g.want("a", run.PlannedAndFinished)
		if v := g.view("a"); v.Sync != workspace.Synced || v.Record.Applied != sha {
			t.Errorf("sync %s, applied %s", v.Sync, v.Record.Applied)
		}
	}, define("a"))
}

func TestApplyModes(t *testing.T) {
	two := approvals.Rule{Name: "two", Require: 2}
	bubble(t, func(t *testing.T, g *rig) {
		g.start()
		g.commit()
		g.want("a", run.Applied)               // auto, no rule
		r := g.want("b", run.AwaitingApproval) // auto never switches a rule off
		g.want("c", run.PlannedAndFinished)
		if v := g.view("c"); v.Sync != workspace.OutOfSync {
			t.Errorf("never: %s", v.Sync)
		}
		wantFault(t, g.vote(ana, r, true), fault.Forbidden) // the author
		g.approve(li, r)
		g.want("b", run.AwaitingApproval)
		wantFault(t, g.vote(li, r, true), fault.Conflict) // twice
		g.approve(access.Actor{Name: "kim"}, r)
		g.want("b", run.Applied)
	}, define("a", auto), define("b", auto, func(d *fleet.Definition) { d.Rules = []approvals.Rule{two} }),
		define("c", func(d *fleet.Definition) { d.Apply = workspace.Never }))
}

func TestVotes(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.start()
		g.commit("a/main.tf")
		r := g.want("a", run.AwaitingApproval)
		for name, b := range map[string]acts.Ballot{
			"no digest":      {Yes: true},
			"a short digest": {Yes: true, Digest: r.Plan.Digest[:12]},
			"another digest": {Yes: true, Digest: plan.Digest([]byte("another"))},
		} {
			if _, err := g.engine.Vote(context.Background(), ana, r.ID, b); !fault.Is(err, fault.Conflict) {
				t.Errorf("a vote with %s: %v", name, err)
			}
		}
		if _, err := g.engine.Vote(context.Background(), ana, "nothere", acts.Ballot{Yes: true}); !fault.Is(err,
			fault.NotFound) {
			t.Errorf("an unknown run: %v", err)
		}
		if _, err := g.engine.Vote(context.Background(), ana, r.ID, acts.Ballot{Digest: r.Plan.Digest}); !fault.Is(err,
			fault.Invalid) {
			t.Errorf("a rejection without a comment: %v", err)
		}
		if err := g.vote(ana, r, false); err != nil {
			t.Fatal(err)
		}
		ended := g.wantReason("a", run.Discarded, run.Rejected)
		if ended.Comment != "because" {
			t.Errorf("the reason is lost: %q", ended.Comment)
		}
		wantFault(t, g.vote(ana, r, true), fault.Conflict)
	}, define("a"))
}

func TestWithdraw(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.start()
		if err := g.engine.Suspend(context.Background(), li, "a", "maintenance", time.Time{}); err != nil {
			t.Fatal(err)
		}
		g.commit("a/main.tf")
		r := g.want("a", run.AwaitingApproval)
		g.approve(ana, r)
		g.want("a", run.ApplyQueued) // suspended
		if _, err := g.engine.Withdraw(context.Background(), li, r.ID); !fault.Is(err, fault.Conflict) {
			t.Errorf("withdrawing a vote that was never cast: %v", err)
		}
		if _, err := g.engine.Withdraw(context.Background(), ana, r.ID); err != nil {
			t.Fatal(err)
		}
		g.want("a", run.AwaitingApproval)
		if err := g.engine.Resume(context.Background(), li, "a"); err != nil {
			t.Fatal(err)
		}
		g.pass(time.Minute)
		g.want("a", run.AwaitingApproval)
		g.approve(ana, r)
		g.want("a", run.Applied)
	}, define("a"))
}

func TestExpiry(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.start()
		g.commit("a/main.tf")
		r := g.want("a", run.AwaitingApproval)
		g.pass(23 * time.Hour)
		g.want("a", run.AwaitingApproval)
		g.pass(2 * time.Hour)
		g.wantReason("a", run.Discarded, run.Expired)
		wantFault(t, g.vote(ana, r, true), fault.Conflict)
		if v := g.view("a"); v.Sync != workspace.OutOfSync || v.Wait.Command != "tfops sync a" {
			t.Errorf("%s %+v", v.Sync, v.Wait)
		}
	}, define("a"))
}

func TestTamperedPlanIsNeverApplied(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.start()
		g.commit("a/main.tf")
		r := g.want("a", run.AwaitingApproval)
		if err := os.WriteFile(g.engine.txn.Files.Run(r.ID).Path(artifacts.Plan), []byte("another plan"),
			0o600); err != nil {
			t.Fatal(err)
		}
		g.approve(ana, r)
		if got := g.get(r.ID); got.Status != run.Discarded || got.Reason != run.Stale {
			t.Errorf("the run is %s %s", got.Status, got.Reason)
		}
		if n := g.runners.count("a", job.ApplyPhase); n != 0 {
			t.Fatalf("%d applies were started", n)
		}
		fresh := g.want("a", run.AwaitingApproval)
		if fresh.Trigger.Cause != run.ByStale || fresh.Trigger.Run != r.ID || fresh.ID == r.ID {
			t.Errorf("no fresh plan was queued: %+v", fresh.Trigger)
		}
		wantFault(t, g.vote(ana, r, true), fault.Conflict) // votes do not move on
	}, define("a"))
}

func TestConfigurationChange(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.start()
		g.commit("a/main.tf")
		r := g.want("a", run.AwaitingApproval)
		other := define("a", func(d *fleet.Definition) { d.Labels = map[string]string{"team": "net"} })
		if err := g.engine.Configure(context.Background(), g.settings(other)); err != nil {
			t.Fatal(err)
		}
		g.pass(time.Minute)
		if g.last("a").ID != r.ID {
			t.Error("a label makes a plan stale")
		}
		other.Env = map[string]workspace.EnvVar{"REGION": {Value: "eu"}}
		if err := g.engine.Configure(context.Background(), g.settings(other)); err != nil {
			t.Fatal(err)
		}
		g.pass(time.Minute)
		if got := g.get(r.ID); got.Status != run.Discarded {
			t.Errorf("a plan with old inputs is still %s", got.Status)
		}
		fresh := g.want("a", run.AwaitingApproval)
		g.approve(ana, fresh)
		g.want("a", run.Applied)
		if err := g.engine.Configure(context.Background(), g.settings()); err != nil {
			t.Fatal(err)
		}
		g.pass(time.Minute)
		if vs, _ := g.engine.Workspaces(context.Background()); len(vs) != 0 {
			t.Error("a removed workspace is shown")
		}
	}, define("a"))
}

func TestRulesChangeBeforeTheApply(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.start()
		if err := g.engine.Lock(context.Background(), li, "a", "hands off"); err != nil {
			t.Fatal(err)
		}
		g.commit("a/main.tf")
		r := g.want("a", run.AwaitingApproval)
		g.approve(ana, r)
		g.want("a", run.ApplyQueued) // locked
		strict := define("a", func(d *fleet.Definition) { d.Rules = []approvals.Rule{{Name: "two", Require: 2}} })
		if err := g.engine.Configure(context.Background(), g.settings(strict)); err != nil {
			t.Fatal(err)
		}
		if err := g.engine.Unlock(context.Background(), li, "a", ""); err != nil {
			t.Fatal(err)
		}
		g.settle()
		if got := g.get(r.ID); got.Status != run.Discarded || got.Reason != run.Stale {
			t.Errorf("the run is %s %s", got.Status, got.Reason)
		}
		g.want("a", run.AwaitingApproval)
		if n := g.runners.count("a", job.ApplyPhase); n != 0 {
			t.Fatalf("%d applies were started", n)
		}
	}, define("a"))
}

func TestCancel(t *testing.T) {
	cancel := func(t *testing.T, g *rig, force bool) {
		t.Helper()
		if _, err := g.engine.Cancel(context.Background(), li, g.last("a").ID, force); err != nil {
			t.Fatal(err)
		}
		g.settle()
	}
	t.Run("planning", func(t *testing.T) {
		bubble(t, func(t *testing.T, g *rig) {
			g.runners.set(func(p *players) { p.hold[job.PlanPhase] = true })
			g.start()
			g.commit("a/main.tf")
			g.want("a", run.Planning)
			cancel(t, g, false)
			g.want("a", run.Canceled)
			if !g.runners.newest().stopped {
				t.Error("the runner goes on")
			}
			_, err := g.engine.Cancel(context.Background(), li, g.last("a").ID, false)
			wantFault(t, err, fault.Conflict)
		}, define("a"))
	})
	for kind, phase := range map[run.Status]job.Phase{run.Canceled: job.PlanPhase, run.Errored: job.ApplyPhase} {
		t.Run("while the runner of its "+string(phase)+" is being started", func(t *testing.T) {
			bubble(t, func(t *testing.T, g *rig) {
				g.runners.hold[phase] = true
				g.runners.onStart = func(j job.Job) {
					if j.Phase == phase {
						if _, err := g.engine.Cancel(context.Background(), li, j.Run, false); err != nil {
							t.Error(err)
						}
					}
				}
				g.start()
				g.commit("a/main.tf")
				g.want("a", kind)
				if !g.runners.newest().stopped {
					t.Error("the runner goes on")
				}
			}, define("a", auto))
		})
	}
	t.Run("awaiting approval", func(t *testing.T) {
		bubble(t, func(t *testing.T, g *rig) {
			g.start()
			g.commit("a/main.tf")
			cancel(t, g, false)
			g.want("a", run.Canceled)
		}, define("a"))
	})
	t.Run("applying", func(t *testing.T) {
		bubble(t, func(t *testing.T, g *rig) {
			g.runners.set(func(p *players) { p.hold[job.ApplyPhase] = true })
			g.start()
			g.commit("a/main.tf")
			g.want("a", run.Applying)
			cancel(t, g, false)
			g.want("a", run.Errored)
			if v := g.view("a"); v.Lock != nil || v.Sync != workspace.Errored {
				t.Errorf("lock %v, sync %s", v.Lock, v.Sync)
			}
		}, define("a", auto))
	})
	t.Run("applying by force", func(t *testing.T) {
		bubble(t, func(t *testing.T, g *rig) {
			g.runners.set(func(p *players) { p.hold[job.ApplyPhase] = true })
			g.start()
			g.commit("a/main.tf")
			cancel(t, g, true)
			r := g.want("a", run.Interrupted)
			if v := g.view("a"); v.Lock == nil || v.Lock.Run != r.ID {
				t.Errorf("a killed apply gave up its lock: %v", v.Lock)
			}
		}, define("a", auto))
	})
}

func TestRetry(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		cause := job.CauseNetwork
		g.runners.set(func(p *players) {
			p.fail = func(job.Job) *job.Result {
				if cause == "" {
					return nil
				}
				return &job.Result{Outcome: job.Failed, Cause: cause, Message: "connection refused"}
			}
		})
		g.start()
		g.commit("a/main.tf")
		second := g.want("a", run.Pending)
		if second.Attempt != 2 || second.Trigger.Cause != run.ByRetry || second.NotBefore.IsZero() {
			t.Fatalf("no retry: %+v", second)
		}
		first := g.get(second.Trigger.Run)
		if first.Status != run.Errored || first.Failure.Message != "connection refused" {
			t.Errorf("the first try is %s: %+v", first.Status, first.Failure)
		}
		g.pass(time.Hour)
		last := g.want("a", run.Errored)
		if last.Attempt != len(outcome.Retries)+1 || g.runners.count("a", job.PlanPhase) != len(outcome.Retries)+1 {
			t.Errorf("%d attempts, %d plans", last.Attempt, g.runners.count("a", job.PlanPhase))
		}
		g.runners.set(func(*players) { cause = job.CauseEngine })
		g.commit("a/main.tf")
		if r := g.want("a", run.Errored); r.Attempt != 1 {
			t.Error("a failure that does not pass by itself was tried again")
		}
		g.runners.set(func(*players) { cause = job.CauseLocked })
		g.commit("a/main.tf")
		g.want("a", run.Pending)
		g.runners.set(func(*players) { cause = "" })
		g.pass(5 * time.Minute)
		g.want("a", run.AwaitingApproval)
		g.runners.set(func(*players) { cause = job.CauseNetwork })
		g.approve(ana, g.last("a"))
		g.want("a", run.Errored) // an apply is never tried again by itself
		g.pass(time.Hour)
		g.want("a", run.Errored)
		if n := g.runners.count("a", job.ApplyPhase); n != 1 {
			t.Errorf("%d applies", n)
		}
	}, define("a"))
}

func TestLockAndSuspend(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		ctx := context.Background()
		g.start()
		g.commit()
		g.approve(ana, g.last("a"))
		if err := g.engine.Lock(ctx, li, "a", "  "); !fault.Is(err, fault.Invalid) {
			t.Errorf("a lock without a reason: %v", err)
		}
		if err := g.engine.Lock(ctx, li, "a", "migrating"); err != nil {
			t.Fatal(err)
		}
		if err := g.engine.Lock(ctx, ana, "a", "me too"); !fault.Is(err, fault.Conflict) ||
			!strings.Contains(err.Error(), "li") || !strings.Contains(err.Error(), "migrating") {
			t.Errorf("a second lock: %v", err)
		}
		g.commit("a/main.tf") // plans go on
		r := g.want("a", run.AwaitingApproval)
		g.approve(ana, r)
		g.want("a", run.ApplyQueued)
		if v := g.view("a"); !strings.Contains(v.Wait.Sentence(), "li") || v.Wait.Command != "tfops unlock a" {
			t.Errorf("it waits for %+v", v.Wait)
		}
		if err := g.engine.Unlock(ctx, ana, "a", ""); !fault.Is(err, fault.Invalid) {
			t.Errorf("another's lock without a reason: %v", err)
		}
		if err := g.engine.Suspend(ctx, ana, "a", "holidays", time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if err := g.engine.Unlock(ctx, ana, "a", "li is away"); err != nil {
			t.Fatal(err)
		}
		g.settle()
		g.want("a", run.ApplyQueued)
		if v := g.view("a"); !strings.Contains(v.Wait.Sentence(), "holidays") || v.Wait.Command != "tfops resume a" {
			t.Errorf("it waits for %+v", v.Wait)
		}
		g.pass(61 * time.Minute) // the suspension ends by itself
		g.want("a", run.Applied)
	}, define("a"))
}

func TestSharedState(t *testing.T) {
	// Two workspaces that share a state never apply at once, and go in the
	// order in which they were approved (P2).
	bubble(t, func(t *testing.T, g *rig) {
		g.runners.set(func(p *players) { p.hold[job.ApplyPhase] = true })
		g.runners.set(func(p *players) { p.shared = true })
		g.start()
		g.commit()
		a, b, c := g.want("a", run.AwaitingApproval), g.want("b", run.AwaitingApproval),
			g.want("c", run.AwaitingApproval)
		g.approve(ana, b)
		g.pass(time.Second)
		g.approve(ana, c)
		g.pass(time.Second)
		g.approve(ana, a)
		g.want("b", run.Applying)
		g.want("a", run.ApplyQueued)
		shown, _ := g.engine.Show(context.Background(), a.ID)
		if !strings.Contains(shown.Wait.Sentence(), b.ID) {
			t.Errorf("a waits for %+v", shown.Wait)
		}
		g.runners.end(t)
		g.want("b", run.Applied)
		g.want("c", run.Applying)
		g.want("a", run.ApplyQueued)
		g.runners.end(t)
		g.want("a", run.Applying)
	}, define("a"), define("b"), define("c"))
}

func TestDestroy(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		ctx := context.Background()
		g.start()
		_, err := g.engine.Start(ctx, ana, acts.Order{Workspace: "a", Kind: run.Destroy})
		wantFault(t, err, fault.Conflict) // nothing is applied
		sha := g.commit("a/main.tf")
		g.want("a", run.Applied)
		if _, err := g.engine.Start(ctx, ana, acts.Order{Workspace: "a", Kind: run.Destroy}); err != nil {
			t.Fatal(err)
		}
		g.settle()
		r := g.want("a", run.AwaitingApproval) // although apply = "auto"
		if !g.runners.newest().job.Destroy || r.Commit.SHA != sha {
			t.Error("that is no destroy plan of the applied commit")
		}
		g.approve(ana, r)
		g.want("a", run.Applied)
		v := g.view("a")
		if !v.Record.Destroyed || v.Record.Applied != "" || v.Sync != workspace.OutOfSync {
			t.Errorf("after destroy: %+v %s", v.Record, v.Sync)
		}
		g.pass(time.Hour)
		if g.last("a").ID != r.ID {
			t.Error("what was destroyed is made again without a commit")
		}
	}, define("a", auto))
}

func TestSpeculativePlan(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		ctx := context.Background()
		g.start()
		g.commit("a/main.tf")
		waiting := g.want("a", run.AwaitingApproval)
		sha := g.git.commit("feature", "a/main.tf")
		if _, err := g.engine.Start(ctx, ana, acts.Order{Workspace: "a", Kind: run.Plan, Ref: "feature"}); err != nil {
			t.Fatal(err)
		}
		g.settle()
		r := g.want("a", run.PlannedAndFinished)
		if r.Commit.SHA != sha || r.Plan == nil || g.runners.newest().job.LockState {
			t.Errorf("%+v", r)
		}
		if g.get(waiting.ID).Status != run.AwaitingApproval {
			t.Error("a speculative plan superseded a run")
		}
		wantFault(t, g.vote(ana, r, true), fault.Conflict)
		_, err := g.engine.Start(ctx, ana, acts.Order{Workspace: "a", Kind: run.Plan, Ref: "nothere"})
		wantFault(t, err, fault.NotFound)
		_, err = g.engine.Start(ctx, ana, acts.Order{Workspace: "a", Kind: run.Sync, Ref: "feature"})
		wantFault(t, err, fault.Invalid)
		_, err = g.engine.Start(ctx, ana, acts.Order{Workspace: "nothere", Kind: run.Plan})
		wantFault(t, err, fault.NotFound)
	}, define("a"))
}

func TestDrift(t *testing.T) {
	nightly := func(d *fleet.Definition) {
		s, err := schedule.Parse("0 2 * * *", "")
		if err != nil {
			t.Fatal(err)
		}
		d.Drift = s
	}
	drifted := func(j job.Job) *plan.Plan {
		return &plan.Plan{Complete: true, Applyable: true, Counts: plan.Counts{Change: 1},
			Changes: []plan.Change{{Address: "terraform_data.x", Mode: "managed", Action: plan.Update}}}
	}
	t.Run("is found by schedule", func(t *testing.T) {
		bubble(t, func(t *testing.T, g *rig) {
			g.start()
			g.pass(48 * time.Hour)
			if len(g.runs("a")) != 0 {
				t.Fatal("what was never applied was checked")
			}
			g.commit("a/main.tf")
			g.want("a", run.Applied)
			g.runners.set(func(p *players) { p.plan = func(job.Job) *plan.Plan { return &plan.Plan{Complete: true} } })
			g.pass(24 * time.Hour)
			if r := g.want("a", run.PlannedAndFinished); r.Kind != run.Drift || r.Trigger.Cause != run.BySchedule {
				t.Fatalf("%+v", r)
			}
			if d := g.view("a").Record.Drift; d.Status != workspace.DriftNone {
				t.Errorf("%+v", d)
			}
			g.runners.set(func(p *players) { p.plan = drifted })
			g.pass(24 * time.Hour)
			first := g.view("a").Record.Drift
			g.pass(24 * time.Hour)
			d := g.view("a").Record.Drift
			if d.Status != workspace.Drifted || len(d.Addresses) != 1 || d.Since != first.Since ||
				!d.CheckedAt.After(first.CheckedAt) {
				t.Errorf("%+v", d)
			}
			g.runners.set(func(p *players) {
				p.fail = func(job.Job) *job.Result {
					return &job.Result{Outcome: job.Failed, Cause: job.CauseEngine, Message: "no credentials"}
				}
			})
			g.pass(24 * time.Hour)
			if d := g.view("a").Record.Drift; d.Status != workspace.DriftUnknown ||
				!strings.Contains(d.Why, "no credentials") {
				t.Errorf("a failed check is %+v", d)
			}
			if n := len(g.runs("a")); n != 5 {
				t.Errorf("%d runs in four nights and a commit", n)
			}
		}, define("a", auto, nightly))
	})
	t.Run("a missed check is made once", func(t *testing.T) {
		bubble(t, func(t *testing.T, g *rig) {
			g.start()
			g.commit("a/main.tf")
			g.pass(24 * time.Hour)
			before := len(g.runs("a"))
			g.stop()
			<-g.done
			g.stop = nil
			time.Sleep(72 * time.Hour)
			g.restart()
			g.pass(time.Minute)
			if n := len(g.runs("a")); n != before+1 {
				t.Errorf("%d checks were made for three missed nights", n-before)
			}
		}, define("a", auto, nightly))
	})
	t.Run("waits while an apply changes the world", func(t *testing.T) {
		bubble(t, func(t *testing.T, g *rig) {
			g.start()
			g.commit("a/main.tf")
			g.runners.set(func(p *players) { p.hold[job.ApplyPhase] = true })
			g.commit("a/main.tf")
			applying := g.want("a", run.Applying)
			r, err := g.engine.Start(context.Background(), ana, acts.Order{Workspace: "a", Kind: run.Drift})
			if err != nil {
				t.Fatal(err)
			}
			g.settle()
			if shown, _ := g.engine.Show(context.Background(), r.ID); shown.Status != run.Pending ||
				!strings.Contains(shown.Wait.Sentence(), applying.ID) {
				t.Errorf("%s %+v", shown.Status, shown.Wait)
			}
			again, err := g.engine.Start(context.Background(), ana, acts.Order{Workspace: "a", Kind: run.Drift})
			if err != nil || again.ID != r.ID {
				t.Errorf("a second check beside the first: %v %v", again.ID, err)
			}
			g.runners.end(t)
			if got := g.get(r.ID); !got.Status.Terminal() {
				t.Errorf("the check is still %s", got.Status)
			}
		}, define("a", auto))
	})
}

func TestProblems(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.start()
		g.commit("a/main.tf")
		g.want("a", run.AwaitingApproval)
		for name, want := range map[string]string{"gone": "no directory gone",
			"nobranch": "branch dev is not in repository infra", "novars": "no var file a/x.tfvars"} {
			v := g.view(name)
			if v.Sync != workspace.Unknown || !strings.Contains(v.Wait.Sentence(), want) {
				t.Errorf("%s: %s, %q", name, v.Sync, v.Wait.Sentence())
			}
			_, err := g.engine.Start(context.Background(), ana, acts.Order{Workspace: name, Kind: run.Sync})
			wantFault(t, err, fault.Conflict)
		}
		g.git.add("gone/main.tf")
		g.commit("gone/main.tf")
		g.want("gone", run.AwaitingApproval)
		g.git.broken(fault.New(fault.Unavailable, "look at the network", "no route to host"))
		g.pass(time.Minute)
		if v := g.view("novars"); !strings.Contains(v.Wait.Sentence(), "x.tfvars") {
			t.Errorf("%+v", v.Wait)
		}
		if rs := g.engine.Repositories(); rs[0].Error == nil || rs[0].Failures == 0 {
			t.Errorf("%+v", rs)
		}
		g.git.broken(nil)
		g.pass(20 * time.Minute)
		if rs := g.engine.Repositories(); rs[0].Error != nil || rs[0].Failures != 0 {
			t.Errorf("%+v", rs)
		}
	}, define("a"), define("gone"), define("nobranch", func(d *fleet.Definition) { d.Branch = "dev" }),
		define("novars", func(d *fleet.Definition) { d.Dir, d.VarFiles = "a", []string{"x.tfvars"} }))
}

func TestEnvironmentIsAllowListed(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.set.PassEnv = []string{"AWS_*"}
		g.start()
		g.commit("a/main.tf")
		s := g.runners.newest().secrets
		if s.Env["PATH"] != "/bin" || s.Env["AWS_SECRET_ACCESS_KEY"] == "" {
			t.Errorf("allowed variables are missing: %v", s.Env)
		}
		if _, ok := s.Env["DAEMON_ONLY"]; ok {
			t.Error("a variable of the daemon's own got through")
		}
		if !slices.Contains(s.Mask, "nobody-may-see") || slices.Contains(s.Mask, "/bin") {
			t.Errorf("masked: %v", s.Mask)
		}
	}, define("a"))
}

// Somebody asks for a sync in the moment in which the daemon first looks at the
// repository: both looks see the same new commit, and only one may enqueue it.
func TestOneLookAtATime(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.git.commit("main", "a/main.tf")
		g.git.slow(10 * time.Second)
		g.start()
		r, err := g.engine.Start(context.Background(), ana, acts.Order{Workspace: "a", Kind: run.Sync})
		if err != nil {
			t.Fatal(err)
		}
		g.pass(time.Minute)
		if got := g.want("a", run.AwaitingApproval); got.ID != r.ID || len(g.runs("a")) > 2 {
			t.Errorf("the run that was asked for is %s; %d runs", g.get(r.ID).Reason, len(g.runs("a")))
		}
	}, define("a"))
}
