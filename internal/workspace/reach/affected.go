package reach

import (
	"path"
	"slices"
	"strings"
)

// Touched is a workspace whose plan a change can change.
type Touched struct {
	Workspace string `json:"workspace"`
	Path      string `json:"path,omitempty"`    // what changed; empty when that is not known
	Chain     []Link `json:"chain"`             // from the path to the root module, never empty
	Widened   bool   `json:"widened,omitempty"` // the code does not name the path: it only does not tell what it reads
}

// String is the way for a person, as in
//
//	modules/vpc/main.tf → module "vpc" in live/prod/network/main.tf
func (t Touched) String() string {
	var steps []string
	if t.Path != "" {
		steps = append(steps, t.Path)
	}
	for _, l := range t.Chain {
		steps = append(steps, l.String())
	}
	return strings.Join(steps, " → ")
}

// Affected tells which workspaces a change touches, in the order in which they
// were given: those with one of the paths in their Reach.
//
// The graph is that of the new tree. paths are what changed, old names and new;
// nil when that is not known, and then every workspace is touched. Of several
// paths that touch a workspace the first is named. One with a slash at its end is
// a directory of which anything may differ, as a submodule that cannot be read.
//
// A path touches a workspace if it is
//
//   - one of the root module's own files: code as the workspace's engine reads
//     it, override files, the lock file, files of variables; or a var file;
//   - a file that chooses the version of its engine, in its directory or above
//     it: .terraform-version or .opentofu-version, and .tool-versions;
//   - code of a local module that it calls, directly or through others;
//   - read by file, templatefile, fileset and the like, or named by text built
//     on path.module, path.root or path.cwd, in any of these modules, as far as
//     locals, variables, conditions and loops over what is written out, or in
//     a file of the repository that the code decodes, tell;
//   - named by literal text relative to the module or to the root module, as a
//     script that a provisioner runs; with a "/" in it, or in an attribute such
//     as working_dir, the text may name a directory, too;
//   - a symbolic link on the way to one of these;
//   - within a directory that one of these cannot be told to lie in more
//     closely: see Widened. A path of which nothing is known, a module source
//     that is computed, and code that does not parse or cannot be read mean the
//     whole repository but for what is plainly no input (*.md, LICENSE,
//     .gitignore, CODEOWNERS, .github/**, tfops.hcl), unless the code says that
//     it reads files of such a name;
//   - matched by the workspace's Watch.
//
// What the workspace's Ignore matches touches it in no way. Other files touch
// nothing, wherever they lie. What is inserted into a path is taken not to
// climb by itself. What cannot be seen is a file that only a script or a
// provider knows the name of: watch is for these.
//
// Of several paths that touch a workspace the first is told, but one that it is
// known to read before one that it may read.
func (g *Graph) Affected(paths []string) []Touched {
	first := make([]*Touched, len(g.reaches))
	if paths == nil || g.err != nil {
		why := "what changed is not known"
		if g.err != nil {
			why = "the repository cannot be read"
		}
		for i, r := range g.reaches {
			first[i] = &Touched{Workspace: r.name, Chain: []Link{{What: why}}}
		}
	}
	for _, p := range paths {
		if strings.HasSuffix(p, "/") {
			g.changedBelow(path.Clean(p), first)
			continue
		}
		p = path.Clean(p)
		g.candidates(p, func(i int32) {
			if first[i] != nil && !first[i].Widened {
				return
			}
			chain, widened := g.reaches[i].touches(p)
			if chain != nil && (first[i] == nil || !widened) {
				first[i] = &Touched{g.reaches[i].name, p, chain, widened}
			}
		})
	}
	out := []Touched{}
	for _, t := range first {
		if t != nil {
			out = append(out, *t)
		}
	}
	return out
}

// Touches returns what tells whether a change of a path touches a workspace of the graph, as
// Affected does. Where that is not known it does.
func (g *Graph) Touches(workspace string) func(path string) bool {
	i := slices.IndexFunc(g.reaches, func(r *reach) bool { return r.name == workspace })
	if i < 0 || g.err != nil {
		return func(string) bool { return true }
	}
	r := g.reaches[i]
	return func(p string) bool {
		if strings.HasSuffix(p, "/") {
			first := make([]*Touched, len(g.reaches))
			g.changedBelow(path.Clean(p), first)
			return first[i] != nil
		}
		p, found := path.Clean(p), false
		g.candidates(p, func(of int32) {
			if int(of) == i && !found {
				chain, _ := r.touches(p)
				found = chain != nil
			}
		})
		return found
	}
}

// changedBelow touches whoever reads anything in a directory.
func (g *Graph) changedBelow(dir string, first []*Touched) {
	for i, r := range g.reaches {
		if first[i] != nil && !first[i].Widened || r.ignoresBelow(dir) {
			continue
		}
		chain, sure := r.enters(dir)
		widened := !sure
		if chain == nil {
			chain, widened = r.because(dir)
		}
		if chain != nil && (first[i] == nil || !widened) {
			first[i] = &Touched{r.name, dir + "/", chain, widened}
		}
	}
}

// Reach is all that a change of which touches a workspace.
type Reach struct {
	Workspace string    `json:"workspace"`
	Items     []Item    `json:"items"`
	Widened   []Widened `json:"widened,omitempty"` // what does not tell which files it means
	Ignored   []string  `json:"ignored,omitempty"` // the workspace's globs that take away from all this
}

// Item is a part of a reach.
type Item struct {
	Path  string `json:"path"` // a file; a directory; of a pattern the pattern
	Kind  Kind   `json:"kind"`
	Chain []Link `json:"chain"` // why, up to the root module
}

// Reach tells what a workspace of the graph depends on; false when the graph
// has none of that name.
func (g *Graph) Reach(workspace string) (Reach, bool) {
	i := slices.IndexFunc(g.reaches, func(r *reach) bool { return r.name == workspace })
	if i < 0 {
		return Reach{}, false
	}
	r := g.reaches[i]
	out := Reach{Workspace: r.name, Widened: r.widened, Ignored: r.ignore}
	for m := range r.mods {
		out.Items = append(out.Items, g.ownItems(r, m)...)
	}
	for _, c := range r.covers {
		item := Item{c.path, c.kind, r.chain(c.mod, c.why)}
		switch c.kind {
		case probe:
			continue
		case Versions: // whether or not it is there, it counts; what is not there is not shown
			if g.root.leafAt(c.path) == nil {
				continue
			}
		case Pattern:
			item.Path = c.pattern
		}
		out.Items = append(out.Items, item)
	}
	for _, w := range r.watch {
		out.Items = append(out.Items, Item{w, Watched, []Link{{What: "watch " + w + " of " + r.name}}})
	}
	out.Items = append(out.Items, g.namedItems(r)...)
	return out, true
}

// ownItems are the files of a module that are there.
func (g *Graph) ownItems(r *reach, mod int) (out []Item) {
	m := r.mods[mod]
	n := g.root.at(m.dir)
	switch {
	case !inside(m.dir):
		return nil
	case n == nil:
		return []Item{{m.dir, OwnFiles, r.chain(mod, r.ownLink(mod, "code")...)}}
	}
	for _, f := range n.files {
		what := r.own(mod, f.name)
		kind := map[string]Kind{"code": OwnFiles, "lock file": LockFile, "variables": Variables}[what]
		if what != "" {
			out = append(out, Item{path.Join(m.dir, f.name), kind, r.chain(mod, r.ownLink(mod, what)...)})
		}
	}
	return out
}

// namedItems are the files that text names and that are there.
func (g *Graph) namedItems(r *reach) (out []Item) {
	seen := map[string]bool{}
	for _, t := range r.texts {
		for _, from := range []string{r.mods[t.mod].dir, r.mods[0].dir} {
			p := path.Join(from, t.text)
			if there := g.root.leafAt(p) != nil || g.root.at(p) != nil; there && !seen[p] {
				seen[p] = true
				out = append(out, Item{p, Read, r.chain(t.mod, t.why)})
			}
		}
	}
	for i, m := range r.mods {
		if m.mod == nil {
			continue
		}
		for _, f := range m.mod.files {
			for _, n := range f.names {
				for _, from := range []string{m.dir, r.mods[0].dir} {
					p := path.Join(from, n.text)
					there := g.root.leafAt(p) != nil || n.dir && g.root.at(p) != nil
					if inside(p) && there && !seen[p] {
						seen[p] = true
						out = append(out, Item{p, Read, r.chain(i, Link{"named", path.Join(m.dir, f.name), n.line})})
					}
				}
			}
		}
	}
	return out
}
