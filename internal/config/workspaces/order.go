package workspaces

import (
	"github.com/hashicorp/hcl/v2"

	"github.com/tfops/tfops/internal/config/decode"
	"github.com/tfops/tfops/internal/config/problems"
	"github.com/tfops/tfops/internal/workspace"
	"github.com/tfops/tfops/internal/workspace/reach"
)

// checkOrder reports dependencies on workspaces that do not exist, and cycles.
// A name that a generator might make is left to it.
func (r reader) checkOrder(all []Workspace, blocks []decode.Block, generated bool) {
	at := map[string]hcl.Range{}
	for _, b := range blocks {
		at[b.Name] = b.Header
		for _, name := range []string{"depends_on", "inputs"} {
			if b.Has(name) {
				at[b.Name] = b.Place(name)
			}
		}
	}
	var ws []workspace.Workspace
	for _, w := range all {
		ws = append(ws, w.Workspace)
	}
	_, found := reach.NewOrder(ws, nil)
	for _, p := range found {
		if !p.Unknown || !generated {
			r.Missingf(at[p.Workspace], "no order of workspaces", "%s. %s.",
				problems.UpperFirst(p.Message), problems.UpperFirst(p.Next))
		}
	}
}
