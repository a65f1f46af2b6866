package codebase

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/term"
	"github.com/tfops/tfops/internal/term/show"
	"github.com/tfops/tfops/internal/workspace"
	"github.com/tfops/tfops/internal/workspace/reach"
)

// Graph is how modules and workspaces hang together.
type Graph struct {
	Commit     string              `json:"commit"`
	Workspaces []GraphWorkspace    `json:"workspaces"` // in their order
	Modules    []reach.Module      `json:"modules"`
	Calls      []reach.Call        `json:"calls"`
	Order      []reach.Dependency  `json:"order"`
	Problems   []workspace.Problem `json:"problems"`
}

type GraphWorkspace struct {
	Name  string `json:"name"`
	Dir   string `json:"dir"`
	Level int    `json:"level"` // how many others must come before it, one after the other
}

func (c *Codebase) Graph(rev string) (Graph, error) {
	r := Graph{Workspaces: []GraphWorkspace{}, Modules: []reach.Module{}, Calls: []reach.Call{},
		Order: []reach.Dependency{}, Problems: []workspace.Problem{}}
	var err error
	if r.Commit, err = c.checkout.Resolve(rev); err != nil {
		return r, err
	}
	tree, err := c.checkout.Tree(r.Commit)
	if err != nil {
		return r, err
	}
	index := reach.NewIndex()
	f, problems := c.workspaces(index, tree)
	ws := fleet.Values(f.Workspaces)
	g := index.Graph(tree, ws)
	f = f.Arrange(fleet.ReadCode(g, ws), nil)
	r.Problems = append(append(r.Problems, problems...), f.Problems...)
	dirs := map[string]string{}
	for _, w := range ws {
		dirs[w.Name] = w.Dir
		r.Problems = append(r.Problems, WithoutSubmodules(g.Problems(w.Dir),
			c.config != nil && c.config.Follows(c.repository))...)
	}
	r.Problems = append(r.Problems, Unused(ws,
		func(w workspace.Workspace) []reach.UnusedEntry { return g.UnusedEntries(w.Name) }, Block(c.fleet))...)
	for level, names := range f.Order.Levels() {
		for _, name := range names {
			r.Workspaces = append(r.Workspaces, GraphWorkspace{name, dirs[name], level})
			r.Order = append(r.Order, f.Order.Upstream(name)...)
		}
	}
	r.Modules, r.Calls = append(r.Modules, g.Modules()...), append(r.Calls, g.Calls()...)
	return r, g.Err()
}

// Print shows the workspaces in their order.
func (r Graph) Print(p *term.Printer) {
	for _, problem := range r.Problems {
		p.Warning(problem.Where+": "+problem.Message, problem.Next)
	}
	var rows [][]term.Cell
	for _, w := range r.Workspaces {
		var after []string
		for _, d := range r.Order {
			if d.Downstream == w.Name {
				after = append(after, d.Upstream)
			}
		}
		rows = append(rows, term.Cells(w.Name, w.Dir, strings.Join(after, ", "), strings.Join(r.modulesOf(w.Dir),
			", ")))
	}
	if len(rows) > 0 {
		show.Table(p, []string{"WORKSPACE", "DIR", "AFTER", "MODULES"}, rows)
	}
	p.Notef("%s, %s at %s.", show.Counted(len(r.Workspaces), "workspace"), show.Counted(len(r.Modules), "module"),
		show.ShortCommit(r.Commit))
}

// modulesOf are the modules that a directory calls, directly or through others.
func (r Graph) modulesOf(dir string) []string {
	var out []string
	seen := map[string]bool{dir: true}
	for todo := []string{dir}; len(todo) > 0; todo = todo[1:] {
		for _, c := range r.Calls {
			to := c.To
			if !c.Local {
				to = c.Source
			}
			if c.From == todo[0] && to != "" && !seen[to] {
				seen[to] = true
				out, todo = append(out, to), append(todo, to)
			}
		}
	}
	slices.Sort(out)
	return out
}

// edges calls f with every edge: of modules, then of workspaces.
func (r Graph) edges(f func(from, to, label string, dashed bool)) {
	for _, w := range r.Workspaces {
		f("workspace "+w.Name, w.Dir, "", false)
	}
	for _, c := range r.Calls {
		to := c.To
		if !c.Local || to == "" {
			to = c.Source
		}
		f(c.From, to, c.Name, false)
	}
	for _, d := range r.Order {
		f("workspace "+d.Downstream, "workspace "+d.Upstream, "after", d.Inferred)
	}
}

func (r Graph) DOT() string {
	var b strings.Builder
	b.WriteString("digraph tfops {\n  rankdir=LR;\n  node [shape=box, fontname=\"sans-serif\"];\n")
	for _, w := range r.Workspaces {
		fmt.Fprintf(&b, "  %s [shape=oval, label=%s];\n", dotText("workspace "+w.Name), dotText(w.Name))
	}
	r.edges(func(from, to, label string, dashed bool) {
		style := ""
		if dashed {
			style = ", style=dashed"
		}
		fmt.Fprintf(&b, "  %s -> %s [label=%s%s];\n", dotText(from), dotText(to), dotText(label), style)
	})
	return b.String() + "}"
}

// dotText quotes text for Graphviz.
func dotText(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}

func (r Graph) Mermaid() string {
	ids := map[string]string{}
	var b strings.Builder
	b.WriteString("flowchart LR")
	node := func(name string) string {
		if id, ok := ids[name]; ok {
			return id
		}
		id := fmt.Sprintf("n%d", len(ids))
		ids[name] = id
		text, isWorkspace := strings.CutPrefix(name, "workspace ")
		open, end := "[", "]"
		if isWorkspace {
			open, end = "([", "])"
		}
		fmt.Fprintf(&b, "\n  %s%s\"%s\"%s", id, open, mermaidText(text), end)
		return id
	}
	r.edges(func(from, to, label string, dashed bool) {
		arrow := "-->"
		if dashed {
			arrow = "-.->"
		}
		one, other := node(from), node(to)
		if label != "" {
			arrow += "|\"" + mermaidText(label) + "\"|"
		}
		fmt.Fprintf(&b, "\n  %s %s %s", one, arrow, other)
	})
	return b.String()
}

// mermaidText has the characters that end a text in Mermaid as entities.
func mermaidText(s string) string {
	return strings.NewReplacer(`"`, "#quot;", "<", "#lt;", ">", "#gt;", "\n", " ").Replace(s)
}
