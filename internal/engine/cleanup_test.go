package engine

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/tfops/tfops/internal/checkout"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/run"
)

// A move reads the old state with the code that was applied. A daemon that starts meanwhile
// finds that checkout unused, and leaves it all the same: the runner is at work in it.
func TestTheCheckoutOfAMoveStays(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		place := "one"
		g.runners.set(func(p *players) {
			p.backend, p.state = "local", func(job.Job) string { return "/states/" + place }
		})
		g.start()
		first := g.commit("a/main.tf")
		g.approve(ana, g.want("a", run.AwaitingApproval))
		g.want("a", run.Applied)
		place = "two"
		g.commit("a/main.tf")
		if r := g.want("a", run.AwaitingApproval); r.NewState == nil {
			t.Fatalf("the state did not move: %+v", r)
		}
		g.runners.set(func(p *players) { p.hold[job.PlanPhase] = true })
		if _, err := g.engine.MoveState(context.Background(), ana, "a"); err != nil {
			t.Fatal(err)
		}
		g.settle()
		m := g.runners.newest().job.Move
		if m == nil || m.Checkout == "" {
			t.Fatalf("no state is moved: %+v", g.last("a"))
		}
		if err := os.MkdirAll(m.Checkout, 0o700); err != nil {
			t.Fatal(err)
		}
		g.engine.phases.Jobs.Checkouts = checkout.Open(filepath.Join(g.dir, "cache", "checkouts"))
		g.engine.upkeep.Surplus(context.Background())
		if _, err := os.Stat(m.Checkout); err != nil {
			t.Errorf("the checkout of %s was taken away: %v", first, err)
		}
		g.runners.endAll()
	}, define("a"))
}
