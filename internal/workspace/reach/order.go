package reach

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tfops/tfops/internal/workspace"
)

// Dependency says that one workspace is planned only after another is applied.
type Dependency struct {
	Downstream string `json:"downstream"`
	Upstream   string `json:"upstream"`
	Inferred   bool   `json:"inferred,omitempty"` // read off the code, not configured
	Why        string `json:"why"`                // e.g. "depends_on", or what reads the state and where
}

// Order is which workspaces come before which. It never has a cycle.
type Order struct {
	up, down map[string][]Dependency // direct ones, by workspace
	names    []string
	held     map[string]workspace.Problem // workspaces that cannot be planned for want of an order
}

// NewOrder puts workspaces in order: by DependsOn, by what their Inputs are
// made of, and by what was inferred from their code.
//
// A dependency on a workspace that does not exist, and a cycle, are problems
// of the workspaces that they are about, which cannot be planned then. An
// inferred dependency that would close a cycle is left out, and said.
func NewOrder(ws []workspace.Workspace, inferred []Dependency) (*Order, []workspace.Problem) {
	o := &Order{up: map[string][]Dependency{}, down: map[string][]Dependency{}, held: map[string]workspace.Problem{}}
	byName := map[string]workspace.Workspace{}
	for _, w := range ws {
		byName[w.Name] = w
	}
	o.names = slices.Sorted(maps.Keys(byName))
	var problems []workspace.Problem
	for _, w := range ws {
		for _, d := range configured(w) {
			if _, ok := byName[d.Upstream]; !ok {
				p := unknownUpstream(w, d, o.names)
				o.held[w.Name] = p
				problems = append(problems, p)
				continue
			}
			o.add(d)
		}
	}
	problems = append(problems, o.breakCycles()...)
	for _, d := range inferred {
		w := byName[d.Downstream]
		if _, ok := byName[d.Upstream]; !ok || !w.InferDependencies || d.Upstream == d.Downstream || o.has(d) {
			continue
		}
		if path := o.path(d.Upstream, d.Downstream); path != nil {
			problems = append(problems, workspace.Problem{Where: d.Why,
				Message: fmt.Sprintf("what workspace %s reads would close a cycle and is not waited for: %s",
					d.Downstream, arrows(append(path, d.Upstream))),
				Next: "set infer_dependencies = false for one of them, or depends_on for the order that is meant"})
			continue
		}
		d.Inferred = true
		o.add(d)
	}
	for _, side := range []map[string][]Dependency{o.up, o.down} {
		for _, ds := range side {
			slices.SortFunc(ds, func(a, b Dependency) int {
				return cmp.Or(cmp.Compare(a.Upstream, b.Upstream), cmp.Compare(a.Downstream, b.Downstream))
			})
		}
	}
	return o, problems
}

// configured are the dependencies that the configuration says.
func configured(w workspace.Workspace) []Dependency {
	var all []Dependency
	add := func(up, why string) {
		if !slices.ContainsFunc(all, func(d Dependency) bool { return d.Upstream == up }) {
			all = append(all, Dependency{Downstream: w.Name, Upstream: up, Why: why})
		}
	}
	for _, up := range w.DependsOn {
		add(up, "depends_on")
	}
	for _, name := range slices.Sorted(maps.Keys(w.Inputs)) {
		for _, r := range w.Inputs[name].Refs {
			add(r.Workspace, "input "+name+" is made of "+r.String())
		}
	}
	return all
}

func unknownUpstream(w workspace.Workspace, d Dependency, names []string) workspace.Problem {
	p := workspace.Problem{Where: "workspace " + w.Name, Workspace: w.Name, Unknown: true,
		Message: fmt.Sprintf("workspace %s needs workspace %q, which does not exist (%s)", w.Name, d.Upstream, d.Why),
		Next:    "correct the name in tfops.hcl, or configure that workspace"}
	if w.Origin != nil {
		p.Where = w.Origin.String()
	}
	if near := workspace.Nearest(d.Upstream, names); near != "" {
		p.Next = fmt.Sprintf("did you mean %q? %s", near, p.Next)
	}
	return p
}

func (o *Order) add(d Dependency) {
	o.up[d.Downstream] = append(o.up[d.Downstream], d)
	o.down[d.Upstream] = append(o.down[d.Upstream], d)
}

func (o *Order) remove(d Dependency) {
	same := func(e Dependency) bool { return e == d }
	o.up[d.Downstream] = slices.DeleteFunc(o.up[d.Downstream], same)
	o.down[d.Upstream] = slices.DeleteFunc(o.down[d.Upstream], same)
}

func (o *Order) has(d Dependency) bool {
	return slices.ContainsFunc(o.up[d.Downstream], func(e Dependency) bool { return e.Upstream == d.Upstream })
}

// path is a way upstream from one workspace to another, both included; nil
// when there is none.
func (o *Order) path(from, to string) []string {
	seen := map[string]bool{}
	var walk func(at string) []string
	walk = func(at string) []string {
		if at == to {
			return []string{at}
		}
		if seen[at] {
			return nil
		}
		seen[at] = true
		for _, d := range o.up[at] {
			if rest := walk(d.Upstream); rest != nil {
				return append([]string{at}, rest...)
			}
		}
		return nil
	}
	return walk(from)
}

// breakCycles takes each cycle out of the order and says so once. Workspaces
// of a cycle are held: there is no order in which they could be planned.
func (o *Order) breakCycles() []workspace.Problem {
	var problems []workspace.Problem
	for _, name := range o.names {
		for {
			i := slices.IndexFunc(o.up[name], func(d Dependency) bool { return o.path(d.Upstream, name) != nil })
			if i < 0 {
				break
			}
			d := o.up[name][i]
			cycle := append([]string{name}, o.path(d.Upstream, name)...)
			p := workspace.Problem{Where: "workspace " + name, Message: "these workspaces need each other: " +
				arrows(cycle),
				Next: "remove one of the dependencies: depends_on and inputs in tfops.hcl say them"}
			for _, member := range cycle {
				q := p
				q.Workspace = member
				o.held[member] = q
			}
			p.Workspace = name
			problems = append(problems, p)
			o.remove(d)
		}
	}
	return problems
}

func arrows(names []string) string { return strings.Join(names, " → ") }

// Held says why a workspace cannot be planned.
func (o *Order) Held(name string) (workspace.Problem, bool) {
	p, ok := o.held[name]
	return p, ok
}

// Upstream are the direct dependencies of a workspace.
func (o *Order) Upstream(name string) []Dependency { return o.up[name] }

// Downstream are those that directly depend on a workspace.
func (o *Order) Downstream(name string) []Dependency { return o.down[name] }

// AllUpstream are all workspaces that come before one, sorted.
func (o *Order) AllUpstream(name string) []string {
	return o.reachable(name, o.up, func(d Dependency) string { return d.Upstream })
}

// AllDownstream are all workspaces that come after one, sorted.
func (o *Order) AllDownstream(name string) []string {
	return o.reachable(name, o.down, func(d Dependency) string { return d.Downstream })
}

func (o *Order) reachable(from string, edges map[string][]Dependency, end func(Dependency) string) []string {
	seen := map[string]bool{}
	for todo := []string{from}; len(todo) > 0; todo = todo[1:] {
		for _, d := range edges[todo[0]] {
			if n := end(d); !seen[n] && n != from {
				seen[n] = true
				todo = append(todo, n)
			}
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// Levels are the workspaces by how many others must come before them: those of
// one level can be planned at once.
func (o *Order) Levels() [][]string {
	depth := map[string]int{}
	var of func(name string) int
	of = func(name string) int {
		if d, ok := depth[name]; ok {
			return d
		}
		most := 0
		for _, d := range o.up[name] {
			most = max(most, of(d.Upstream)+1)
		}
		depth[name] = most
		return most
	}
	var levels [][]string
	for _, name := range o.names {
		d := of(name)
		for len(levels) <= d {
			levels = append(levels, nil)
		}
		levels[d] = append(levels[d], name)
	}
	return levels
}

// Any reports whether any workspace comes before another.
func (o *Order) Any() bool { return len(o.up) > 0 }
