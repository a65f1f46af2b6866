// Package changes tells what the source is to have for a difference that a check found, and whether a plan
// with that shows the difference no more.
package changes

import (
	"cmp"
	"slices"

	"github.com/tfops/tfops/internal/drift/codify/hclsource"
	"github.com/tfops/tfops/internal/plan/diff"
)

// Change is one value that is to match the world.
type Change struct {
	Path string // as in a finding: "tags.Name", "ingress[0].from_port"
	// Was is the value that was applied, as JSON; nil for none. It finds the
	// elements of lists and the nested blocks, whose order in the source need
	// not be that of the state.
	Was       any
	Want      any  // the value in the world, as JSON; nil when there is none
	Null      bool // Want is a null that is there: an object may not go without it
	Sensitive bool

	Place             // where it was applied; empty: where Path says
	Shaped bool       // what is a nested block, and what an argument, is known
	List   []any      // what was applied of a list that an element came into, or went from
	Block  *diff.Attr // the nested block that came
}

// Place is where a value was applied.
type Place struct {
	Steps []hclsource.Step
	Near  []any // what was applied at each index of Steps; nil: the index is the source's own
}

// AtKey is the place of a key within.
func (p Place) AtKey(name string) Place {
	return Place{slices.Concat(p.Steps, []hclsource.Step{{Key: name}}), p.Near}
}

// AtIndex is the place of an element within, and of what was applied there.
func (p Place) AtIndex(i int, was any) Place {
	if len(p.Near) == Indexes(p.Steps) {
		p.Near = slices.Concat(p.Near, []any{was})
	}
	return Place{slices.Concat(p.Steps, []hclsource.Step{{Index: i, IsIndex: true}}), p.Near}
}

// Indexes counts the indexes in a path.
func Indexes(steps []hclsource.Step) (n int) {
	for _, s := range steps {
		if s.IsIndex {
			n++
		}
	}
	return n
}

// Ordered are changes with the steps of their paths, in an order in which an index means what it says:
// values are set before elements are removed, later ones first, and added last; what is within an element
// goes before what removes others or adds them. Paths that cannot be read are apart.
func Ordered(changes []Change) (out []Change, unread []hclsource.Refusal) {
	for _, c := range changes {
		var err error
		if len(c.Steps) == 0 {
			c.Steps, err = hclsource.ParsePath(c.Path)
		}
		if err != nil {
			unread = append(unread, hclsource.Refusal{Path: c.Path, Why: err.Error()})
			continue
		}
		out = append(out, c)
	}
	slices.SortStableFunc(out, func(a, b Change) int {
		x, y := a.Does(), b.Does()
		switch {
		case x == Sets || y == Sets:
			return cmp.Compare(x, y)
		case len(a.Steps) != len(b.Steps):
			return cmp.Compare(len(b.Steps), len(a.Steps))
		case x != y:
			return cmp.Compare(x, y)
		case x == Removes:
			return hclsource.CompareSteps(b.Steps, a.Steps)
		}
		return hclsource.CompareSteps(a.Steps, b.Steps)
	})
	return out, unread
}

// What a change does, in the order of Ordered.
const (
	Sets = iota
	Removes
	Adds // an element
)

// Does tells what a change does.
func (c Change) Does() int {
	switch {
	case c.Want == nil && !c.Null:
		return Removes
	case c.Was == nil && c.Steps[len(c.Steps)-1].IsIndex:
		return Adds
	}
	return Sets
}
