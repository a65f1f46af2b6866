package changes

import (
	"slices"
	"strings"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/plan/diff"
	"github.com/tfops/tfops/internal/plan/values"
)

// Wanted are the changes of the source for some attributes of a resource. An attribute alone does not tell
// whether rule[0].port is new in a rule, or a rule is new; so they are taken from what differs outside as
// a whole. An element or a nested block that came or went is one change, and indexes are those of what
// was applied, which the source was written for.
func Wanted(outside plan.Change, about []drift.Attribute) []Change {
	c := collector{about: about}
	root := diff.Attr{Before: outside.Before, After: outside.After, Children: diff.Of(outside)}
	c.parts(Place{}, root)
	return c.found
}

type collector struct {
	about []drift.Attribute
	found []Change
}

// parts looks at what a value is made of. Blocks of one name follow each other.
func (c *collector) parts(at Place, of diff.Attr) {
	for i := 0; i < len(of.Children); {
		a := of.Children[i]
		if of.Shape == diff.List || a.Shape == diff.Block && a.Path != values.PathKey(of.Path, a.Name) {
			list, end := at, i+1
			if of.Shape != diff.List {
				list = at.AtKey(a.Name)
			}
			for end < len(of.Children) && of.Children[end].Name == a.Name {
				end++
			}
			c.elements(list, of.Children[i:end])
			i = end
			continue
		}
		world, _ := of.After.(map[string]any)
		_, there := world[a.Name]
		c.value(at.AtKey(a.Name), a, there)
		i++
	}
}

// elements pairs those of a list that went with those that came in their place; the others came or went
// by themselves. Which of them moved is told by all of them together, so they are meant together.
func (c *collector) elements(list Place, all []diff.Attr) {
	var applied []any
	meant := false
	for _, a := range all {
		if a.Kind != diff.Added {
			applied = append(applied, a.Before)
		}
		meant = meant || (a.Kind == diff.Added || a.Kind == diff.Removed) && c.meant(a.Path)
	}
	type element struct {
		a  diff.Attr
		at Place
	}
	var went, came []element
	settle := func() {
		if !meant {
			went, came = nil, nil
		}
		both := min(len(went), len(came))
		for i := range both {
			a := came[i].a
			a.Before = went[i].a.Before
			c.add(went[i].at, a, true)
		}
		for n, e := range slices.Concat(went[both:], came[both:]) {
			c.add(e.at, e.a, n >= len(went)-both)
			c.found[len(c.found)-1].List = applied
		}
		went, came = nil, nil
	}
	i, j := 0, 0 // of what was applied, of the world
	for _, a := range all {
		switch a.Kind {
		case diff.Added:
			came = append(came, element{a, list.AtIndex(j, nil)})
			j++
		case diff.Removed:
			went = append(went, element{a, list.AtIndex(i, a.Before)})
			i++
		default:
			settle()
			c.value(list.AtIndex(i, a.Before), a, true)
			i, j = i+1, j+1
		}
	}
	settle()
}

// value goes into a value that is on both sides.
func (c *collector) value(at Place, a diff.Attr, there bool) {
	switch a.Shape {
	case diff.Object, diff.Map, diff.List, diff.Block:
		if a.Kind == diff.Changed && !a.Sensitive {
			c.parts(at, a)
			return
		}
	}
	if a.Kind != diff.Unchanged && c.meant(a.Path) {
		c.add(at, a, there)
	}
}

// meant reports whether anything at a path is.
func (c *collector) meant(path string) bool {
	within := func(outer, inner string) bool {
		rest, ok := strings.CutPrefix(inner, outer)
		return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
	}
	return slices.ContainsFunc(c.about, func(m drift.Attribute) bool {
		return m.Path == "" || within(path, m.Path) || within(m.Path, path)
	})
}

// add asks for a value as a whole. there: the world has it, if only as null.
func (c *collector) add(at Place, a diff.Attr, there bool) {
	w := Change{Path: a.Path, Was: a.Before, Want: a.After, Null: a.After == nil && there, Sensitive: a.Sensitive,
		Place: at, Shaped: true}
	if a.Shape == diff.Block && a.Before == nil {
		w.Block = &a
	}
	c.found = append(c.found, w)
}
