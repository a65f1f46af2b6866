package reach

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/tfops/tfops/internal/rootmodule"
	"github.com/tfops/tfops/internal/workspace"
)

// entry is what the reach of a workspace says that an expression reads, for where the
// code does not tell.
type entry struct {
	expression string
	tokens     []string
	patterns   []string
	used       bool // some path of the code has the expression
	empty      bool // its patterns match nothing
}

// UnusedEntry is an entry of a workspace's Reach that says nothing: no path that the
// code reads has the expression.
type UnusedEntry struct {
	Expression string
	Near       string // an expression that was probably meant; empty when none is near
}

// UnusedEntries lists the entries of a workspace's Reach that match no expression, sorted.
func (g *Graph) UnusedEntries(workspace string) []UnusedEntry {
	for _, r := range g.reaches {
		if r.name == workspace {
			return r.unused
		}
	}
	return nil
}

// Problem is what to do about an entry that matches no expression. where names
// who says so.
func (u UnusedEntry) Problem(where string) workspace.Problem {
	p := workspace.Problem{Where: where,
		Next: "correct or remove the entry; tfops affected -o json lists the expressions that cannot be told"}
	p.Message = fmt.Sprintf("reach says what %q reads, and no path in the code has this expression", u.Expression)
	if u.Near != "" {
		p.Next = fmt.Sprintf("correct or remove the entry: did you mean %q?", u.Near)
	}
	return p
}

// entriesOf takes over the Reach of a workspace.
func entriesOf(reach map[string][]string) (out []*entry) {
	for _, e := range slices.Sorted(maps.Keys(reach)) {
		out = append(out, &entry{expression: e, tokens: rootmodule.Words(e), patterns: reach[e]})
	}
	return out
}

// holdsTokens reports whether an expression is a part of another: not of a longer
// reference, and not what a name ends with.
func holdsTokens(whole, part []string) bool {
	for i := 0; len(part) > 0 && i+len(part) <= len(whole); i++ {
		end := i + len(part)
		if slices.Equal(whole[i:end], part) && (i == 0 || whole[i-1] != ".") &&
			(end == len(whole) || whole[end] != "." && whole[end] != "[" && whole[end] != "(") {
			return true
		}
	}
	return false
}

// entryFor finds what the workspace says of a path that is written like this.
func (b *builder) entryFor(written string) *entry {
	if len(b.entries) == 0 || written == "" {
		return nil
	}
	words := rootmodule.Words(written)
	b.written = append(b.written, written)
	for _, t := range b.entries {
		if holdsTokens(words, t.tokens) {
			t.used = true
			return t
		}
	}
	return nil
}

// cover covers what a workspace says that an expression reads; false where it
// matches no file, which is more likely a mistake.
func (t *entry) cover(b *builder, mod int, f *ref, why Link) bool {
	why.What += fmt.Sprintf(", which reads %s as reach says", strings.Join(t.patterns, ", "))
	found := len(t.patterns) == 0 // it reads nothing of the repository
	for _, p := range t.patterns {
		for _, full := range b.patternsFrom(mod, p) {
			if n := b.graph.root.at(full); n != nil {
				b.path(full, Read, mod, why)
				full += "/**"
			}
			b.glob(mod, marked(full), why)
			base, _ := doublestar.SplitPattern(full)
			b.graph.matching(path.Clean(base), full, func(p string) {
				if found = true; f.fn == "templatefile" {
					b.template(mod, p, why)
				}
			})
		}
	}
	t.empty = t.empty || !found
	return found
}

// patternsFrom is a pattern from each directory that it may be meant from: what
// it matches from any counts, since one that is left out would be missed.
func (b *builder) patternsFrom(mod int, pattern string) (out []string) {
	froms := []string{b.mods[mod].dir, b.mods[0].dir}
	if !strings.HasPrefix(pattern, "./") && !strings.HasPrefix(pattern, "../") {
		froms = append(froms, ".")
	}
	for _, from := range froms {
		if full, ok := join(from, pattern); ok && !slices.Contains(out, full) {
			out = append(out, full)
		}
	}
	return out
}

// marked is a pattern as glob takes it.
func marked(glob string) string {
	var b strings.Builder
	for i := range len(glob) {
		if strings.IndexByte(`*?[]{}\`, glob[i]) >= 0 {
			b.WriteString(pattern)
		}
		b.WriteByte(glob[i])
	}
	return b.String()
}

// matching calls f with each file below a directory that a pattern matches.
func (g *Graph) matching(base, glob string, f func(p string)) {
	var walk func(dir string, n *node)
	walk = func(dir string, n *node) {
		for _, l := range n.files {
			if p := path.Join(dir, l.name); matches(glob, p) {
				f(p)
			}
		}
		for _, c := range n.dirs {
			walk(path.Join(dir, c.name), c.node)
		}
	}
	if n := g.root.at(base); n != nil {
		walk(base, n)
	}
}

// modulesOfEntry follows a module whose source the workspace says: every directory
// with code that its patterns match, or match a file of.
func (b *builder) modulesOfEntry(mod int, t *entry, by caller, why Link) bool {
	found := len(t.patterns) == 0
	for _, p := range t.patterns {
		for _, full := range b.patternsFrom(mod, p) {
			b.glob(mod, marked(full), why)
			b.glob(mod, marked(full)+"/"+pattern+"*", why) // of a directory that the pattern matches
			b.graph.each(func(dir string, m *module) {
				file := func(f moduleFile) bool { return matches(full, path.Join(dir, f.name)) }
				if matches(full, dir) || slices.ContainsFunc(m.files, file) {
					found = true
					b.add(dir, by, mod, why)
				}
			})
		}
	}
	t.empty = t.empty || !found
	return found
}

// findUnused lists what the workspace says of no expression at all.
func (b *builder) findUnused() {
	for _, t := range b.entries {
		if !t.used {
			var known []string
			for _, w := range b.written {
				known = append(known, writtenRefs(w)...)
			}
			slices.Sort(known)
			near := workspace.Nearest(t.expression, slices.Compact(known))
			b.unused = append(b.unused, UnusedEntry{t.expression, near})
		}
	}
}

// writtenRefs are a path as it is written, and the references in it.
func writtenRefs(written string) []string {
	out, ref := []string{written}, ""
	for _, t := range append(rootmodule.Words(written), "") {
		if t == "." || hclsyntax.ValidIdentifier(t) && (ref == "" || strings.HasSuffix(ref, ".")) {
			ref += t
			continue
		}
		if strings.Contains(ref, ".") {
			out = append(out, ref)
		}
		ref = ""
	}
	return out
}

// coverByEntry covers what the workspace says of the expression that is being covered;
// false where that comes to nothing.
func (b *builder) coverByEntry(mod int, why Link) bool {
	at := b.at
	b.at = nil
	defer func() { b.at = at }()
	at.covered = at.entry.cover(b, mod, at.ref, why)
	return at.covered
}

// cause is the part of an expression that does not tell its path, and why.
func (b *builder) cause(at *underway) (part, why string) {
	v, e := b.envs[at.mod], at.ref.arg
	if p := at.ref.pattern; p != nil && !v.vague(e) {
		e = p
	}
	for e.op == opConcat || e.op == opCall && (pathFunctions[e.text] != nil || e.text == "if") {
		i := slices.IndexFunc(e.args, v.vague)
		if i < 0 || len(at.ref.source(e.args[i])) == 0 {
			break
		}
		e = e.args[i]
	}
	if part = at.ref.source(e); part == "" {
		part = at.ref.path
	}
	if at.entry != nil && at.entry.empty {
		return part, "reach says that it reads " + strings.Join(at.entry.patterns, ", ") +
			", and no file of the repository matches"
	}
	name := part
	if name == "" {
		name = at.ref.text
	}
	switch {
	case b.res.steps >= maxSteps:
		return part, "working out all that the workspace reads takes too long"
	case e.op == opAttr:
		return part, name + " is known only when the engine runs"
	case e.op == opVar && v.unsure:
		return part, "a file of variables that cannot be read may give " + name + " any value"
	case e.op == opVar:
		return part, "nothing in the repository or in tfops.hcl says what " + name + " is"
	case e.op == opCall && e.text != "" && e.text != "for" && e.text != "if":
		return part, "what " + e.text + "(…) gives is not worked out"
	}
	return part, "the code does not say what " + name + " can be"
}

// vague reports whether an expression may be something that is not known.
func (v *env) vague(e *expr) bool {
	return slices.ContainsFunc(v.texts(e), func(s string) bool { return strings.Contains(s, unknown) })
}

// source is a part of the path as it is written; empty where that is not known.
func (f *ref) source(e *expr) string {
	first := int(e.from) - int(f.from)
	if last := first + int(e.size); e.size > 0 && first >= 0 && last <= len(f.path) {
		return f.path[first:last]
	}
	return ""
}
