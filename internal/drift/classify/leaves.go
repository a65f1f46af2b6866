package classify

import (
	"maps"
	"slices"
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
	joined        bool // of what went and of what came
}

// leaves are the differences of a change, by path; order keeps their order.
type leaves struct {
	order  []string
	at     map[string]leaf
	moved  map[string]bool // lists of which elements stand at other indexes, by their paths without indexes
	came   map[string]int  // by the path of an element: 1 came, -1 went, 0 one for the other
	roots  map[string]bool // the attributes at the top level that have any
	before map[string]any  // the whole values, by attribute at the top level
	after  map[string]any
}

// differences takes a change apart; of nil there are none.
func differences(c *plan.Change) leaves {
	l := leaves{at: map[string]leaf{}, moved: map[string]bool{}, came: map[string]int{},
		roots: map[string]bool{}}
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
	l.order = slices.DeleteFunc(l.order, func(p string) bool {
		f := l.at[p]
		same := f.joined && !f.unknown && !f.sensitive && values.Equal(f.before, f.after)
		if same { // a part that a list which went and the one that came in its place share
			delete(l.at, p)
		}
		return same
	})
	for element, n := range l.came {
		if n != 0 {
			list, _ := cutIndex(element)
			l.moved[withoutIndexes(list, nil)] = true
		}
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
	if _, element := cutIndex(a.Path); element {
		l.passed(a)
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
		f.sensitive, f.joined = f.sensitive || old.sensitive, true
	}
	l.at[a.Path] = f
	l.roots[glob.Root(a.Path)] = true
}

// passed notes an element that went, or came.
func (l *leaves) passed(a diff.Attr) {
	switch a.Kind {
	case diff.Added:
		l.came[a.Path]++
	case diff.Removed:
		l.came[a.Path]--
	}
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

// loose are the paths of some leaves without the indexes of lists of which elements moved, in these
// leaves or in those that they are held against: the same element may be at another index in the two.
// Keys of maps, and the elements of all other lists, stay apart.
type loose struct {
	moved map[string]bool
	paths map[string]bool
}

// loosen makes the paths of l ready to be held against those of other.
func (l leaves) loosen(other leaves) loose {
	if len(l.moved)+len(other.moved) == 0 || len(l.order) == 0 {
		return loose{}
	}
	o := loose{moved: maps.Clone(l.moved), paths: map[string]bool{}}
	maps.Copy(o.moved, other.moved)
	for _, p := range l.order {
		o.paths[withoutIndexes(p, o.moved)] = true
	}
	return o
}

// has reports whether something differs at a path, at what it is a part of, or within it; it is false
// where the path leads through no list that moved.
func (o loose) has(path string) bool {
	if !o.leads(path) {
		return false
	}
	plain := withoutIndexes(path, o.moved)
	for p := range o.paths {
		if p == plain || beneath(p, plain) || beneath(plain, p) {
			return true
		}
	}
	return false
}

// leads reports whether a path leads through a list that moved.
func (o loose) leads(path string) bool {
	return len(o.moved) > 0 && withoutIndexes(path, o.moved) != path
}

// withoutIndexes is a path without the indexes of some lists, which are named by their paths without any
// index; of nil: of all. Keys of maps, which are quoted, stay.
func withoutIndexes(path string, of map[string]bool) string {
	if !strings.Contains(path, "[") {
		return path
	}
	var out, plain strings.Builder // plain is what was passed, without any index
	for i := 0; i < len(path); {
		end := stepEnd(path, i)
		step := path[i:end]
		if step[0] == '[' && step[1] != '"' {
			if of != nil && !of[plain.String()] {
				out.WriteString(step)
			}
		} else {
			out.WriteString(step)
			plain.WriteString(step)
		}
		i = end
	}
	return out.String()
}

// cutIndex cuts the index of an element off a path.
func cutIndex(path string) (list string, element bool) {
	list = parent(path)
	step := path[len(list):]
	return list, len(step) > 2 && step[0] == '[' && step[1] != '"'
}

// stepEnd is where the step of a path that begins at i ends.
func stepEnd(path string, i int) int {
	quoted := false
	for j := i; j < len(path); j++ {
		switch c := path[j]; {
		case quoted && c == '\\':
			j++
		case c == '"':
			quoted = !quoted
		case !quoted && j > i && (c == '.' || c == '['):
			return j
		}
	}
	return len(path)
}

// beneath reports whether p is a part of what is at path.
func beneath(path, p string) bool {
	rest, ok := strings.CutPrefix(p, path)
	return ok && rest != "" && (rest[0] == '.' || rest[0] == '[')
}

// parent is the path without its last step; empty at the top level.
func parent(path string) string {
	last := 0
	for i := 0; i < len(path); {
		last, i = i, stepEnd(path, i)
	}
	return path[:last]
}
