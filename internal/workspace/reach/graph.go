package reach

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/tfops/tfops/internal/rootmodule"
	"github.com/tfops/tfops/internal/workspace"
)

// Graph says what the workspaces of one repository and branch depend on in one
// tree. It never changes and is safe for concurrent use.
type Graph struct {
	scan    *scan
	root    *node
	ws      []workspace.Workspace
	reaches []*reach           // of ws
	readers map[string][]int32 // who has a path among the keys of its reach; sorted
	err     error

	submodules []string // their paths, whether or not their files are there

	mu     sync.Mutex
	linked map[linkedKey]*module // modules with symbolic links among their files
}

type linkedKey struct {
	dir  string
	tofu bool
}

// Err is why the graph may be incomplete: something of the tree could not be
// read. Affected then names every workspace.
func (g *Graph) Err() error { return g.err }

// reachKey says all of a workspace that its reach is made of. It is made for
// every workspace at every look, so it is plain text and no hash.
func reachKey(w workspace.Workspace) string {
	var b strings.Builder
	add := func(kind byte, texts ...string) {
		for _, t := range texts {
			b.WriteByte(kind)
			b.WriteString(strconv.Itoa(len(t)))
			b.WriteByte(':')
			b.WriteString(t)
		}
	}
	add('w', w.Name, w.Dir, w.Engine)
	add('f', w.VarFiles...)
	add('b', w.BackendConfigFiles...)
	add('+', w.Watch...)
	add('-', w.Ignore...)
	for _, e := range slices.Sorted(maps.Keys(w.Reach)) {
		add('r', e)
		add('=', w.Reach[e]...)
	}
	for _, name := range slices.Sorted(maps.Keys(w.Variables)) {
		add('v', name, fmt.Sprintf("%#v", w.Variables[name]))
	}
	for _, name := range slices.Sorted(maps.Keys(w.Env)) {
		if strings.HasPrefix(name, "TF_VAR_") {
			add('e', name, w.Env[name].Value)
		}
	}
	add('i', slices.Sorted(maps.Keys(w.Inputs))...)
	return b.String()
}

// module is the module in a directory without symbolic links in its path; nil
// when it has no code.
func (g *Graph) module(dir string, tofu bool, s *scan) *module {
	n := g.root.at(dir)
	switch {
	case n == nil:
		return nil
	case !n.linked && tofu:
		return n.all
	case !n.linked:
		return n.plain
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	key := linkedKey{dir, tofu}
	if m, ok := g.linked[key]; ok {
		return m
	}
	all, plain := modulesOf(n.files, true, func(l leaf) *facts { return g.behind(path.Join(dir, l.name), s) })
	g.linked[linkedKey{dir, true}], g.linked[linkedKey{dir, false}] = all, plain
	return g.linked[key]
}

// behind is the facts of the file of code that a symbolic link leads to.
func (g *Graph) behind(p string, s *scan) *facts {
	real, _, err := g.root.resolve(p)
	if leadsNowhere(err) {
		return &facts{} // the engine does not see the file either
	}
	if err != nil {
		return &facts{unread: "the link " + err.Error(), line: 1}
	}
	l := g.root.leafAt(real)
	if l == nil {
		return &facts{unread: "the link leads to nothing", line: 1}
	}
	return s.read(real, l.hash, kindOf(p))
}

// indexed makes the index of the readers, of that of base if most is the same.
func (g *Graph) indexed(base *Graph) {
	changed := make([]int32, 0, 8)
	if base != nil && len(base.reaches) == len(g.reaches) {
		for i, r := range g.reaches {
			if b := base.reaches[i]; b != r && !slices.Equal(b.keys, r.keys) {
				changed = append(changed, int32(i))
			}
		}
		if len(changed) == 0 {
			g.readers = base.readers
			return
		}
	}
	if base == nil || len(base.reaches) != len(g.reaches) || len(changed) > len(g.reaches)/2 {
		g.readers = map[string][]int32{}
		for i, r := range g.reaches {
			for _, k := range r.keys {
				g.readers[k] = append(g.readers[k], int32(i))
			}
		}
		return
	}
	g.readers = maps.Clone(base.readers)
	for _, i := range changed {
		both(base.reaches[i].keys, g.reaches[i].keys, func(s string) string { return s }, func(old, now *string) {
			switch {
			case now == nil:
				g.readers[*old] = slices.DeleteFunc(slices.Clone(g.readers[*old]), func(o int32) bool { return o == i })
				if len(g.readers[*old]) == 0 {
					delete(g.readers, *old)
				}
			case old == nil:
				list := slices.Clone(g.readers[*now])
				at, _ := slices.BinarySearch(list, i)
				g.readers[*now] = slices.Insert(list, at, i)
			}
		})
	}
}

// candidates calls f with the workspaces that a path may touch.
func (g *Graph) candidates(p string, f func(i int32)) {
	for d := p; ; d = path.Dir(d) {
		for _, i := range g.readers[d] {
			f(i)
		}
		if d == "." || d == "/" {
			return
		}
	}
}

// Roots lists the root modules of the tree, sorted: the directories that have
// a backend, a provider, a resource or a call of a module, and that no module
// of the tree calls. Directories whose name begins with a dot are passed over.
func (g *Graph) Roots() []string {
	var roots []string
	called := map[string]bool{}
	g.each(func(dir string, m *module) {
		if m.root {
			roots = append(roots, dir)
		}
		for _, c := range m.calls {
			if to := g.target(dir, &c); to != "" && to != dir {
				called[to] = true
			}
		}
	})
	roots = slices.DeleteFunc(roots, func(dir string) bool { return called[dir] })
	slices.Sort(roots)
	return roots
}

// target is the directory that a call of a local module leads to; "" when it
// is not there or not to tell.
func (g *Graph) target(dir string, c *fileCall) string {
	if c.source == nil || c.source.op != opText {
		return ""
	}
	p, ok := rootmodule.LocalDir(dir, c.source.text)
	if !ok {
		return ""
	}
	real, _, err := g.root.resolve(p)
	if err != nil {
		return ""
	}
	return real
}

// each calls f with every module of the tree, sorted by directory.
func (g *Graph) each(f func(dir string, m *module)) {
	var walk func(dir string, n *node)
	walk = func(dir string, n *node) {
		if m := g.module(dir, true, g.scan); m != nil {
			f(dir, m)
		}
		for _, c := range n.dirs {
			if !strings.HasPrefix(c.name, ".") {
				walk(path.Join(dir, c.name), c.node)
			}
		}
	}
	walk(".", g.root)
}

// Module is a directory of the tree with code in it.
type Module struct {
	Dir        string   `json:"dir"`
	Root       bool     `json:"root"`                 // it is a root module; see Roots
	Workspaces []string `json:"workspaces,omitempty"` // whose directory it is, in the order in which they were given
}

// Modules lists all modules of the tree, sorted by directory, but for those in
// directories whose name begins with a dot.
func (g *Graph) Modules() []Module {
	roots, spaces := g.Roots(), map[string][]string{}
	for i, r := range g.reaches {
		spaces[r.mods[0].dir] = append(spaces[r.mods[0].dir], g.ws[i].Name)
	}
	var out []Module
	g.each(func(dir string, _ *module) {
		_, isRoot := slices.BinarySearch(roots, dir)
		out = append(out, Module{dir, isRoot, spaces[dir]})
	})
	slices.SortFunc(out, func(a, b Module) int { return cmp.Compare(a.Dir, b.Dir) })
	return out
}

// Call is a module block.
type Call struct {
	From   string `json:"from"`         // directory of the module that calls
	Name   string `json:"name"`         // of the block
	Source string `json:"source"`       // as written
	To     string `json:"to,omitempty"` // directory of the module; empty for one from elsewhere or that is not there
	Local  bool   `json:"local"`        // the source is a directory, be it there or not
	File   string `json:"file"`
	Line   int    `json:"line"`
}

// Calls lists the module blocks of all modules, by the directory they stand in.
func (g *Graph) Calls() []Call {
	var out []Call
	g.each(func(dir string, m *module) {
		for _, c := range m.calls {
			if c.source == nil {
				continue
			}
			to := g.target(dir, &c)
			if to != "" && g.module(to, true, g.scan) == nil {
				to = ""
			}
			local := c.source.op == opText && rootmodule.IsLocal(c.source.text)
			out = append(out, Call{dir, c.name, c.written, to, local, path.Join(dir, c.file), c.line})
		}
	})
	slices.SortStableFunc(out, func(a, b Call) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.File, b.File), a.Line-b.Line)
	})
	return out
}

// Problems lists what is wrong with the modules that the root module in a
// directory calls, directly or through others: sources that are not there, or
// leave the repository.
func (g *Graph) Problems(dir string) []workspace.Problem {
	var out []workspace.Problem
	g.closure(dir, func(dir string, m *module) {
		for _, c := range m.calls {
			if c.source != nil && c.source.op == opText {
				if p := callProblem(g, dir, dir, &c, c.source.text); p != nil {
					out = append(out, *p)
				}
			}
		}
	})
	return out
}

// closure calls f with the module in a directory and all that it calls.
func (g *Graph) closure(dir string, f func(dir string, m *module)) {
	real, _, err := g.root.resolve(path.Clean(dir))
	if err != nil {
		return
	}
	seen := map[string]bool{real: true}
	for todo := []string{real}; len(todo) > 0; todo = todo[1:] {
		m := g.module(todo[0], true, g.scan)
		if m == nil {
			continue
		}
		f(todo[0], m)
		for _, c := range m.calls {
			if to := g.target(todo[0], &c); to != "" && !seen[to] {
				seen[to] = true
				todo = append(todo, to)
			}
		}
	}
}

// Backend is the backend of the root module in a directory; false when it has
// none.
func (g *Graph) Backend(dir string) (Backend, bool) {
	real, _, err := g.root.resolve(path.Clean(dir))
	if err != nil {
		return Backend{}, false
	}
	m := g.module(real, true, g.scan)
	if m == nil || len(m.backends) == 0 {
		return Backend{}, false
	}
	b := m.backends[len(m.backends)-1]
	b.File, b.Config = path.Join(real, b.File), maps.Clone(b.Config)
	return b, true
}

// RemoteStates lists the states that the root module in a directory reads, and
// the local modules that it calls.
func (g *Graph) RemoteStates(dir string) []RemoteState {
	var out []RemoteState
	g.closure(dir, func(dir string, m *module) {
		for _, s := range m.remotes {
			s.File, s.Config = path.Join(dir, s.File), maps.Clone(s.Config)
			out = append(out, s)
		}
	})
	return out
}
