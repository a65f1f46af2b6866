package backend

import (
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/plan/baseline"
)

// PlannedOn is the state that a saved plan stands on; nil where that cannot be told. Of a state in a backend only
// what the engine found has what is gone from the world.
func PlannedOn(found *baseline.State) *plan.State {
	if found == nil || len(found.Lineage) > maxLineage {
		return nil
	}
	return &plan.State{Serial: found.Serial, Lineage: found.Lineage, Resources: found.Managed()}
}
