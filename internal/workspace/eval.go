package workspace

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
	maxTexts  = 64        // that one expression can be
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
	locals  map[string][]string
	busy    map[*expr]int
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
	root  string // directory of the root module
	steps int
	depth int
}

// enter reports whether there is room for one more step; leave follows.
func (r *resolver) enter() bool {
	r.steps++
	r.depth++
	return r.steps < maxSteps && r.depth < maxNested
}

func (r *resolver) leave() { r.depth-- }

// texts are all that an expression can be.
func (v *env) texts(e *expr) []string {
	if !v.r.enter() {
		v.r.leave()
		return []string{unknown}
	}
	defer v.r.leave()
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
		return few(out)
	case opCall:
		if f := pathFunctions[e.text]; f != nil {
			return few(f(v, e.args))
		}
		return []string{unknown}
	case opLocal:
		if known, ok := v.locals[e.text]; ok {
			return known
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
	out = few(out)
	if e.op == opLocal && v.busy[v.mod.locals[e.text]] == 0 {
		v.locals[e.text] = out
	}
	return out
}

// few is each text once, or that it is not known when there are too many.
func few(list []string) []string {
	if len(list) > 1 {
		list = slices.Clone(list)
		slices.Sort(list)
		list = slices.Compact(list)
	}
	if len(list) > maxTexts || slices.ContainsFunc(list, func(s string) bool { return len(s) > maxLength }) {
		return []string{unknown}
	}
	return list
}

// joined are all texts that parts can make together.
func (v *env) joined(sep string, parts []*expr) []string {
	out := []string{""}
	for i, p := range parts {
		var next []string
		for _, more := range v.texts(p) {
			if i > 0 && strings.HasPrefix(more, anchor) && !(i == 1 && slices.Equal(out, []string{""}) && sep == "") {
				more = unknown // a path in the middle of a text
			}
			for _, s := range out {
				if i > 0 {
					s += sep
				}
				if v.r.steps += 1 + (len(s)+len(more))/100; v.r.steps > maxSteps || len(next) > maxTexts*maxTexts {
					return []string{unknown}
				}
				next = append(next, s+more)
			}
		}
		if out = few(next); len(out) == 1 && out[0] == unknown {
			if i == 0 {
				continue
			}
			return out
		}
	}
	return out
}

// shapes are the expressions that e stands for, with what stands between
// taken away: locals, variables, elements, conditions.
func (v *env) shapes(e *expr) []bound {
	if !v.r.enter() {
		v.r.leave()
		return []bound{{hole, v}}
	}
	defer v.r.leave()
	switch e.op {
	case opLocal:
		return v.guarded(v.mod.locals[e.text])
	case opVar:
		return v.variable(e.text)
	case opAttr:
		return v.guarded(v.mod.attrs[e.text])
	case opEither:
		return v.each(e.args)
	case opCall:
		switch e.text {
		case "for":
			return v.shapes(e.args[0])
		case "if":
			return v.each(e.args[1:])
		case "lookup", "element":
			return v.shapes(&expr{op: opElems, args: e.args[:1]})
		}
		if transparent[e.text] {
			return v.each(e.args)
		}
	case opGet, opElems, opKeys:
		var out []bound
		for _, b := range v.shapes(e.args[0]) {
			out = append(out, b.element(e)...)
			if len(out) > maxTexts {
				return []bound{{hole, v}}
			}
		}
		return out
	}
	return []bound{{e, v}}
}

// transparent functions give one of their arguments, or what is in them.
var transparent = map[string]bool{
	"try": true, "coalesce": true, "coalescelist": true, "toset": true, "tolist": true, "tomap": true, "concat": true, "flatten": true,
	"distinct": true, "sort": true, "compact": true, "reverse": true, "setunion": true, "merge": true, "values": true, "one": true,
	"nonsensitive": true, "sensitive": true, "ephemeralasnull": true,
}

func (v *env) each(list []*expr) (out []bound) {
	for _, e := range list {
		if out = append(out, v.shapes(e)...); len(out) > maxTexts {
			return []bound{{hole, v}}
		}
	}
	return out
}

// guarded are the shapes of what a name stands for, which may be the name.
func (v *env) guarded(e *expr) []bound {
	if e == nil || v.busy[e] > 0 {
		return []bound{{hole, v}}
	}
	v.busy[e]++
	defer func() { v.busy[e]-- }()
	return v.shapes(e)
}

// variable is what is passed for one, by whoever calls the module, and its
// default where nothing is.
func (v *env) variable(name string) (out []bound) {
	fallback, declared := v.mod.vars[name]
	if !declared {
		return []bound{{hole, v}}
	}
	given := v.values[name]
	open := len(v.callers) == 0 && (given == nil || given.op == opNull)
	if given != nil && given.op != opNull {
		out = append(out, v.guarded(given)...)
	}
	for _, c := range v.callers {
		if a := c.call.arg(name); a == nil || a.op == opNull {
			open = true
		} else {
			out = append(out, c.env.guarded(a)...)
		}
	}
	switch {
	case open && fallback != nil:
		out = append(out, v.guarded(fallback)...)
	case len(out) == 0:
		out = []bound{{hole, v}}
	}
	return out
}

// element are the shapes of what op of e takes out of a collection.
func (b bound) element(e *expr) []bound {
	switch {
	case b.op == opTuple && (e.op == opElems || e.text == "each" && e.op == opKeys), b.op == opObject && e.op == opElems:
		return b.env.flat(b.args)
	case b.op == opTuple && e.op == opGet: // local.list["0"]
		return b.env.each(b.args)
	case b.op == opTuple:
		return []bound{{hole, b.env}}
	case b.op == opObject && e.op == opGet:
		var out, computed []*expr
		for i, k := range b.keys {
			switch k {
			case e.text:
				out = append(out, b.args[i])
			case "":
				computed = append(computed, b.args[i])
			}
		}
		return b.env.each(append(out, computed...))
	case b.op == opObject:
		var out []bound
		for _, k := range b.keys {
			if k == "" {
				return []bound{{hole, b.env}}
			}
			out = append(out, bound{text(k), b.env})
		}
		return out
	case b.op == opCall && b.text == "fileset" && (e.op == opElems || e.text == "each"):
		return []bound{b}
	case e.op == opElems && (b.op == opText || b.op == opConcat): // of what was flattened
		return []bound{b}
	}
	return []bound{{hole, b.env}}
}

// flat are the shapes of elements, and of theirs where they are lists: flatten
// and concat take brackets away.
func (v *env) flat(list []*expr) (out []bound) {
	for _, b := range v.each(list) {
		out = append(out, b)
		if b.op == opTuple {
			out = append(out, b.env.each(b.args)...)
		}
	}
	return out
}

// pathFunctions make paths of paths.
var pathFunctions map[string]func(v *env, args []*expr) []string

func init() { // the functions lead back to the table
	same := func(v *env, args []*expr) []string { return v.either(args[:min(1, len(args))]) }
	pathFunctions = map[string]func(v *env, args []*expr) []string{
		"abspath": same, "tostring": same, "trimspace": same, "chomp": same, "sensitive": same, "nonsensitive": same, "pathexpand": same,
		"dirname":    func(v *env, args []*expr) []string { return v.mapped(args, parent) },
		"basename":   func(v *env, args []*expr) []string { return v.mapped(args, last) },
		"format":     formatted,
		"join":       joinedList,
		"fileset":    matched,
		"trimsuffix": func(v *env, args []*expr) []string { return trimmed(v, args, strings.TrimSuffix) },
		"trimprefix": func(v *env, args []*expr) []string { return trimmed(v, args, strings.TrimPrefix) },
	}
	all := func(v *env, args []*expr) []string { return v.either(args) }
	for name := range transparent {
		if pathFunctions[name] == nil {
			pathFunctions[name] = all
		}
	}
	pathFunctions["for"] = same
	pathFunctions["if"] = func(v *env, args []*expr) []string { return v.either(args[1:]) }
	pathFunctions["lookup"] = func(v *env, args []*expr) []string {
		return slices.Concat(same(v, []*expr{{op: opElems, args: args[:min(1, len(args))]}}), v.either(args[min(2, len(args)):]))
	}
	pathFunctions["element"] = func(v *env, args []*expr) []string {
		return same(v, []*expr{{op: opElems, args: args[:min(1, len(args))]}})
	}
}

func (v *env) either(args []*expr) []string {
	if len(args) == 0 || args[0] == nil {
		return []string{unknown}
	}
	return v.texts(&expr{op: opEither, args: args})
}

func (v *env) mapped(args []*expr, f func(string) string) []string {
	if len(args) != 1 {
		return []string{unknown}
	}
	var out []string
	for _, s := range v.texts(args[0]) {
		out = append(out, f(s))
	}
	return out
}

// parent is dirname of a text.
func parent(s string) string {
	rest, anchored := strings.CutPrefix(s, anchor)
	if i := strings.Index(rest, unknown); i >= 0 {
		// It may have slashes, so that what comes after it says nothing.
		return s[:len(s)-len(rest)+strings.LastIndex(rest[:i], "/")+1] + unknown
	}
	if anchored {
		if clean := path.Clean(rest); clean == "." || strings.HasPrefix(clean, "..") {
			return anchor + path.Join(clean, "..")
		}
		return anchor + path.Dir(rest)
	}
	return path.Dir(rest)
}

func last(s string) string {
	if strings.ContainsAny(s, unknown+anchor+pattern) {
		return unknown
	}
	return path.Base(s)
}

func trimmed(v *env, args []*expr, f func(s, cut string) string) []string {
	if len(args) != 2 || args[1].op != opText {
		return []string{unknown}
	}
	return v.mapped(args[:1], func(s string) string {
		if strings.Contains(s, unknown) {
			return unknown
		}
		return f(s, args[1].text)
	})
}

// joinedList is join of a list whose elements are there to see.
func joinedList(v *env, args []*expr) []string {
	if len(args) < 2 || args[0].op != opText {
		return []string{unknown}
	}
	var parts []*expr
	for _, a := range args[1:] {
		shapes := v.shapes(a)
		if len(shapes) != 1 || shapes[0].op != opTuple || shapes[0].env != v {
			return []string{unknown}
		}
		parts = append(parts, shapes[0].args...)
	}
	return v.joined(args[0].text, parts)
}

// formatted is format with plain verbs.
func formatted(v *env, args []*expr) []string {
	if len(args) == 0 || args[0].op != opText {
		return []string{unknown}
	}
	var parts []*expr
	rest, next := args[0].text, 1
	for {
		before, after, found := strings.Cut(rest, "%")
		parts = append(parts, text(before))
		if !found {
			break
		}
		switch {
		case strings.HasPrefix(after, "%"):
			parts = append(parts, text("%"))
		case after != "" && strings.Contains("sdvq", after[:1]) && next < len(args):
			parts = append(parts, args[next])
			next++
		default:
			return v.joined("", append(parts, hole))
		}
		rest = after[1:]
	}
	parts = slices.DeleteFunc(parts, func(e *expr) bool { return e.op == opText && e.text == "" })
	return v.joined("", parts)
}

// matched are the names that fileset gives: relative to its directory.
func matched(v *env, args []*expr) []string {
	if len(args) != 2 {
		return []string{unknown}
	}
	var out []string
	for _, p := range v.texts(args[1]) {
		var b strings.Builder
		for i := range len(p) {
			if strings.IndexByte(`*?[]{}\`, p[i]) >= 0 {
				b.WriteString(pattern)
			}
			b.WriteByte(p[i])
		}
		out = append(out, b.String())
	}
	return out
}
