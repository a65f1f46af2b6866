package codebase

import (
	"context"

	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/term"
	"github.com/tfops/tfops/internal/term/show"
	"github.com/tfops/tfops/internal/workspace"
	"github.com/tfops/tfops/internal/workspace/reach"
)

// Change is what is asked about.
type Change struct {
	From, To string
	Exact    bool
}

// Affected are the workspaces that a change touches.
type Affected struct {
	From     string              `json:"from"` // the commit that was compared with
	To       string              `json:"to"`
	Affected []AffectedRow       `json:"affected"`
	Widened  []Widened           `json:"widened"`
	Problems []workspace.Problem `json:"problems"`
}

type AffectedRow struct {
	Workspace string       `json:"workspace"`
	Dir       string       `json:"dir"`
	Path      string       `json:"path,omitempty"`
	Reason    string       `json:"reason"`
	Chain     []reach.Link `json:"chain"`
	Widened   bool         `json:"widened,omitempty"` // it is touched only because the code does not tell what it reads
}

func (c *Codebase) Affected(ctx context.Context, ch Change) (Affected, error) {
	r := Affected{Affected: []AffectedRow{}, Widened: []Widened{}, Problems: []workspace.Problem{}}
	var err error
	if r.To, err = c.checkout.Resolve(ch.To); err != nil {
		return r, err
	}
	if r.From, err = c.checkout.Resolve(ch.From); err != nil {
		return r, err
	}
	if !ch.Exact {
		fork, err := c.checkout.Fork(r.From, r.To)
		if err != nil {
			return r, err
		}
		if fork != "" { // unrelated histories are compared as they are
			r.From = fork
		}
	}
	paths, err := c.checkout.Changed(ctx, r.From, r.To)
	if err != nil {
		return r, err
	}
	tree, err := c.checkout.Tree(r.To)
	if err != nil {
		return r, err
	}
	index := reach.NewIndex()
	f, problems := c.workspaces(index, tree)
	ws := fleet.Values(f.Workspaces)
	r.Problems = append(r.Problems, problems...)
	g := index.Graph(tree, ws)
	if err := g.Err(); err != nil {
		return r, err
	}
	dirs := map[string]string{}
	for _, w := range ws {
		dirs[w.Name] = w.Dir
	}
	for _, t := range g.Affected(paths) {
		r.Affected = append(r.Affected, AffectedRow{t.Workspace, dirs[t.Workspace], t.Path, t.String(), t.Chain,
			t.Widened})
		r.Widened = append(r.Widened, widenedOf(g, t.Workspace)...)
	}
	r.Problems = append(r.Problems, Unused(ws,
		func(w workspace.Workspace) []reach.UnusedEntry { return g.UnusedEntries(w.Name) }, Block(c.fleet))...)
	return r, nil
}

// Print says which workspaces a change touches, and why.
func (r Affected) Print(p *term.Printer) {
	for _, problem := range r.Problems {
		p.Warning(problem.Where+": "+problem.Message, problem.Next)
	}
	var rows [][]term.Cell
	for _, row := range r.Affected {
		rows = append(rows, term.Cells(row.Workspace, row.Reason))
	}
	if len(rows) > 0 {
		show.Table(p, []string{"WORKSPACE", "BECAUSE"}, rows)
	}
	affected := "No workspace is"
	if n := len(r.Affected); n > 0 {
		affected = show.Counted(n, "workspace")
	}
	p.Notef("%s affected between %s and %s.", affected, show.ShortCommit(r.From), show.ShortCommit(r.To))
	var wide []Widened
	for _, row := range r.Affected {
		for _, w := range r.Widened {
			if row.Widened && w.Workspace == row.Workspace && workspace.Within(w.To, row.Path) {
				wide = append(wide, w)
			}
		}
	}
	PrintWidened(p, wide, "may read")
}
