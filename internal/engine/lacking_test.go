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
		g.engine.lacking = full
		if !g.engine.canBegin(decide.StartPlan) || g.engine.lacking != full {
			t.Errorf("after a plan began it lacks %+v", g.engine.lacking)
		}
		if !g.engine.canBegin(decide.StartApply) || g.engine.lacking.What != "" {
			t.Errorf("with room it lacks %+v", g.engine.lacking)
		}
	}, define("a"))
}
