package codebase

import (
	"cmp"
	"slices"

	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/workspace"
	"github.com/tfops/tfops/internal/workspace/reach"
)

// Unused are the entries of reach that say nothing. One of the defaults, or
// of a workspaces block, is for many: it is one only where none of them has the
// expression. blocks names the block that a workspace comes from.
func Unused(
	ws []workspace.Workspace, unused func(workspace.Workspace) []reach.UnusedEntry,
	block func(workspace.Workspace) string,
) (out []workspace.Problem) {
	type entry struct{ block, expression string }
	has := map[entry]bool{}
	wrong := map[entry]reach.UnusedEntry{}
	var order []entry
	for _, w := range ws {
		says := unused(w)
		for expression := range w.Reach {
			e := entry{block(w), expression}
			if slices.Contains(w.SharedReach, expression) {
				e.block = "defaults"
			}
			i := slices.IndexFunc(says, func(u reach.UnusedEntry) bool { return u.Expression == expression })
			if i < 0 {
				has[e] = true
				continue
			}
			if _, known := wrong[e]; !known || says[i].Near != "" {
				wrong[e] = says[i]
			}
			order = append(order, e)
		}
	}
	slices.SortFunc(order, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.block, b.block), cmp.Compare(a.expression, b.expression))
	})
	for _, e := range slices.Compact(order) {
		if !has[e] {
			out = append(out, wrong[e].Problem(e.block))
		}
	}
	return out
}

// block names the block of the configuration that a workspace comes from.
func Block(c fleet.Config) func(workspace.Workspace) string {
	return func(w workspace.Workspace) string {
		if w.Origin != nil {
			if g, ok := c.Generator(w.Origin.Generator); ok {
				return g.Source
			}
		}
		return c.Where(w)
	}
}
