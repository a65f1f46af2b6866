package classify

import (
	"strings"

	"github.com/tfops/tfops/internal/drift/glob"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/plan/diff"
	"github.com/tfops/tfops/internal/plan/values"
)

// leaf is one attribute at which two values differ.
type leaf struct {
	path          string
	before, after any
	unknown       bool // after is known only after an apply
	sensitive     bool
}

// leaves are the differences of a change, by path; order keeps their order.
type leaves struct {
	order  []string
	at     map[string]leaf
	plain  map[string]bool // their paths without indexes
	roots  map[string]bool // the attributes at the top level that have any
	before map[string]any  // the whole values, by attribute at the top level
	after  map[string]any
}

// differences takes a change apart; of nil there are none.
func differences(c *plan.Change) leaves {
	l := leaves{at: map[string]leaf{}, plain: map[string]bool{}, roots: map[string]bool{}}
	if c == nil {
		return l
	}
	l.before, _ = c.Before.(map[string]any)
	l.after, _ = c.After.(map[string]any)
	if c.Action == plan.NoOp && len(c.SensitiveChanged) == 0 {
		return l
	}
	for _, a := range diff.Of(narrowed(c, l)) {
		l.add(a)
	}
	return l
}

// narrowed is a change without the attributes at the top level that are the
// same on both sides: most are, and taking them apart costs the most.
func narrowed(c *plan.Change, l leaves) plan.Change {
	if l.before == nil || l.after == nil || c.Action == plan.Forget {
		return *c
	}
	hidden := map[string]bool{}
	for _, p := range c.SensitiveChanged {
		hidden[glob.Root(p)] = true
	}
	mask, _ := c.Unknown.(map[string]any)
	before, after := map[string]any{}, map[string]any{}
	differ := func(k string) {
		b, hasB := l.before[k]
		a, hasA := l.after[k]
		if mask[k] == nil && !hidden[k] && hasA == hasB && values.Equal(b, a) {
			return
		}
		if hasB {
			before[k] = b
		}
		if hasA {
			after[k] = a
		}
	}
	for k := range l.before {
		differ(k)
	}
	for k := range l.after {
		if _, both := l.before[k]; !both {
			differ(k)
		}
	}
	n := *c
	n.Before, n.After = before, after
	return n
}

func (l *leaves) add(a diff.Attr) {
	if a.Kind == diff.Unchanged && !a.Unknown {
		return
	}
	inner := 0
	if !a.Unknown && !a.Sensitive && (a.Shape == diff.Object || a.Shape == diff.Map || a.Shape == diff.List ||
		a.Shape == diff.Block) {
		for _, c := range a.Children {
			if c.Kind != diff.Unchanged || c.Unknown {
				inner++
				l.add(c)
			}
		}
	}
	if inner > 0 {
		return
	}
	if _, twice := l.at[a.Path]; !twice {
		l.order = append(l.order, a.Path)
	}
	f := leaf{path: a.Path, before: a.Before, after: a.After, unknown: a.Unknown, sensitive: a.Sensitive}
	if old, twice := l.at[a.Path]; twice { // an element went and another came at one index
		if f.before == nil {
			f.before = old.before
		}
		if f.after == nil {
			f.after = old.after
		}
		f.sensitive = f.sensitive || old.sensitive
	}
	l.at[a.Path] = f
	l.plain[plan.WithoutKeys(a.Path)] = true
	l.roots[glob.Root(a.Path)] = true
}

// has finds what differs at a path: there, at what it is a part of, or
// somewhere within it.
func (l leaves) has(path string) (leaf, bool) {
	if f, ok := l.at[path]; ok {
		return f, true
	}
	for p := parent(path); p != ""; p = parent(p) {
		if f, ok := l.at[p]; ok {
			return f, true
		}
	}
	if l.roots[glob.Root(path)] {
		for _, p := range l.order {
			if beneath(path, p) {
				return l.at[p], true
			}
		}
	}
	return leaf{}, false
}

// loosely is has by paths without their indexes.
func (l leaves) loosely(path string) bool {
	if !strings.Contains(path, "[") || !l.roots[glob.Root(path)] {
		return false
	}
	plain := plan.WithoutKeys(path)
	for p := range l.plain {
		if p == plain || beneath(p, plain) || beneath(plain, p) {
			return true
		}
	}
	return false
}

// beneath reports whether p is a part of what is at path.
func beneath(path, p string) bool {
	rest, ok := strings.CutPrefix(p, path)
	return ok && rest != "" && (rest[0] == '.' || rest[0] == '[')
}

// parent is the path without its last step; empty at the top level.
func parent(path string) string {
	last, quoted := 0, false
	for i := 0; i < len(path); i++ {
		switch c := path[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == '.' || c == '['):
			last = i
		}
	}
	return path[:last]
}
