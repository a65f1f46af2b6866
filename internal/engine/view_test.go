package engine

import (
	"context"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/engine/decide"
	"github.com/tfops/tfops/internal/engine/outcome"
	"github.com/tfops/tfops/internal/run"
)

// A run that begins to apply while somebody looks at it does not wait for its own apply.
func TestAnApplyIsNotSomebodyElses(t *testing.T) {
	for name, look := range map[string]func(*rig, string) (decide.Wait, error){
		"show": func(g *rig, id string) (decide.Wait, error) {
			v, err := g.engine.Show(context.Background(), id)
			return v.Wait, err
		},
		"list": func(g *rig, _ string) (decide.Wait, error) {
			all, err := g.engine.List(context.Background(), run.Query{Limit: 1})
			if err != nil || len(all) == 0 {
				return decide.Wait{}, err
			}
			return all[0].Wait, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, g *rig) {
				g.start()
				g.commit("a/main.tf")
				id := g.want("a", run.AwaitingApproval).ID
				g.stop()
				<-g.done
				g.stop = nil
				ctx := context.Background()
				if _, err := g.store.Change(ctx, id,
					func(d *run.Tx) error { return d.Move(run.ApplyQueued, "", "") }); err != nil {
					t.Fatal(err)
				}
				g.dying.mu.Lock()
				g.dying.between = func() {
					if _, err := g.store.Change(ctx, id, outcome.Begin(decide.StartApply, "")); err != nil {
						t.Error(err)
					}
				}
				g.dying.mu.Unlock()
				wait, err := look(g, id)
				if err != nil || !strings.Contains(wait.Sentence(), "the apply, which is running") {
					t.Errorf("it waits for %q, %v", wait.Sentence(), err)
				}
			}, define("a"))
		})
	}
}
