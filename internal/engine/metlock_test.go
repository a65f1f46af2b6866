package engine

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/credentials"
	"github.com/tfops/tfops/internal/engine/settings"
	"github.com/tfops/tfops/internal/engine/view"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/run"
)

// A lock in the backend that a run met is listed with its own holder, until a run of the
// workspace has had the lock itself. What only reads says nothing of it.
func TestLocksThatRunsMet(t *testing.T) {
	taken := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	held := &job.BackendLock{ID: "held-1", Who: "ana@laptop", Operation: "apply", Created: taken}
	bubble(t, func(t *testing.T, g *rig) {
		in := job.PlanPhase
		g.runners.set(func(p *players) {
			p.fail = func(j job.Job) *job.Result {
				if held == nil || j.Phase != in || !j.LockState {
					return nil
				}
				return &job.Result{Outcome: job.Failed, Cause: job.CauseLocked, Message: "it is locked",
					Next: "wait for it", Lock: held}
			}
		})
		met := func() []view.MetLock {
			t.Helper()
			all, err := g.engine.MetLocks(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			return all
		}
		g.start()
		g.commit("a/main.tf")
		first := g.runs("a")[len(g.runs("a"))-1]
		all := met()
		if len(all) != 1 || all[0].Workspace != "a" || all[0].Run == "" || all[0].ID != "held-1" ||
			all[0].Who != "ana@laptop" || all[0].Operation != "apply" ||
			!all[0].Created.Equal(taken) || all[0].At.IsZero() || all[0].Next != "wait for it; then: tfops sync a" {
			t.Fatalf("%+v, first met by %s", all, first.ID)
		}
		g.order("a", run.Plan, "")
		if len(met()) != 1 {
			t.Error("a plan that takes no lock made it forgotten")
		}
		g.restart()
		if len(met()) != 1 {
			t.Error("a restart made it forgotten")
		}
		g.runners.set(func(*players) { held = nil })
		g.order("a", run.Sync, "")
		g.want("a", run.AwaitingApproval)
		if all := met(); len(all) != 0 {
			t.Errorf("a run had the lock, and this is listed: %+v", all)
		}
		// An apply meets one, of which less is known.
		g.runners.set(func(*players) { held, in = &job.BackendLock{Session: true}, job.ApplyPhase })
		r := g.last("a")
		g.approve(ana, r)
		g.want("a", run.Errored)
		if all := met(); len(all) != 1 || all[0].Run != r.ID || all[0].Who != "" || all[0].ID != "" {
			t.Errorf("%+v", all)
		}
	}, define("a"))
}

// A plan's runner is given what its own repository and everybody has, an apply's nothing;
// another secret is no other plan.
func TestWhoIsGivenModuleCredentials(t *testing.T) {
	of := func(prefix, secret string, own bool) credentials.Credential {
		p, err := credentials.Parse(prefix)
		if err != nil {
			t.Fatal(err)
		}
		return credentials.Credential{Prefix: p, Username: "me", Password: secret, Own: own}
	}
	infra := []credentials.Credential{of("https://h/infra", "canary-infra", true)}
	bubble(t, func(t *testing.T, g *rig) {
		g.adjust = func(s *settings.Settings) {
			r := s.Repositories["infra"]
			r.Modules = infra
			s.Repositories["infra"] = r
			r.Modules = nil
			s.Repositories["other"] = r
			s.Modules = []credentials.Credential{of("https://h", "canary-for-all", false)}
		}
		g.configure(define("a"), define("b", func(d *fleet.Definition) { d.Repository = "other" }))
		g.start()
		g.commit("a/main.tf", "b/main.tf")
		waiting := g.want("a", run.AwaitingApproval)
		g.want("b", run.AwaitingApproval)
		infra = []credentials.Credential{of("https://h/infra", "canary-rotated", true)}
		g.configure(g.set.Config.Workspaces...)
		g.approve(ana, waiting)
		if r := g.get(waiting.ID); r.Status != run.Applied {
			t.Fatalf("another secret made it %s: %+v", r.Status, r.Failure)
		}
		g.runners.mu.Lock()
		defer g.runners.mu.Unlock()
		seen := map[string]bool{}
		for _, ph := range g.runners.phases {
			var secrets []string
			for _, c := range ph.secrets.Modules.Credentials {
				secrets = append(secrets, c.Password)
			}
			what := ph.job.Workspace + " " + string(ph.job.Phase)
			seen[what] = true
			want := map[string]string{"a plan": "canary-infra canary-for-all", "b plan": "canary-for-all"}[what]
			if got := strings.Join(secrets, " "); got != want {
				t.Errorf("%s is given %q, want %q", what, got, want)
			}
			if scope := ph.secrets.Modules.Scope; (scope != "") != (what == "a plan") {
				t.Errorf("what %s fetches is kept for %q", what, scope)
			}
			if !slices.Contains(ph.secrets.Mask, "canary-for-all") {
				t.Errorf("%s does not mask the password", what)
			}
		}
		if len(seen) != 3 {
			t.Errorf("seen are %v", seen)
		}
	}, define("a"))
}
