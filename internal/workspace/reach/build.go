package reach

import (
	"fmt"
	"path"
	"slices"
	"sort"
	"strings"

	"github.com/tfops/tfops/internal/rootmodule"
	"github.com/tfops/tfops/internal/workspace"
)

// builder makes the reach of one workspace.
type builder struct {
	*reach
	graph *Graph
	scan  *scan
	res   *resolver
	envs  envs           // of the modules of the reach, in their order
	index map[string]int // of a module, by its directory
	seen  map[string]bool
	known map[coverKey]bool
	given map[string]*expr // variables of the root module

	calling int // how many calls of modules were found

	entries []*entry  // what the workspace says of expressions
	written []string  // the paths that it may be said of
	at      *underway // what is being covered
	refused bool      // it stands in a file that no engine can parse, and may be half an expression
}

// underway is an expression that reads, while what it reads is covered.
type underway struct {
	mod     int
	ref     *ref
	entry   *entry // what the workspace says of it
	covered bool
	all     bool // also files that are plainly no input of other code
}

// reachOf works out what a workspace depends on in the graph's tree. What
// somebody has pushed may be what nobody thought of: where working it out fails,
// every change of the repository counts, and the daemon goes on.
func reachOf(g *Graph, s *scan, w workspace.Workspace, key string) (r *reach) {
	dir := path.Clean(w.Dir)
	defer func() {
		if failed := recover(); failed != nil {
			why := Link{What: "tfops fails to read the code", File: dir}
			r = &reach{key: key, name: w.Name, dir: dir, tofu: w.Engine == "tofu", mods: []reached{{dir: dir}},
				watch: w.Watch, ignore: w.Ignore,
				covers: []cover{{path: ".", kind: Wide, why: why}},
				widened: []Widened{{dir, 0, why.What, "",
					fmt.Sprintf("this is a fault of tfops, please report it: %v", failed), "."}}}
			r.index()
		}
	}()
	return buildReach(g, s, w, key)
}

// buildReach is reachOf of code that tfops can read.
func buildReach(g *Graph, s *scan, w workspace.Workspace, key string) *reach {
	dir := path.Clean(w.Dir)
	b := &builder{
		reach: &reach{key: key, name: w.Name, dir: dir, tofu: w.Engine == "tofu", watch: w.Watch, ignore: w.Ignore},
		graph: g, scan: s, res: &resolver{graph: g, scan: s, root: dir}, index: map[string]int{},
		seen: map[string]bool{}, known: map[coverKey]bool{},
		given:   map[string]*expr{},
		entries: entriesOf(w.Reach),
	}
	b.add(dir, caller{}, 0, Link{What: "directory of " + w.Name})
	if len(b.mods) == 0 { // a directory that leads out of the repository
		b.mods = append(b.mods, reached{dir: dir})
		b.envs = append(b.envs, newEnv(b.res, &module{}, dir))
	}
	b.variables(w)
	b.versions(w.Engine)
	for i := 0; i < len(b.mods); i++ {
		b.calls(i)
	}
	for range maxComputed {
		if !b.computed() {
			break
		}
	}
	for i := range b.mods {
		b.text(i)
	}
	b.findUnused()
	b.reach.index()
	return b.reach
}

// maxComputed is how many modules within one another may be called by a source
// that is made of variables.
const maxComputed = 8

// maxModules is how many modules one workspace may reach.
const maxModules = 5000

// add takes a module into the reach, by the path that the engine has for it.
func (b *builder) add(dir string, by caller, via int, why Link) {
	real, err := b.resolve(dir, via, why)
	if leadsNowhere(err) {
		b.absent(path.Clean(dir), via, why)
		return
	}
	if err != nil {
		b.widen(via, why, fmt.Sprintf("%s %v", dir, err), "the way to the module cannot be followed", ".")
		return
	}
	i, known := b.index[real]
	if !known {
		if len(b.mods) >= maxModules {
			b.widen(via, why, "too many modules", fmt.Sprintf("it calls more than %d modules", maxModules), ".")
			return
		}
		i = len(b.mods)
		b.index[real] = i
		mod := b.graph.module(real, b.tofu, b.scan)
		b.mods = append(b.mods, reached{dir: real, mod: mod, via: via, call: why})
		if mod == nil {
			mod = &module{}
			b.absent(real, via, why)
		}
		b.envs = append(b.envs, newEnv(b.res, mod, dir))
		b.linkedFiles(i)
	}
	if by.call != nil && i > 0 && !slices.Contains(b.envs[i].callers, by) {
		b.envs[i].callers = append(b.envs[i].callers, by)
		b.calling++
	}
}

// resolve follows the symbolic links of a path, and covers them.
func (b *builder) resolve(p string, mod int, why Link) (real string, err error) {
	real, links, err := b.graph.root.resolve(p)
	for _, l := range links {
		b.cover(cover{path: l, kind: LinkKind, mod: mod, why: why})
	}
	return real, err
}

// absent covers what is not there: anything above it may become a link.
func (b *builder) absent(p string, mod int, why Link) {
	for ; p != "." && b.cover(cover{path: p, kind: probe, mod: mod, why: why}); p = path.Dir(p) {
	} // what is above the first that is covered is covered, too
}

// linkedFiles covers what the symbolic links among a module's own files lead to.
func (b *builder) linkedFiles(mod int) {
	n := b.graph.root.at(b.mods[mod].dir)
	if n == nil {
		return
	}
	for _, f := range n.files {
		if what := b.own(mod, f.name); f.link && what != "" {
			p := path.Join(b.mods[mod].dir, f.name)
			b.path(p, Read, mod, Link{What: "link", File: p})
		}
	}
}

// coverKey is the same for covers of the same.
type coverKey struct {
	kind          Kind
	path, pattern string
}

// cover takes a path into the reach; false when it is there already.
func (b *builder) cover(c cover) bool {
	key := coverKey{c.kind, c.path, c.pattern}
	if b.known[key] {
		return false
	}
	b.known[key] = true
	b.covers = append(b.covers, c)
	return true
}

// widen covers a directory with all that is in it, since a path cannot be told.
// reason is empty for that of the expression that is being covered.
func (b *builder) widen(mod int, why Link, expression, reason, to string) {
	if b.refused {
		return
	}
	part := ""
	if at := b.at; at != nil && reason == "" {
		if at.entry != nil && (at.covered || b.coverByEntry(mod, why)) {
			return
		}
		part, reason = b.cause(at)
	}
	if expression != "" { // of a file that cannot be parsed there may be none; the file is named
		b.widened = append(b.widened, Widened{why.File, why.Line, expression, part, reason, to})
	}
	wide := cover{path: to, kind: Wide, mod: mod, why: why}
	if b.at != nil && b.at.all {
		wide.pattern = anyFile
	}
	b.cover(wide)
	if n := b.graph.root.at(to); to != "." {
		b.follow(to, n, mod)
	}
}

// path covers a path that is known, and what it leads to.
func (b *builder) path(p string, kind Kind, mod int, why Link) {
	asked := coverKey{kind, p, "asked"}
	if b.known[asked] {
		return
	}
	b.known[asked] = true
	for _, form := range b.forms(p) {
		real, err := b.resolve(form, mod, why)
		if err != nil {
			continue // what is not in the repository no commit changes
		}
		b.cover(cover{path: real, kind: kind, mod: mod, why: why})
		n := b.graph.root.at(real)
		if n == nil && b.graph.root.leafAt(real) == nil {
			b.absent(path.Dir(real), mod, why)
		}
		b.follow(real, n, mod)
	}
}

// forms are the two ways to understand ".." in a path: as text, as the engine
// does where it joins paths, and along symbolic links, as the system does.
func (b *builder) forms(p string) []string {
	clean := path.Clean(p)
	if clean == p || !b.graph.root.links {
		return []string{clean}
	}
	return []string{clean, p}
}

// follow covers the targets of the symbolic links in a directory and below it.
func (b *builder) follow(dir string, n *node, mod int) {
	if n == nil || !n.links {
		return
	}
	for _, f := range n.files {
		p := path.Join(dir, f.name)
		if f.link && !b.seen["followed "+p] {
			b.seen["followed "+p] = true
			b.path(p, Read, mod, Link{What: "link", File: p})
		}
	}
	for _, c := range n.dirs {
		b.follow(path.Join(dir, c.name), c.node, mod)
	}
}

// calls follows the module blocks of a module whose sources are plain text.
func (b *builder) calls(mod int) {
	m, v := b.mods[mod], b.envs[mod]
	for i := range v.mod.calls {
		c := &v.mod.calls[i]
		if c.source != nil && c.source.op == opText {
			b.call(m, v, c, c.source.text)
		}
	}
}

func (b *builder) call(m reached, v *env, c *fileCall, source string) {
	why := callLink(m.dir, c)
	if problem := callProblem(b.graph, v.dir, m.dir, c, source); problem != nil {
		b.problems = append(b.problems, *problem)
	}
	if !rootmodule.IsLocal(source) || installed(b.graph, v.dir, source) {
		return
	}
	mod := b.index[m.dir]
	if p, ok := rootmodule.LocalDir(v.dir, source); ok {
		b.add(p, caller{v, &c.callFacts}, mod, why)
	}
	if m.dir != v.dir {
		// The engine joins paths as text, and the system along links.
		if p, ok := rootmodule.LocalDir(m.dir, source); ok && b.graph.root.at(p) != nil {
			b.add(p, caller{v, &c.callFacts}, mod, why)
		}
	}
}

func callLink(dir string, c *fileCall) Link {
	return Link{What: fmt.Sprintf("module %q", c.name), File: path.Join(dir, c.file), Line: c.line}
}

// callProblem is what is wrong with the source of a module; nil when nothing
// can be said.
func callProblem(g *Graph, written, dir string, c *fileCall, source string) *workspace.Problem {
	where := fmt.Sprintf("%s:%d", path.Join(dir, c.file), c.line)
	source = strings.ReplaceAll(source, `\`, "/")
	switch p, ok := join(written, source); {
	case path.IsAbs(source):
		return &workspace.Problem{Where: where,
			Message: fmt.Sprintf("module %q has the absolute source %s", c.name, c.written),
			Next:    "name the directory relative to this one, beginning with ./ or ../"}
	case !rootmodule.IsLocal(source):
		return nil
	case installed(g, written, source):
		return nil
	case !ok:
		return &workspace.Problem{Where: where,
			Message: fmt.Sprintf("module %q has the source %s, which leaves the repository", c.name, c.written),
			Next:    "move the module into the repository, or name it by a Git or registry address"}
	default:
		real, _, err := g.root.resolve(p)
		if err != nil {
			return &workspace.Problem{Where: where,
				Message: fmt.Sprintf("module %q has the source %s, but %s %v", c.name, c.written, p, err),
				Next:    "correct the source, or the link in the repository"}
		}
		if n := g.root.at(real); n == nil || !slices.ContainsFunc(n.files,
			func(f leaf) bool { return rootmodule.IsCode(f.name, true) }) {
			if sub := g.submodule(p); sub != "" {
				return &workspace.Problem{Where: where,
					Message: fmt.Sprintf("module %q has the source %s, in the Git submodule %s, "+
						"whose files are not here", c.name, c.written, sub),
					Next: "set submodules = true in the repository block; where that is set, " +
						"tfops status says what keeps them away", Submodule: sub}
			}
			return &workspace.Problem{Where: where,
				Message: fmt.Sprintf("module %q has the source %s, but %s has no .tf file", c.name, c.written, p),
				Next:    "correct the source, or commit the module"}
		}
	}
	return nil
}

// installed reports whether a source lies in what the engine installs for
// another call, which comes from elsewhere: ./.terraform/modules/NAME/sub.
func installed(g *Graph, dir, source string) bool {
	p, ok := join(dir, source)
	root, rest, found := strings.Cut("/"+p, "/.terraform/modules/")
	if !ok || !found || g.root.at(p) != nil {
		return false
	}
	name, _, _ := strings.Cut(rest, "/")
	name, _, _ = strings.Cut(name, ".") // of a call in a module that is called
	m := g.module(path.Join(".", strings.TrimPrefix(root, "/")), true, g.scan)
	return m != nil && slices.ContainsFunc(m.calls, func(c fileCall) bool {
		return c.name == name && c.source != nil && c.source.op == opText && !rootmodule.IsLocal(c.source.text)
	})
}

// computed follows the sources that are made of variables, as OpenTofu allows;
// false when that found no further call.
func (b *builder) computed() bool {
	before, calling := len(b.mods), b.calling
	for mod := 0; mod < len(b.mods); mod++ {
		m, v := b.mods[mod], b.envs[mod]
		for i := range v.mod.calls {
			c := &v.mod.calls[i]
			if c.source == nil || c.source.op == opText {
				continue
			}
			why := callLink(m.dir, c)
			for _, s := range v.texts(c.source) {
				s = strings.Replace(s, anchor+v.dir, ".", 1)
				if strings.ContainsAny(s, unknown+anchor+pattern) {
					if key := fmt.Sprint("computed ", mod, " ", i); !b.seen[key] {
						b.seen[key] = true
						b.unknownSource(mod, v, c, why)
					}
					continue
				}
				b.call(m, v, c, s)
			}
		}
	}
	for i := before; i < len(b.mods); i++ {
		b.calls(i)
	}
	for _, v := range b.envs { // who calls whom has changed
		v.known.forget()
	}
	return b.calling > calling
}

// unknownSource is a source of which the code does not tell what it is.
func (b *builder) unknownSource(mod int, v *env, c *fileCall, why Link) {
	if t := b.entryFor(c.written); t != nil && b.modulesOfEntry(mod, t, caller{v, &c.callFacts}, why) {
		return
	}
	reason := "the source is computed, of what is known only when the engine runs"
	b.widened = append(b.widened, Widened{why.File, why.Line, c.written, c.written, reason, "."})
	b.cover(cover{path: ".", kind: Wide, mod: mod, why: why})
}

// text covers all that the text of a module names.
func (b *builder) text(mod int) {
	m, v := b.mods[mod], b.envs[mod]
	for _, f := range v.mod.files {
		file := path.Join(m.dir, f.name)
		if f.unread != "" && !f.refused {
			b.widen(mod, Link{What: f.unread, File: file, Line: f.line}, f.unread,
				"what a file says that cannot be read may be anything", ".")
		}
		b.refused = f.refused
		for i := range f.refs {
			b.ref(mod, file, &f.refs[i])
		}
		b.refused = false
		b.names(mod, file, f.facts)
	}
}

// names covers the literal text that climbs, and what links lead to. The rest
// is looked up when something changes.
func (b *builder) names(mod int, file string, f *facts) {
	froms := []string{b.mods[mod].dir}
	if b.mods[0].dir != froms[0] {
		froms = append(froms, b.mods[0].dir)
	}
	first := sort.Search(len(f.names), func(i int) bool { return f.names[i].text >= ".." })
	for _, n := range f.names[first:] {
		if n.text != ".." && !strings.HasPrefix(n.text, "../") {
			break
		}
		for _, from := range froms {
			if p, ok := join(from, n.text); ok {
				b.path(p, Read, mod, Link{What: "named", File: file, Line: n.line})
			}
		}
	}
	for _, from := range froms {
		if n := b.graph.root.at(from); n != nil && n.links {
			b.linkedNames(mod, file, f, from)
		}
	}
}

func (b *builder) linkedNames(mod int, file string, f *facts, from string) {
	for _, n := range f.names {
		p := path.Join(from, n.text)
		if real, links, err := b.graph.root.resolve(p); len(links) > 0 && inside(p) && (err != nil || real != p) {
			b.path(p, Read, mod, Link{What: "named", File: file, Line: n.line})
		}
	}
}
