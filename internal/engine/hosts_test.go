package engine

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/run"
)

// newHosts asks for an approval where the engine spoke to a host for the first time.
func newHosts(d *fleet.Definition) {
	const src = "length(plan.new_hosts) > 0"
	expr, diags := hclsyntax.ParseExpression([]byte(src), "tfops.hcl", hcl.InitialPos)
	when, more := approvals.ParseCondition(expr, []byte(src))
	if len(diags)+len(more) > 0 {
		panic(append(diags, more...).Error())
	}
	d.Rules = []approvals.Rule{{Name: "hosts", When: when}}
}

// A host is new until a plan that spoke to it was applied: a plan that nobody approved does not make it known.
func TestNewHosts(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		spoken := map[job.Phase][]string{job.PlanPhase: {"a.example.com"}, job.ApplyPhase: {"b.example.com"}}
		g.runners.hosts = func(j job.Job) []string { return spoken[j.Phase] }
		g.start()
		g.commit("a/main.tf")
		r := g.want("a", run.AwaitingApproval)
		if !slices.Equal(r.Plan.NewHosts, []string{"a.example.com"}) {
			t.Errorf("new: %q", r.Plan.NewHosts)
		}
		if err := g.vote(li, r, false); err != nil {
			t.Fatal(err)
		}
		g.wantReason("a", run.Discarded, run.Rejected)
		g.commit("a/main.tf")
		r = g.want("a", run.AwaitingApproval)
		if !slices.Equal(r.Plan.NewHosts, []string{"a.example.com"}) {
			t.Errorf("after a rejection, new: %q", r.Plan.NewHosts)
		}
		g.approve(li, r)
		g.want("a", run.Applied)

		spoken[job.PlanPhase] = []string{"a.example.com", "b.example.com"} // b is known of the apply
		g.commit("a/main.tf")
		if r = g.want("a", run.Applied); len(r.Plan.NewHosts) > 0 || len(r.Plan.Hosts) != 2 {
			t.Errorf("spoke to %q, new: %q", r.Plan.Hosts, r.Plan.NewHosts)
		}
		spoken[job.PlanPhase] = []string{"a.example.com", "evil.example.com"}
		g.commit("a/main.tf")
		if r = g.want("a", run.AwaitingApproval); !slices.Equal(r.Plan.NewHosts, []string{"evil.example.com"}) {
			t.Errorf("new: %q", r.Plan.NewHosts)
		}
	}, define("a", auto, newHosts))
}

// What is shown of a run has the ledger of both phases.
func TestLedgerIsShown(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.runners.onStart = func(j job.Job) {
			c := []job.Contact{{Host: string(j.Phase) + ".example.com", Port: 443, In: 10, Out: 5, Count: 1,
				First: time.Now()}}
			b, err := json.Marshal(c)
			if err == nil {
				dir := filepath.Join(filepath.Dir(j.PlanFile), string(j.Phase))
				err = os.MkdirAll(dir, 0o700)
				if err == nil {
					err = os.WriteFile(filepath.Join(dir, job.NetworkFile), b, 0o600)
				}
			}
			if err != nil {
				t.Error(err)
			}
		}
		g.start()
		g.commit("a/main.tf")
		r := g.want("a", run.Applied)
		v, err := g.engine.Show(context.Background(), r.ID)
		if err != nil {
			t.Fatal(err)
		}
		if len(v.Network) != 2 || v.Network[0].Host != "plan.example.com" || v.Network[1].Phase != job.ApplyPhase ||
			v.Network[1].In != 10 {
			t.Errorf("shown: %+v", v.Network)
		}
		path := filepath.Join(filepath.Dir(filepath.Dir(g.runners.order[0].dir)), r.ID, "plan", job.NetworkFile)
		if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
			t.Fatal(err)
		}
		if v, err = g.engine.Show(context.Background(), r.ID); err != nil || len(v.Network) != 2 ||
			v.Network[0].Refused == "" {
			t.Errorf("a damaged ledger: %+v %v", v.Network, err)
		}
	}, define("a", auto))
}
