package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/term"
	"github.com/tfops/tfops/internal/workspace"
	"github.com/tfops/tfops/internal/workspace/reach"
)

// widenedRow is an expression of a workspace that does not tell which files it
// means.
type widenedRow struct {
	Workspace string `json:"workspace"`
	reach.Widened
}

// widenedOf are those of a workspace.
func widenedOf(g *reach.Graph, name string) (rows []widenedRow) {
	reach, _ := g.Reach(name)
	for _, w := range reach.Widened {
		rows = append(rows, widenedRow{name, w})
	}
	return rows
}

// wholeOf is why every change of the repository touches a workspace: nothing
// where it does not.
func wholeOf(g *reach.Graph, name string) []widenedRow {
	return slices.DeleteFunc(widenedOf(g, name), func(w widenedRow) bool { return w.To != "." })
}

// cause is what an expression does not tell, for a person.
func (w widenedRow) cause() string {
	where := w.File
	if w.Line > 0 {
		where += fmt.Sprintf(":%d", w.Line)
	}
	return fmt.Sprintf("%s: %s: %s", where, w.Expression, w.Why)
}

// covers is what counts instead.
func (w widenedRow) covers() string {
	if w.To == "." {
		return "the whole repository"
	}
	return "all of " + w.To
}

// wayOut is what to write where an expression does not tell which files it means.
func (w widenedRow) wayOut() string {
	if w.Part == "" {
		return "mend what is named there; until then every change of " + w.covers() + " plans it"
	}
	return fmt.Sprintf("say what it reads in tfops.hcl: reach = { %q = \"config/**\" }; until then every change of %s plans it",
		w.Part, w.covers())
}

// sameCause puts the rows that have one cause together, in their order.
func sameCause(rows []widenedRow) (groups [][]widenedRow) {
	at := map[reach.Widened]int{}
	for _, r := range rows {
		i, known := at[r.Widened]
		if !known {
			i = len(groups)
			at[r.Widened], groups = i, append(groups, nil)
		}
		groups[i] = append(groups[i], r)
	}
	return groups
}

// theirNames are the workspaces of some rows, for a person.
func theirNames(rows []widenedRow) string {
	var names []string
	for _, r := range rows {
		names = append(names, r.Workspace)
	}
	const shown = 5
	if more := len(names) - shown; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:shown], ", "), more)
	}
	return strings.Join(names, ", ")
}

// tellWidened says what could not be told of which workspaces, and the way out.
func tellWidened(p *term.Printer, rows []widenedRow, what string) {
	for _, same := range sameCause(rows) {
		p.Warning(fmt.Sprintf("%s %s %s: %s", theirNames(same), what, same[0].covers(), same[0].cause()), same[0].wayOut())
	}
}

// unusedIn are the entries of reach that say nothing. One of the defaults, or
// of a workspaces block, is for many: it is one only where none of them has the
// expression. blocks names the block that a workspace comes from.
func unusedIn(
	ws []workspace.Workspace, unused func(workspace.Workspace) []reach.UnusedEntry, block func(workspace.Workspace) string,
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
func block(c fleet.Config) func(workspace.Workspace) string {
	return func(w workspace.Workspace) string {
		if w.Origin != nil {
			if g, ok := c.Generator(w.Origin.Generator); ok {
				return g.Source
			}
		}
		return c.Where(w)
	}
}
