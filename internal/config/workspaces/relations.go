package workspaces

import (
	"slices"
	"strconv"

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

// renamedFrom reads the former name of a workspace, or what makes it of a match.
func (r reader) renamedFrom(b decode.Block) decode.Field[string] {
	from := b.Text("renamed_from")
	if from.Set && from.Val != "" && !workspace.ValidName().MatchString(from.Val) {
		r.Errorf(from.Range, "invalid name "+strconv.Quote(from.Val),
			"renamed_from is the name that the workspace had before.")
	}
	return from
}

// rename is a workspace with the name that it had before.
type rename struct {
	name string
	from decode.Field[string]
}

// checkRenames reports former names that cannot be: whether something is known
// of them, the daemon knows.
func (r reader) checkRenames(all []Workspace, renames []rename) {
	heirs := map[string]string{}
	for _, b := range renames {
		from := b.from
		declared := func(w Workspace) bool { return w.Name == from.Val }
		switch {
		case !from.Set:
		case from.Val == "":
			r.Errorf(from.Range, "no name",
				"renamed_from is the name that the workspace had before. Leave it out where there was none.")
		case from.Val == b.name:
			r.Errorf(from.Range, "its own name", "renamed_from is the name that workspace %q had before.", b.name)
		case slices.ContainsFunc(all, declared):
			r.Errorf(from.Range, "workspace "+strconv.Quote(from.Val)+" is still there", "Workspace %q cannot take "+
				"over what is known of %q, which has a block of its own. Remove that block, or remove renamed_from "+
				"where the rename is done. Of a chain of renames, make one at a time.", b.name, from.Val)
		case heirs[from.Val] != "":
			r.Errorf(from.Range, "two workspaces of one", "Workspaces %q and %q both have renamed_from = %q, "+
				"and it can become only one of them.", heirs[from.Val], b.name, from.Val)
		default:
			heirs[from.Val] = b.name
		}
	}
}
