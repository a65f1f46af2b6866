package codebase

import (
	"fmt"
	"slices"

	"github.com/tfops/tfops/internal/term"
	"github.com/tfops/tfops/internal/workspace/reach"
)

// Widened is an expression of a workspace that does not tell which files it
// means.
type Widened struct {
	Workspace string `json:"workspace"`
	reach.Widened
}

// widenedOf are those of a workspace.
func widenedOf(g *reach.Graph, name string) (rows []Widened) {
	reach, _ := g.Reach(name)
	for _, w := range reach.Widened {
		rows = append(rows, Widened{name, w})
	}
	return rows
}

// WholeOf is why every change of the repository touches a workspace: nothing
// where it does not.
func WholeOf(g *reach.Graph, name string) []Widened {
	return slices.DeleteFunc(widenedOf(g, name), func(w Widened) bool { return w.To != "." })
}

// cause is what an expression does not tell, for a person.
func (w Widened) cause() string {
	where := w.File
	if w.Line > 0 {
		where += fmt.Sprintf(":%d", w.Line)
	}
	return fmt.Sprintf("%s: %s: %s", where, w.Expression, w.Why)
}

// covers is what counts instead.
func (w Widened) covers() string {
	if w.To == "." {
		return "the whole repository"
	}
	return "all of " + w.To
}

// wayOut is what to write where an expression does not tell which files it means.
func (w Widened) wayOut() string {
	if w.Part == "" {
		return "mend what is named there; until then every change of " + w.covers() + " plans it"
	}
	return fmt.Sprintf("say what it reads in tfops.hcl: reach = { %q = \"config/**\" }; until then every change of %s "+
		"plans it",
		w.Part, w.covers())
}

// names are the workspaces of some rows.
func names(rows []Widened) []string {
	all := make([]string, len(rows))
	for i, r := range rows {
		all[i] = r.Workspace
	}
	return all
}

// sameCause puts the rows that have one cause together, in their order.
func sameCause(rows []Widened) (groups [][]Widened) {
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

// PrintWidened says what could not be told of which workspaces, and the way out.
func PrintWidened(p *term.Printer, rows []Widened, what string) {
	for _, same := range sameCause(rows) {
		p.Warning(fmt.Sprintf("%s %s %s: %s", term.Some(names(same)), what, same[0].covers(), same[0].cause()),
			same[0].wayOut())
	}
}
