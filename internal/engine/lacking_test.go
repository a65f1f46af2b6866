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
		g.engine.queue.lacking = full
		if !g.engine.queue.canBegin(decide.StartPlan) || g.engine.queue.lacking != full {
			t.Errorf("after a plan began it lacks %+v", g.engine.queue.lacking)
		}
		if !g.engine.queue.canBegin(decide.StartApply) || g.engine.queue.lacking.What != "" {
			t.Errorf("with room it lacks %+v", g.engine.queue.lacking)
		}
	}, define("a"))
}
