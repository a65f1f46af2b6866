package engine

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/engine/acts"
	"github.com/tfops/tfops/internal/engine/decide"
	"github.com/tfops/tfops/internal/engine/outcome"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// handMade plays a world in which somebody changed x by hand, where the
// configuration does not care, until a refresh was applied.
func (g *rig) handMade() {
	g.runners.set(func(p *players) {
		accepted := false
		p.plan = func(j job.Job) *plan.Plan {
			// as Terraform: applyable, whatever there is
			found := &plan.Plan{Complete: true, Applyable: j.RefreshOnly, RefreshOnly: j.RefreshOnly}
			if !accepted {
				found.Drift = []plan.Change{{Address: "terraform_data.x", Mode: "managed", Type: "terraform_data",
					Action: plan.Update}}
			}
			return found
		}
		p.fail = func(j job.Job) *job.Result {
			accepted = accepted || j.RefreshOnly && j.Phase == job.ApplyPhase
			return nil
		}
	})
}

// refreshable has commit 1 of workspace a applied, and the world changed since.
func refreshable(g *rig) (sha string) {
	g.t.Helper()
	g.start()
	sha = g.commit("a/main.tf")
	if r := g.last("a"); r.Status == run.AwaitingApproval {
		g.approve(li, r)
	}
	g.want("a", run.Applied)
	g.handMade()
	return sha
}

// newestOf is the newest run of a kind.
func (g *rig) newestOf(name string, k run.Kind) run.Run {
	g.t.Helper()
	rs := g.runs(name)
	i := slices.IndexFunc(rs, func(r run.Run) bool { return r.Kind == k })
	if i < 0 {
		g.t.Fatalf("workspace %s has no %s run", name, k)
	}
	return rs[i]
}

// The state takes the world over after an approval: what is applied stays as
// it is, and a check looks at what is left.
func TestRefresh(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		applied := refreshable(g)
		before := g.view("a").Record
		g.pass(time.Hour)
		r := g.get(g.order("a", run.Refresh, "").ID)
		if r.Status != run.AwaitingApproval || r.Commit.SHA != applied {
			t.Fatalf("%s at %s", r.Status, r.Commit.SHA)
		}
		job := g.runners.newest().job
		if !job.RefreshOnly || job.Destroy || !job.LockState {
			t.Errorf("the job is %+v", job)
		}
		if p := r.Plan; p.Drifted != 1 || !p.Changes || !slices.Equal(p.Addresses, []string{"terraform_data.x"}) ||
			!slices.Equal(p.Types, []string{"terraform_data"}) || p.Counts != (plan.Counts{}) {
			t.Errorf("the summary is %+v", p)
		}
		shown, err := g.engine.Show(t.Context(), r.ID)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(shown.Events, func(ev run.Event) bool {
			return ev.Text == "accepts 1 resource into the state: terraform_data.x"
		}) {
			t.Errorf("its history does not say what it accepts: %+v", shown.Events)
		}
		g.pass(time.Minute)
		g.approve(li, r)
		if got := g.get(r.ID); got.Status != run.Applied {
			t.Fatalf("it is %s: %+v", got.Status, got.Failure)
		}
		check := g.want("a", run.PlannedAndFinished)
		if check.Kind != run.Drift || check.Trigger != (run.Trigger{Cause: run.ByRefresh, Run: r.ID}) ||
			check.Plan.Drifted != 0 || check.Commit.SHA != applied {
			t.Errorf("what follows is %+v", check)
		}
		rec := g.view("a").Record
		if rec.Applied != applied || !rec.AppliedAt.Equal(before.AppliedAt) ||
			rec.AppliedFingerprint != before.AppliedFingerprint || rec.Destroyed || rec.Desired != before.Desired {
			t.Errorf("what is applied was %+v and is %+v", before, rec)
		}
		if !rec.ApplyStartedAt.After(before.ApplyStartedAt) || rec.Drift.Status != workspace.DriftNone {
			t.Errorf("the apply began %s; drift %+v", rec.ApplyStartedAt, rec.Drift)
		}
		if len(g.view("a").Record.Ended) == 0 || g.view("a").Sync != workspace.Synced {
			t.Errorf("it is %s", g.view("a").Sync)
		}
		if all, err := g.engine.Applies(t.Context(), "a", 0); err != nil || len(all) != 2 || all[0].ID != r.ID {
			t.Errorf("the history has %d applies, %v", len(all), err)
		}
	}, define("a"))
}

// Between the apply and the check nobody knows how the world stands.
func TestRefreshLeavesDriftUnknown(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		refreshable(g)
		r := g.order("a", run.Refresh, "")
		g.runners.set(func(p *players) { p.hold[job.PlanPhase] = true })
		g.approve(li, g.get(r.ID))
		if check := g.want("a", run.Planning); check.Kind != run.Drift {
			t.Fatalf("a %s run follows", check.Kind)
		}
		if d := g.view("a").Record.Drift; d.Status != workspace.DriftUnknown ||
			!strings.Contains(d.Why, "refreshed by run "+r.ID) {
			t.Errorf("drift is %+v", d)
		}
		g.restart() // and the check is not lost
		g.runners.end(t)
		if d := g.view("a").Record.Drift; d.Status != workspace.DriftNone {
			t.Errorf("drift is %+v", d)
		}
	}, define("a"))
}

// A check that was under way when the refresh was applied is made again.
func TestRefreshDuringACheck(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		refreshable(g)
		r := g.get(g.order("a", run.Refresh, "").ID)
		g.runners.set(func(p *players) { p.hold[job.PlanPhase] = true })
		check := g.order("a", run.Drift, "")
		g.pass(time.Minute)
		g.approve(li, r)
		if got := g.get(r.ID); got.Status != run.Applied {
			t.Fatalf("it is %s", got.Status)
		}
		g.runners.set(func(p *players) { p.hold[job.PlanPhase] = false })
		g.runners.end(t)
		if got := g.want("a", run.PlannedAndFinished); got.ID != check.ID || got.Restarts != 1 ||
			got.Plan.Drifted != 0 {
			t.Errorf("%+v", got)
		}
	}, define("a"))
}

// Where nothing differs nothing is applied, whatever the engine says, and what
// is known stays as it is.
func TestRefreshOfNothing(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		refreshable(g)
		g.runners.set(func(p *players) {
			p.plan = func(j job.Job) *plan.Plan {
				return &plan.Plan{Complete: true, Applyable: true, RefreshOnly: j.RefreshOnly}
			}
		})
		before := g.view("a").Record
		g.order("a", run.Refresh, "")
		if r := g.want("a", run.PlannedAndFinished); r.Kind != run.Refresh || r.Plan.Changes {
			t.Errorf("%+v", r)
		}
		after := g.view("a").Record
		before.StartedAt = after.StartedAt
		if before.Drift.Status != after.Drift.Status || before.Applied != after.Applied ||
			before.Ended != after.Ended || !before.ApplyStartedAt.Equal(after.ApplyStartedAt) {
			t.Errorf("the record was %+v and is %+v", before, after)
		}
	}, define("a", auto))
}

// An output that follows the world is taken over as well, and who uses it is planned.
func TestRefreshMovesOutputs(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		s := &state{next: map[string]string{"vpc": "vpc-1"}}
		g.outputs(s)
		g.start()
		g.commit("a/main.tf", "b/main.tf")
		g.applied("a")
		g.applied("b")
		g.runners.set(func(p *players) {
			p.plan = func(j job.Job) *plan.Plan {
				if !j.RefreshOnly {
					return &plan.Plan{Complete: true, Applyable: j.Workspace == "b", Counts: plan.Counts{Change: 1}}
				}
				return &plan.Plan{Complete: true, Applyable: true, RefreshOnly: true, Counts: plan.Counts{Outputs: 1},
					Outputs: []plan.Output{{Name: "vpc", Action: plan.Update}}}
			}
		})
		s.next = map[string]string{"vpc": "vpc-2"}
		r := g.get(g.order("a", run.Refresh, "").ID)
		g.approve(li, r)
		follows := g.want("b", run.AwaitingApproval)
		if follows.Trigger != (run.Trigger{Cause: run.ByUpstream, Run: r.ID}) {
			t.Errorf("%+v", follows.Trigger)
		}
		if text := g.variablesOf("b"); !strings.Contains(text, `vpc_id = "vpc-2"`) {
			t.Errorf("the variables are %q", text)
		}
	}, define("a"), define("b", from("vpc_id", "a", "vpc")))
}

// It is planned with the inputs that were applied.
func TestRefreshWithAppliedInputs(t *testing.T) {
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
		if err := g.vote(li, g.want("b", run.AwaitingApproval), false); err != nil { // which is not applied
			t.Fatal(err)
		}
		g.order("b", run.Refresh, "")
		if text := g.variablesOf("b"); !strings.Contains(text, `vpc_id = "vpc-1"`) || !g.runners.newest().job.RefreshOnly {
			t.Errorf("the variables are %q", text)
		}
	}, define("a"), define("b", from("vpc_id", "a", "vpc")))
}

func TestRefreshIsRefused(t *testing.T) {
	refuse := func(t *testing.T, g *rig, says string) {
		t.Helper()
		before := len(g.runs("a"))
		_, err := g.engine.Start(context.Background(), ana, acts.Order{Workspace: "a", Kind: run.Refresh})
		wantFault(t, err, fault.Conflict)
		if !strings.Contains(err.Error(), says) || fault.Next(err) == "" && !strings.Contains(says, "never") ||
			len(g.runs("a")) != before {
			t.Errorf("%v (%s), %d runs more", err, fault.Next(err), len(g.runs("a"))-before)
		}
	}
	t.Run("where nothing is applied", func(t *testing.T) {
		bubble(t, func(t *testing.T, g *rig) {
			g.start()
			refuse(t, g, "nothing applied")
		}, define("a"))
	})
	t.Run("where nothing may be applied", func(t *testing.T) {
		bubble(t, func(t *testing.T, g *rig) {
			refreshable(g)
			g.configure(define("a", func(d *fleet.Definition) { d.Apply = workspace.Never }))
			refuse(t, g, "never")
		}, define("a"))
	})
	t.Run("where other inputs are configured", func(t *testing.T) {
		bubble(t, func(t *testing.T, g *rig) {
			refreshable(g)
			g.configure(define("a", func(d *fleet.Definition) { d.VarFiles = []string{"x.tfvars"} }))
			refuse(t, g, "inputs of workspace a changed")
		}, define("a"))
	})
	t.Run("while a sync waits for an approval", func(t *testing.T) {
		bubble(t, func(t *testing.T, g *rig) {
			refreshable(g)
			g.runners.set(func(p *players) { p.plan = nil })
			g.commit("a/main.tf")
			r := g.want("a", run.AwaitingApproval)
			refuse(t, g, "run "+r.ID+" (sync) is on its way: it is awaiting approval")
			if got := g.get(r.ID); got.Status != run.AwaitingApproval {
				t.Errorf("the sync is %s", got.Status)
			}
			if err := g.vote(li, r, false); err != nil {
				t.Fatal(err)
			}
			g.handMade()
			g.order("a", run.Refresh, "")
			if r := g.want("a", run.AwaitingApproval); r.Kind != run.Refresh {
				t.Errorf("a %s run", r.Kind)
			}
		}, define("a"))
	})
	t.Run("while an apply is not resolved", func(t *testing.T) {
		bubble(t, func(t *testing.T, g *rig) {
			refreshable(g)
			g.runners.set(func(p *players) { p.plan, p.hold[job.ApplyPhase] = nil, true })
			g.commit("a/main.tf")
			g.want("a", run.Applying)
			g.runners.vanish(t)
			refuse(t, g, "interrupted")
		}, define("a", auto))
	})
}

// A commit does not wait for somebody to accept the world, and what a rejected
// refresh leaves holds nothing up.
func TestRefreshGivesWay(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		applied := refreshable(g)
		ended := g.view("a").Record.Ended
		first := g.order("a", run.Refresh, "")
		second := g.order("a", run.Refresh, "") // of two the newer one counts
		if r := g.get(first.ID); r.Reason != run.Superseded || r.SupersededBy != second.ID {
			t.Errorf("the first is %s %s", r.Status, r.Reason)
		}
		if rec := g.view("a").Record; rec.Ended != ended || rec.Desired != applied {
			t.Errorf("the record is %+v", rec)
		}
		g.runners.set(func(p *players) { p.plan = nil })
		newer := g.commit("a/main.tf")
		if r := g.get(second.ID); r.Reason != run.Superseded {
			t.Errorf("the second is %s %s", r.Status, r.Reason)
		}
		if r := g.want("a", run.AwaitingApproval); r.Kind != run.Sync || r.Commit.SHA != newer {
			t.Errorf("a %s run at %s", r.Kind, r.Commit.SHA)
		}
	}, define("a"))
}

// A commit that comes while the refresh applies is planned after it; a refresh
// whose plan was stale is not made again in its way.
func TestRefreshThenCommit(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		refreshable(g)
		g.runners.set(func(p *players) { p.hold[job.ApplyPhase] = true })
		r := g.order("a", run.Refresh, "")
		if got := g.get(r.ID); got.Status != run.Applying {
			t.Fatalf("it is %s", got.Status)
		}
		newer := g.commit("a/main.tf")
		sync := g.want("a", run.Pending)
		g.runners.set(func(p *players) { p.plan, p.hold[job.ApplyPhase] = nil, false })
		g.runners.endAs(t, func(*played) *job.Result {
			return &job.Result{Outcome: job.Failed, Cause: job.CauseStale, Message: "Saved plan is stale"}
		})
		if got := g.get(r.ID); got.Status != run.Errored {
			t.Errorf("the refresh is %s", got.Status)
		}
		if got := g.get(sync.ID); got.Status != run.Applied || g.view("a").Record.Applied != newer {
			t.Errorf("the sync is %s (%s)", got.Status, got.Reason)
		}
		for _, o := range g.runs("a") {
			if o.Kind == run.Refresh && o.ID != r.ID {
				t.Errorf("another refresh was made: %+v", o)
			}
		}
	}, define("a", auto))
}

// P3: a refresh whose runner vanished is never repeated by itself.
func TestRefreshInterrupted(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		refreshable(g)
		g.runners.set(func(p *players) { p.hold[job.ApplyPhase] = true })
		r := g.order("a", run.Refresh, "")
		g.restart()
		if got := g.get(r.ID); got.Status != run.Applying {
			t.Fatalf("after a restart it is %s", got.Status)
		}
		g.runners.vanish(t)
		g.want("a", run.Interrupted)
		if l := g.view("a").Lock; l == nil || l.Run != r.ID {
			t.Errorf("the lock is %+v", l)
		}
		if d := g.view("a").Record.Drift; d.Status != workspace.DriftUnknown {
			t.Errorf("drift is %+v", d)
		}
		g.pass(time.Hour)
		if n := g.runners.count("a", job.ApplyPhase); n != 2 {
			t.Errorf("%d applies: it was repeated", n)
		}
		g.runners.set(func(p *players) {
			p.hold[job.ApplyPhase] = false
			// it had come to its end
			p.plan = func(j job.Job) *plan.Plan { return &plan.Plan{Complete: true, RefreshOnly: j.RefreshOnly} }
		})
		if _, err := g.engine.Resolve(t.Context(), li, r.ID, "it was saved"); err != nil {
			t.Fatal(err)
		}
		g.settle()
		if again := g.newestOf("a", run.Refresh); again.Trigger.Cause != run.ByResolve ||
			again.Status != run.PlannedAndFinished {
			t.Errorf("what follows is %s because of %s", again.Status, again.Trigger.Cause)
		}
		if d := g.view("a").Record.Drift; d.Status != workspace.DriftNone {
			t.Errorf("drift is %+v: no check was made", d)
		}
	}, define("a", auto))
}

// A runner that does not know of refreshes makes a plan of everything, which
// nobody asked for.
func TestRefreshWithAnotherPlan(t *testing.T) {
	for name, p := range map[string]plan.Plan{
		"a plan of everything": {Complete: true, Applyable: true, Counts: plan.Counts{Change: 1}},
		"no mark":              {Complete: true, Drift: []plan.Change{{Address: "x.a", Action: plan.Update}}},
		"a change beside":      {Complete: true, RefreshOnly: true, Counts: plan.Counts{Delete: 1}},
		"something put off":    {RefreshOnly: true, Deferred: []plan.Change{{Address: "x.a"}}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, g *rig) {
				refreshable(g)
				g.runners.set(func(ps *players) { ps.plan = func(job.Job) *plan.Plan { q := p; return &q } })
				g.order("a", run.Refresh, "")
				r := g.want("a", run.Errored)
				if !strings.Contains(r.Failure.Message, "would do more") ||
					!strings.Contains(r.Failure.Next, "tfops sync a --refresh-only") {
					t.Errorf("%+v", r.Failure)
				}
				if n := g.runners.count("a", job.ApplyPhase); n != 1 {
					t.Errorf("%d applies", n)
				}
			}, define("a", auto))
		})
	}
}

// A rule tells a refresh from other plans, and by what it accepts.
func TestRulesOfARefresh(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		refreshable(g)
		rule := approvals.Rule{Name: "accepting", Require: 1, Expire: time.Hour, When: condition(t, `plan.refresh && plan.drifted == 1 && plan.change == 0 && contains(plan.types, "terraform_data")`)}
		g.configure(define("a", auto, func(d *fleet.Definition) { d.Rules = []approvals.Rule{rule} }))
		r := g.get(g.order("a", run.Refresh, "").ID)
		if r.Status != run.AwaitingApproval {
			t.Fatalf("it is %s", r.Status)
		}
		wantFault(t, g.vote(ana, r, true), fault.Forbidden) // who asked
		g.pass(2 * time.Hour)
		if r := g.wantReason("a", run.Discarded, run.Expired); r.Kind != run.Refresh {
			t.Errorf("a %s run", r.Kind)
		}
	}, define("a", auto))
}

// A plan that cannot be made now is made again, as for every run.
func TestRefreshIsTriedAgain(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		refreshable(g)
		fail := true
		g.runners.set(func(p *players) {
			p.fail = func(job.Job) *job.Result {
				if !fail {
					return nil
				}
				return &job.Result{Outcome: job.Failed, Cause: job.CauseLocked, Message: "locked"}
			}
		})
		g.order("a", run.Refresh, "")
		r := g.want("a", run.Pending)
		q, err := g.store.Queue(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, w := decide.About(q, g.engine.txn.Settings.Get(), &r); r.Kind != run.Refresh ||
			w.Command != "tfops sync a --refresh-only" {
			t.Errorf("a %s run waits, and %q moves it on", r.Kind, w.Command)
		}
		g.runners.set(func(*players) { fail = false })
		g.pass(time.Minute)
		g.want("a", run.AwaitingApproval)
	}, define("a"))
}

// Other inputs in the configuration are a sync's to apply: the refresh goes and
// is not made again with what is not applied.
func TestRefreshAndOtherInputs(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		refreshable(g)
		r := g.order("a", run.Refresh, "")
		g.configure(define("a", func(d *fleet.Definition) { d.VarFiles = []string{"x.tfvars"} }))
		if got := g.get(r.ID); got.Status != run.Discarded {
			t.Errorf("it is %s", got.Status)
		}
		for _, o := range g.runs("a") {
			if o.Kind == run.Refresh && o.ID != r.ID {
				t.Errorf("another refresh was made: %+v", o)
			}
		}
	}, define("a"))
}

// A refresh whose plan was stale is made again, also where the commit that is
// wanted is not applied.
func TestRefreshIsMadeAgain(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		applied := refreshable(g)
		g.runners.set(func(p *players) { p.plan = nil })
		g.commit("a/main.tf")
		if err := g.vote(li, g.want("a", run.AwaitingApproval), false); err != nil {
			t.Fatal(err)
		}
		g.handMade()
		g.runners.set(func(p *players) { p.hold[job.ApplyPhase] = true })
		r := g.get(g.order("a", run.Refresh, "").ID)
		g.approve(li, r)
		g.runners.endAs(t, func(*played) *job.Result {
			return &job.Result{Outcome: job.Failed, Cause: job.CauseStale, Message: "Saved plan is stale"}
		})
		again := g.want("a", run.AwaitingApproval)
		if again.Kind != run.Refresh || again.Trigger != (run.Trigger{Cause: run.ByStale, Actor: "ana", Run: r.ID}) ||
			again.Commit.SHA != applied {
			t.Errorf("%s run at %s because of %+v", again.Kind, again.Commit.SHA, again.Trigger)
		}
	}, define("a"))
}

// With which inputs the wanted commit was planned last is not for a refresh to say.
func TestBeginOfARefresh(t *testing.T) {
	for kind, want := range map[run.Kind]string{run.Sync: "now", run.Destroy: "now", run.Refresh: "then",
		run.Drift: "then", run.Plan: "then"} {
		d := &run.Tx{Run: run.Run{ID: "r1", Kind: kind, Status: run.Pending},
			Record: workspace.Record{Fingerprint: "then"}, Now: midday}
		if err := outcome.Begin(decide.StartPlan, "now")(d); err != nil {
			t.Fatal(err)
		}
		if d.Record.Fingerprint != want || d.Run.Fingerprint != "now" {
			t.Errorf("%s: the record has %q, the run %q", kind, d.Record.Fingerprint, d.Run.Fingerprint)
		}
	}
}

// condition reads a rule's condition.
func condition(t *testing.T, src string) approvals.Condition {
	t.Helper()
	expr, diags := hclsyntax.ParseExpression([]byte(src), "rule", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	c, diags := approvals.ParseCondition(expr, []byte(src))
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return c
}
