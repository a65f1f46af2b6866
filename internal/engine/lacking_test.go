package engine

import (
	"testing"

	"github.com/tfops/tfops/internal/engine/decide"
	"github.com/tfops/tfops/internal/run"
)

// A plan that begins says nothing of whether an apply could: what an apply lacks is told until
// the next one finds it there.
func TestAPlanDoesNotHideWhatAnApplyLacks(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		full := run.Lacking{What: "no space left on the disk", Command: "df -h", Person: true}
		g.engine.queue.Lacking = full
		if !g.engine.queue.CanBegin(decide.StartPlan) || g.engine.queue.Lacking != full {
			t.Errorf("after a plan began it lacks %+v", g.engine.queue.Lacking)
		}
		if !g.engine.queue.CanBegin(decide.StartApply) || g.engine.queue.Lacking.What != "" {
			t.Errorf("with room it lacks %+v", g.engine.queue.Lacking)
		}
	}, define("a"))
}
