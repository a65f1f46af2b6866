package engine

import (
	"slices"
	"testing"

	"github.com/tfops/tfops/internal/engine/acts"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/run"
)

func (g *rig) wantLeft(names ...string) {
	g.t.Helper()
	left, err := g.engine.LeftBehind(g.t.Context())
	if err != nil {
		g.t.Fatal(err)
	}
	var got []string
	for _, rec := range left {
		got = append(got, rec.Name)
	}
	if !slices.Equal(got, names) {
		g.t.Errorf("left behind are %q, want %q", got, names)
	}
}

// A workspace that is taken out of the configuration, or gets another name,
// is named as long as what it applied is there.
func TestLeftBehind(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.start()
		g.commit("a/main.tf", "b/main.tf")
		g.want("a", run.Applied)
		g.wantLeft()
		g.configure(define("b"))
		g.wantLeft("a") // and not b, of which nothing is applied
		g.configure(define("b"), define("renamed", func(d *fleet.Definition) { d.Dir = "a" }))
		g.wantLeft("a")
		g.restart()
		g.wantLeft("a")
		g.configure()
		g.wantLeft("a")
		g.configure(define("a", auto))
		g.wantLeft()
		r, err := g.engine.Start(t.Context(), ana, acts.Order{Workspace: "a", Kind: run.Destroy})
		if err != nil {
			t.Fatal(err)
		}
		g.settle()
		if got := g.get(r.ID); got.Status == run.AwaitingApproval {
			g.approve(li, got)
		}
		if got := g.get(r.ID); got.Status != run.Applied {
			t.Fatalf("the destroy run is %s", got.Status)
		}
		g.configure(define("b"))
		g.wantLeft()
	}, define("a", auto), define("b"))
}

// An apply that failed may have made something, too.
func TestLeftBehindHalfWay(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		failing(g, job.ApplyPhase, "quota")
		g.start()
		g.commit("a/main.tf")
		g.want("a", run.Errored)
		g.configure(define("b"))
		g.wantLeft("a")
	}, define("a", auto))
}
