package reach

import (
	"path"
	"slices"
	"strings"
)

// A text that an expression can be is written with these within it. None of
// them can be in a path that Git knows.
const (
	unknown = "\x00" // any text, but none that climbs
	anchor  = "\x01" // before a directory of the repository, which the text begins with
	pattern = "\x02" // before a character that has the meaning of a pattern's
)

// Bounds of what is worked out. What goes beyond is unknown.
const (
	maxTexts  = 400       // that one expression can be
	maxJoined = 4096      // that parts make together, before what is the same is taken out
	maxLength = 4096      // of a text, in bytes
	maxSteps  = 1_000_000 // for one workspace
	maxNested = 200       // expressions within one another
)

// env is a module at the place where it is called.
type env struct {
	r       *resolver
	mod     *module
	dir     string // as the engine names it, relative to the repository's root
	callers []caller
	values  map[string]*expr // of variables of the root module; nil in the others
	unsure  bool             // a file of variables cannot be read, and may give any that are not in sure
	sure    map[string]bool
	busy    map[*expr]int
	known   known
}

// newEnv is a module that nobody calls yet.
func newEnv(r *resolver, mod *module, dir string) *env {
	return &env{r: r, mod: mod, dir: dir, busy: map[*expr]int{},
		known: known{map[knownKey][]string{}, map[knownKey][]bound{}}}
}

// caller is a call of a module, from another.
type caller struct {
	env  *env
	call *callFacts
}

// bound is an expression in the module where it stands.
type bound struct {
	*expr
	env *env
}

// resolver works out texts for one workspace.
type resolver struct {
	graph *Graph // nil: files are not read
	scan  *scan
	root  string // directory of the root module
	steps int
	depth int
	cut   int // how often something was left out that is not left out elsewhere
}

// enter reports whether there is room for one more step; leave follows.
func (r *resolver) enter() bool {
	r.steps++
	r.depth++
	if r.steps < maxSteps && r.depth < maxNested {
		return true
	}
	r.cut++
	return false
}

func (r *resolver) leave() { r.depth-- }

// texts are all that an expression can be. Nobody changes the list.
func (v *env) texts(e *expr) []string {
	return remembered(v.r, v.known.texts, e, []string{unknown}, v.textsOf)
}

func (v *env) textsOf(e *expr) []string {
	switch e.op {
	case opText, opNumber:
		return []string{e.text}
	case opNull:
		return nil
	case opModule:
		return []string{anchor + v.dir}
	case opRoot:
		return []string{anchor + v.r.root}
	case opConcat:
		return v.joined("", e.args)
	case opTuple, opObject, opEither:
		var out []string
		for _, a := range e.args {
			out = append(out, v.texts(a)...)
		}
		return v.few(out)
	case opCall:
		if f := pathFunctions[e.text]; f != nil {
			return v.few(f(v, e.args))
		}
	}
	var out []string
	shapes := v.shapes(e)
	if slices.ContainsFunc(shapes, func(b bound) bool { return b.expr == e }) {
		return []string{unknown}
	}
	for _, b := range shapes {
		out = append(out, b.env.texts(b.expr)...)
	}
	return v.few(out)
}

// few is each text once. Of too many only the directory that they have in
// common is known.
func (v *env) few(list []string) []string {
	if len(list) > 1 {
		list = slices.Clone(list)
		slices.Sort(list)
		list = slices.Compact(list)
	}
	v.r.steps += len(list)
	if slices.ContainsFunc(list, func(s string) bool { return len(s) > maxLength }) {
		return []string{unknown}
	}
	if len(list) > maxTexts {
		return []string{common(list) + unknown}
	}
	return list
}

// common is the directory that sorted texts begin with, as far as it is known.
func common(list []string) string {
	first, end := list[0], list[len(list)-1]
	n := 0
	for n < len(first) && n < len(end) && first[n] == end[n] {
		n++
	}
	n = strings.LastIndexByte(first[:n], '/') + 1
	if strings.Contains(first[:n], unknown) ||
		slices.ContainsFunc(list, func(s string) bool { return strings.Contains(s[n:], "..") }) {
		return ""
	}
	return first[:n]
}

// joined are all texts that parts can make together.
func (v *env) joined(sep string, parts []*expr) []string {
	out := []string{""}
	for i, p := range parts {
		var next []string
		for _, more := range v.texts(p) {
			for _, s := range out {
				if i > 0 {
					s += sep
				}
				if v.r.steps += 1 + (len(s)+len(more))/100; v.r.steps > maxSteps || len(next) > maxJoined {
					return []string{unknown}
				}
				next = append(next, v.r.append(s, more))
			}
		}
		if out = v.few(next); len(out) == 1 && out[0] == unknown && i > 0 {
			return out
		}
	}
	return out
}

// append is a text with more after it.
func (r *resolver) append(s, more string) string {
	if dir, anchored := strings.CutPrefix(more, anchor); anchored && s != "" {
		more = r.relative(dir) // a directory in the middle of a text is inserted as the engine names it
	}
	if s == anchor+r.root && more != "" && more[0] != '/' {
		return s + "/." + more // the engine names its own directory "."
	}
	return s + more
}

// relative is a directory as the engine names it.
func (r *resolver) relative(dir string) string {
	if strings.ContainsAny(dir, unknown+anchor+pattern) {
		return unknown
	}
	from, to := strings.Split(path.Clean(r.root), "/"), strings.Split(path.Clean(dir), "/")
	if r.root == "." {
		from = nil
	}
	for len(from) > 0 && len(to) > 0 && from[0] == to[0] {
		from, to = from[1:], to[1:]
	}
	return path.Join(strings.Repeat("../", len(from)), path.Join(to...), ".")
}
