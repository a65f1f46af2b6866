package reach

import (
	"path"
	"slices"
	"sort"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/tfops/tfops/internal/rootmodule"
	"github.com/tfops/tfops/internal/workspace"
)

// Kind is what a path is to a workspace.
type Kind string

const (
	OwnFiles  Kind = "own"       // the code in a directory: of the root module, or of a local module
	LockFile  Kind = "lock_file" // .terraform.lock.hcl of the root module
	Variables Kind = "variables" // a file of variables
	Versions  Kind = "version"   // a file that says which version of the engine is meant
	Read      Kind = "read"      // a file, or a directory with all that is in it, that the code names
	Pattern   Kind = "pattern"   // the files that match a pattern of fileset
	LinkKind  Kind = "link"      // a symbolic link on the way to one of the others
	Watched   Kind = "watch"     // the files that match a pattern of the workspace's watch
	Wide      Kind = "widened"   // a directory with all that is in it, since the code does not tell what of it is meant
	probe     Kind = ""          // what is not there, and leads to something else once it is
)

// Link is one step on the way from a path to a root module.
type Link struct {
	What string `json:"what"`           // what the step is: module "vpc", or file(…)
	File string `json:"file,omitempty"` // where it is written
	Line int    `json:"line,omitempty"`
}

// String is the step for a person: what, and in which file.
func (l Link) String() string {
	if l.File == "" {
		return l.What
	}
	return l.What + " in " + l.File
}

// Widened is an expression that does not tell which file it means.
type Widened struct {
	File       string `json:"file"`
	Line       int    `json:"line,omitempty"`
	Expression string `json:"expression"`     // the attribute that it stands in, or what is wrong with the file
	Part       string `json:"part,omitempty"` // what of it cannot be told, as the workspace's Reach takes it
	Why        string `json:"why"`
	To         string `json:"to"` // the directory that counts instead
}

// reach is all that a change of which can change the plan of one workspace.
// It is made of one tree, and shared by the graphs of all trees in which
// nothing of it differs. It never changes.
type reach struct {
	key      string // says all of the workspace that it is made of
	name     string
	dir      string // of the root module, as it is written
	tofu     bool
	mods     []reached // the root module first, then in the order in which they were found
	covers   []cover
	texts    []namedText
	widened  []Widened
	problems []workspace.Problem
	unused   []UnusedEntry
	watch    []string
	ignore   []string
	keys     []string // paths under which a change can touch it; sorted
}

// reached is a module of a reach.
type reached struct {
	dir  string // links resolved
	mod  *module
	via  int  // who calls it
	call Link // how
}

// cover is a path that counts, and why.
type cover struct {
	path    string // file or directory; of a pattern the directory that it starts from
	kind    Kind
	pattern string // relative to the repository's root; of a widened one anyFile, or empty where noInput is passed over
	mod     int    // whose text says so
	why     Link
}

// namedText is text that a module's expressions make and that names a file or a
// directory if there is one: from the module's directory or from that of the root
// module. It is relative, clean, and does not climb.
type namedText struct {
	text string
	mod  int
	why  Link
}

// text finds the text that names a path.
func (r *reach) text(p string) *namedText {
	for i := range r.texts {
		t := &r.texts[i]
		for _, from := range []string{r.mods[t.mod].dir, r.mods[0].dir} {
			rel, below := strings.CutPrefix(p, from+"/")
			if from == "." {
				rel, below = p, true
			}
			if below && (workspace.Within(t.text, rel) || workspace.Within(rel, t.text)) {
				return t
			}
		}
	}
	return nil
}

// chain is the way from a module up to the root module.
func (r *reach) chain(mod int, first ...Link) []Link {
	for mod > 0 {
		first = append(first, r.mods[mod].call)
		mod = r.mods[mod].via
	}
	return first
}

// touches is the way on which a path touches the workspace, nil when it does not, and whether the code
// only does not tell that it does not.
func (r *reach) touches(p string) (chain []Link, widened bool) {
	if Ignored(r.ignore, p) {
		return nil, false
	}
	return r.because(p)
}

// Ignored reports whether patterns take a path out of a reach. As in a
// .gitignore the last one that matches counts, and with "!" before it a pattern
// puts back; "\\!" stands for a name that begins so.
func Ignored(patterns []string, p string) bool {
	for _, g := range slices.Backward(patterns) {
		back, negated := strings.CutPrefix(g, "!")
		if matches(back, p) {
			return !negated
		}
	}
	return false
}

// ignoresBelow reports whether everything in a directory is taken out of the reach.
func (r *reach) ignoresBelow(dir string) bool {
	return Ignored(r.ignore, dir) && !slices.ContainsFunc(r.ignore, func(g string) bool {
		back, negated := strings.CutPrefix(g, "!")
		return negated && mayEnter(back, dir)
	})
}

// depends is the way of touches, whatever the workspace ignores.
func (r *reach) depends(p string) []Link {
	chain, _ := r.because(p)
	return chain
}

// because is touches, whatever the workspace ignores.
func (r *reach) because(p string) (chain []Link, widened bool) {
	dir, base := path.Split(p)
	dir = path.Clean(dir)
	for i, m := range r.mods {
		if m.dir == dir {
			if what := r.own(i, base); what != "" {
				return r.chain(i, r.ownLink(i, what)...), false
			}
		}
	}
	for _, g := range r.watch {
		if matches(g, p) {
			return []Link{{What: "watch " + g + " of " + r.name}}, false
		}
	}
	for _, c := range r.covers {
		if c.kind != Wide && c.has(p) {
			return r.chain(c.mod, c.why), false
		}
	}
	if t := r.text(p); t != nil {
		return r.chain(t.mod, t.why), false
	}
	for i, m := range r.mods {
		for _, from := range []string{m.dir, r.mods[0].dir} {
			if file, n := m.named(from, p); n != nil {
				return r.chain(i, Link{What: "named", File: path.Join(m.dir, file), Line: n.line}), false
			}
		}
	}
	for _, c := range r.covers {
		if c.kind == Wide && c.has(p) && !(c.path == "." && c.pattern != anyFile && noInput(p)) {
			return r.chain(c.mod, c.why), true
		}
	}
	return nil, false
}

// own is what a file in a module's directory is to it; "" when it is nothing.
func (r *reach) own(mod int, base string) string {
	switch {
	case rootmodule.IsCode(base, r.tofu):
		if r.tofu && r.shadowed(mod, base) {
			return ""
		}
		return "code"
	case mod > 0:
		return ""
	case base == lockFile:
		return "lock file"
	case rootmodule.IsAutoVars(base):
		return "variables"
	}
	return ""
}

// shadowed reports whether OpenTofu reads another file of the module instead.
func (r *reach) shadowed(mod int, base string) bool {
	m := r.mods[mod].mod
	return m != nil && slices.ContainsFunc(m.files,
		func(f moduleFile) bool { return f.name == rootmodule.Instead(base) })
}

func (r *reach) ownLink(mod int, what string) []Link {
	switch {
	case mod > 0:
		return nil // the call says it
	case what == "code":
		return []Link{{What: "root module " + r.mods[0].dir}}
	}
	return []Link{{What: what + " of " + r.mods[0].dir}}
}

func (c *cover) has(p string) bool {
	switch c.kind {
	case probe, LinkKind, LockFile, Variables, Versions:
		return p == c.path
	case Pattern:
		return matches(c.pattern, p)
	}
	return workspace.Within(c.path, p)
}

// named is the literal text of a module that names a path from a directory.
func (m *reached) named(from, p string) (file string, found *name) {
	if m.mod == nil || !workspace.Within(from, p) || from == p {
		return "", nil
	}
	rel := p
	if from != "." {
		rel = p[len(from)+1:]
	}
	for i := range m.mod.files {
		f := &m.mod.files[i]
		if n := f.facts.named(rel); n != nil {
			return f.name, n
		}
	}
	return "", nil
}

// named finds the name that is a relative path, or a directory above it, or
// something below it: what is a file today may be a link to a directory tomorrow.
func (f *facts) named(rel string) *name {
	at := func(s string) int {
		return sort.Search(len(f.names), func(i int) bool { return f.names[i].text >= s })
	}
	if i := at(rel); i < len(f.names) && f.names[i].text == rel {
		return &f.names[i]
	}
	for d := path.Dir(rel); d != "."; d = path.Dir(d) {
		if i := at(d); i < len(f.names) && f.names[i].text == d && f.names[i].dir {
			return &f.names[i]
		}
	}
	if i := at(rel + "/"); i < len(f.names) && strings.HasPrefix(f.names[i].text, rel+"/") {
		return &f.names[i]
	}
	return nil
}

// matches reports whether a path matches a pattern. One that is malformed
// matches nothing: the configuration was checked for it.
func matches(glob, p string) bool {
	ok, err := doublestar.Match(glob, p)
	return ok && err == nil
}

// noInput reports whether a path is plainly none of the engine's business, even
// for code that may read anything.
func noInput(p string) bool {
	base := path.Base(p)
	return strings.EqualFold(path.Ext(base), ".md") || strings.HasPrefix(base, "LICENSE") ||
		base == ".gitignore" || base == "CODEOWNERS" || base == "tfops.hcl" || workspace.Within(".github", p)
}

// anyFile is the pattern of what is widened by code that means files which noInput
// passes over elsewhere.
const anyFile = "**"

// meansNoInput reports whether a path of which only the end is known, perhaps a
// pattern, is that of a file which is plainly no input of other code.
func meansNoInput(p string) bool {
	end := p[strings.LastIndexAny(p, unknown+anchor)+1:]
	plain := strings.ReplaceAll(end, pattern, "")
	if strings.Contains(plain, ".github/") {
		return true
	}
	base := plain[strings.LastIndexByte(plain, '/')+1:]
	if plain == end {
		return base != "" && (noInput(base) || noInput("x"+base))
	}
	return slices.ContainsFunc([]string{"README.md", "LICENSE", ".gitignore", "CODEOWNERS", "tfops.hcl"},
		func(name string) bool {
			return matches(base, name) || matches("*"+base, name)
		})
}

// index makes the paths under which a change can touch the workspace.
func (r *reach) index() {
	var keys []string
	for _, m := range r.mods {
		keys = append(keys, m.dir)
	}
	for _, c := range r.covers {
		keys = append(keys, c.path)
	}
	for _, g := range r.watch {
		base, _ := doublestar.SplitPattern(g)
		keys = append(keys, path.Clean(base))
	}
	slices.Sort(keys)
	r.keys = slices.Clip(slices.Compact(keys))
}
