package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/term"
	"github.com/tfops/tfops/internal/term/document"
	"github.com/tfops/tfops/internal/term/show"
	"github.com/tfops/tfops/internal/usage"
	"github.com/tfops/tfops/internal/workspace"
	"github.com/tfops/tfops/internal/workspace/reach"
)

func newGraphCommand(a *app) *cobra.Command {
	var f codeFlags
	var rev string
	shape := graphFormat(document.Table)
	cmd := &cobra.Command{
		Use:   "graph",
		Short: "Show modules, workspaces and their order",
		Long: `Show which modules the workspaces are made of, and which workspaces come before
which: by depends_on, by inputs, or because one reads the other's state. Like
"tfops affected" it asks no daemon, and reads a checkout.

-o dot is for Graphviz, -o mermaid for GitHub and the like; what is inferred has a
dashed line. -o json has the whole graph.`,
		Example: `  tfops graph
  tfops graph -o dot | dot -Tsvg > graph.svg
  tfops graph -o mermaid
  tfops graph -o json`,
		Args: usage.Takes(),
		RunE: func(*cobra.Command, []string) error {
			if shape == graphFormat(document.JSON) || shape == graphFormat(document.YAML) {
				a.output = document.Format(shape)
			}
			return a.graph(f, rev, shape)
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&rev, "at", "HEAD", "the commit to look at: `REV`")
	cmd.Flags().VarP(&shape, "output", "o", "print it as `FORMAT`: "+strings.Join(graphFormats, ", "))
	_ = cmd.RegisterFlagCompletionFunc("output", usage.Words(graphFormats))
	return cmd
}

// graphFormat is a format that has two more for graphs.
type graphFormat document.Format

var graphFormats = append([]string{"dot", "mermaid"}, document.Formats...)

// String, Set and Type make a flag of it.
func (f *graphFormat) String() string { return string(*f) }
func (f *graphFormat) Type() string   { return "FORMAT" }
func (f *graphFormat) Set(s string) error {
	if !slices.Contains(graphFormats, s) {
		return fmt.Errorf("it is one of %s", strings.Join(graphFormats, ", "))
	}
	*f = graphFormat(s)
	return nil
}

// graphResult is the result of graph.
type graphResult struct {
	Commit     string              `json:"commit"`
	Workspaces []graphWorkspace    `json:"workspaces"` // in their order
	Modules    []reach.Module      `json:"modules"`
	Calls      []reach.Call        `json:"calls"`
	Order      []reach.Dependency  `json:"order"`
	Problems   []workspace.Problem `json:"problems"`
}

type graphWorkspace struct {
	Name  string `json:"name"`
	Dir   string `json:"dir"`
	Level int    `json:"level"` // how many others must come before it, one after the other
}

func (a *app) graph(f codeFlags, rev string, shape graphFormat) error {
	code, err := a.openCode(f)
	if err != nil {
		return err
	}
	r, err := code.graph(rev)
	if err != nil {
		return err
	}
	return a.print(r, func() {
		switch shape {
		case "dot":
			a.term().Printf("%s", r.dot())
		case "mermaid":
			a.term().Printf("%s", r.mermaid())
		default:
			a.tellGraph(r)
		}
	})
}

func (c *codebase) graph(rev string) (graphResult, error) {
	r := graphResult{Workspaces: []graphWorkspace{}, Modules: []reach.Module{}, Calls: []reach.Call{}, Order: []reach.Dependency{}, Problems: []workspace.Problem{}}
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
		r.Problems = append(r.Problems, withoutSubmodules(g.Problems(w.Dir), c.config != nil && c.config.Follows(c.repository))...)
	}
	r.Problems = append(r.Problems, unusedIn(ws, func(w workspace.Workspace) []reach.UnusedEntry { return g.UnusedEntries(w.Name) }, block(c.fleet))...)
	for level, names := range f.Order.Levels() {
		for _, name := range names {
			r.Workspaces = append(r.Workspaces, graphWorkspace{name, dirs[name], level})
			r.Order = append(r.Order, f.Order.Upstream(name)...)
		}
	}
	r.Modules, r.Calls = append(r.Modules, g.Modules()...), append(r.Calls, g.Calls()...)
	return r, g.Err()
}

func (a *app) tellGraph(r graphResult) {
	p := a.term()
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
		rows = append(rows, term.Cells(w.Name, w.Dir, strings.Join(after, ", "), strings.Join(r.modulesOf(w.Dir), ", ")))
	}
	if len(rows) > 0 {
		show.Table(a.term(), []string{"WORKSPACE", "DIR", "AFTER", "MODULES"}, rows)
	}
	p.Notef("%s, %s at %s.", show.Counted(len(r.Workspaces), "workspace"), show.Counted(len(r.Modules), "module"), show.ShortCommit(r.Commit))
}

// modulesOf are the modules that a directory calls, directly or through others.
func (r graphResult) modulesOf(dir string) []string {
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
func (r graphResult) edges(f func(from, to, label string, dashed bool)) {
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

func (r graphResult) dot() string {
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

func (r graphResult) mermaid() string {
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
