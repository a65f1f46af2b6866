package engine

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"github.com/tfops/tfops/internal/engine/acts"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// While a change of the configuration waits for its approval, drift is looked
// for with what was applied: the values of then, and the credentials of now.
func TestDriftIsCheckedWithWhatWasApplied(t *testing.T) {
	secret := func(v string) cty.Value { return cty.StringVal(v).WithMarks(workspace.Secret) }
	bubble(t, func(t *testing.T, g *rig) {
		g.git.add("a/old.tfvars")
		g.git.add("a/new.tfvars")
		g.start()
		g.commit("a/main.tf")
		g.approve(ana, g.want("a", run.AwaitingApproval))
		g.want("a", run.Applied)
		g.configure(define("a", func(d *fleet.Definition) {
			d.Variables = map[string]cty.Value{"size": cty.StringVal("large"), "token": secret("second-token")}
			d.VarFiles = []string{"new.tfvars"}
			d.BackendConfig = map[string]cty.Value{"key": cty.StringVal("new.tfstate"),
				"access_key": secret("key-of-now")}
			d.BackendConfigFiles, d.EngineVersion = []string{"new.tfbackend"}, "~> 2.0"
			d.Env = map[string]workspace.EnvVar{"REGION": {Value: "us"}, "KEY": {Value: "key-of-now", Secret: true}}
		}))
		waits := g.want("a", run.AwaitingApproval)
		g.runners.set(func(p *players) {
			p.plan = func(job.Job) *plan.Plan { return &plan.Plan{Complete: true} }
		})
		r, err := g.engine.Start(context.Background(), ana, acts.Order{Workspace: "a", Kind: run.Drift})
		if err != nil {
			t.Fatal(err)
		}
		g.settle()
		if got := g.get(r.ID); got.Status != run.PlannedAndFinished {
			t.Fatalf("the check is %s: %+v", got.Status, got.Failure)
		}
		ph := g.runners.newest()
		if !strings.Contains(ph.secrets.Variables, `size  = "small"`) || !strings.Contains(ph.secrets.Variables,
			"first-token") || strings.Contains(ph.secrets.Variables, "large") {
			t.Errorf("variables:\n%s", ph.secrets.Variables)
		}
		if !slices.Equal(ph.job.VarFiles, []string{"old.tfvars"}) {
			t.Errorf("var files %q", ph.job.VarFiles)
		}
		if got, want := ph.secrets.Backend, "access_key = \"key-of-now\"\nkey        = \"old.tfstate\"\n"; got != want {
			t.Errorf("the backend is\n%s", got)
		}
		if !slices.Equal(ph.job.BackendFiles, []string{"old.tfbackend"}) || ph.job.EngineVersion != "~> 1.11" {
			t.Errorf("files of the backend %q, engine %q", ph.job.BackendFiles, ph.job.EngineVersion)
		}
		want := map[string]string{"REGION": "eu", "KEY": "key-of-now", "PATH": "/bin"}
		if !maps.Equal(ph.secrets.Env, want) {
			t.Errorf("environment %v, want %v", ph.secrets.Env, want)
		}
		if !slices.Contains(ph.secrets.Mask, "first-token") {
			t.Error("a secret that was applied is not masked")
		}
		if g.view("a").Record.Drift.Status != workspace.DriftNone {
			t.Errorf("drift: %+v", g.view("a").Record.Drift)
		}
		if got := g.get(waits.ID); got.Status != run.AwaitingApproval {
			t.Errorf("the change of the configuration is %s", got.Status)
		}
	}, define("a", func(d *fleet.Definition) {
		d.Variables = map[string]cty.Value{"size": cty.StringVal("small"), "token": secret("first-token")}
		d.VarFiles = []string{"old.tfvars"}
		d.BackendConfig = map[string]cty.Value{"key": cty.StringVal("old.tfstate"), "access_key": secret("key-of-then")}
		d.BackendConfigFiles, d.EngineVersion = []string{"old.tfbackend"}, "~> 1.11"
		d.Env = map[string]workspace.EnvVar{"REGION": {Value: "eu"}, "KEY": {Value: "key-of-then", Secret: true}}
	}))
}

// What was applied with another backend in the place of the code's own is checked there,
// also where the configuration does not have its credentials any more.
func TestDriftIsCheckedWhereItWasApplied(t *testing.T) {
	secret := func(v string) cty.Value { return cty.StringVal(v).WithMarks(workspace.Secret) }
	for name, now := range map[string]func(*fleet.Definition){
		"managed": func(d *fleet.Definition) { d.Backend, d.BackendConfig = workspace.ManagedBackend, nil },
		"the code's own": func(d *fleet.Definition) {
			d.Backend, d.BackendConfig = "", map[string]cty.Value{"password": secret("of-another-backend")}
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, g *rig) {
				g.start()
				g.commit("a/main.tf")
				g.approve(ana, g.want("a", run.AwaitingApproval))
				g.want("a", run.Applied)
				g.configure(define("a", now))
				g.want("a", run.AwaitingApproval)
				if _, err := g.engine.Start(context.Background(), ana,
					acts.Order{Workspace: "a", Kind: run.Drift}); err != nil {
					t.Fatal(err)
				}
				g.settle()
				ph := g.runners.newest()
				if got, want := ph.secrets.Backend,
					"address  = \"https://states\"\npassword = \"key-of-then\"\n"; ph.job.Backend != "http" ||
					got != want {
					t.Errorf("the backend is %q\n%s", ph.job.Backend, got)
				}
				if !slices.Contains(ph.secrets.Mask, "key-of-then") {
					t.Error("a secret that was applied with is not masked")
				}
			}, define("a", func(d *fleet.Definition) {
				d.Backend, d.BackendConfig = "http", map[string]cty.Value{"address": cty.StringVal("https://states"),
					"password": secret("key-of-then")}
			}))
		})
	}
}
