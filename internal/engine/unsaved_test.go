package engine

import (
	"context"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/run"
)

// What an apply made and could not save is not in the state: a plan would make it once more.
// So whoever closes the run too soon is asked, whatever `apply` says.
func TestAStateThatWasNotSaved(t *testing.T) {
	for name, lost := range map[string]job.Result{
		"kept": {Outcome: job.Failed, Cause: job.CauseEngine, ErroredState: "/data/errored.tfstate.age"},
		"lost": {Outcome: job.Failed, Cause: job.CauseEngine, StateLost: true, Message: "the state is nowhere"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, g *rig) {
				g.runners.set(func(p *players) {
					p.fail = func(j job.Job) *job.Result {
						if j.Phase == job.ApplyPhase {
							res := lost
							return &res
						}
						return nil
					}
				})
				g.start()
				g.commit("a/main.tf")
				r := g.want("a", run.Interrupted)
				v, err := g.engine.Show(context.Background(), r.ID)
				if err != nil {
					t.Fatal(err)
				}
				if kept := lost.ErroredState != ""; strings.HasPrefix(v.Wait.Command, "tfops decrypt /data/") != kept ||
					strings.HasPrefix(v.Wait.Command, "tfops resolve") == kept || !v.Wait.Person {
					t.Errorf("next is %q", v.Wait.Command)
				}
				g.runners.set(func(p *players) { p.fail = nil })
				if _, err := g.engine.Resolve(context.Background(), ana, r.ID, "nothing to see"); err != nil {
					t.Fatal(err)
				}
				g.settle()
				waits := g.want("a", run.AwaitingApproval)
				if len(waits.Confirm) != 1 || !strings.Contains(waits.Confirm[0], r.ID) {
					t.Errorf("it waits because %q", waits.Confirm)
				}
				g.approve(ana, waits)
				g.want("a", run.Applied)
				g.commit("a/main.tf")
				g.want("a", run.Applied) // that is over
			}, define("a", auto))
		})
	}
}
