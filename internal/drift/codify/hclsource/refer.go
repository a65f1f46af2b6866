package hclsource

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// use is where a name is read.
type use struct {
	Steps []Step // the name and what follows it, as far as it is plain
	Where hcl.Range
}

// Uses are the references in a body.
func Uses(body *hclsyntax.Body) []use {
	var out []use
	_ = hclsyntax.VisitAll(body, func(n hclsyntax.Node) hcl.Diagnostics {
		if x, ok := n.(*hclsyntax.ScopeTraversalExpr); ok {
			out = append(out, use{PlainSteps(x.Traversal), x.Range()})
		}
		return nil
	})
	return out
}

// PlainSteps are the steps of a traversal up to the first that is not plain.
func PlainSteps(t hcl.Traversal) []Step {
	for n := len(t); n > 0; n-- {
		if s, err := Steps(t[:n]); err == nil {
			return s
		}
	}
	return nil
}

// Overlap reports whether one path leads to or through the other.
func Overlap(a, b []Step) bool {
	n := min(len(a), len(b))
	return slices.Equal(a[:n], b[:n])
}

// Shared says where else a value is read, besides the reference at self: an
// edit of the value would change that, too. The references in except do not
// count.
func (m *module) Shared(path []Step, self hcl.Range, except *hclsyntax.Block) *Refusal {
	for _, f := range m.files {
		for _, u := range Uses(f) {
			if u.Where == self || !Overlap(u.Steps, path) || except != nil && inside(u.Where, except.Range()) {
				continue
			}
			return Refuse(fmt.Sprintf("%s is read elsewhere too, which would change with it", PathOf(path)),
				"give this resource a value of its own, then try again").In(u.Where)
		}
	}
	return m.sharedJSON(path[:min(2, len(path))])
}

// sharedJSON looks for a name in the files that are not taken apart.
func (m *module) sharedJSON(path []Step) *Refusal {
	name := regexp.MustCompile(`\b` + regexp.QuoteMeta(PathOf(path)) + `\b`)
	for file, text := range m.json {
		if name.Match(text) {
			return Refuse(fmt.Sprintf("%s is read in JSON syntax too, which is not taken apart", PathOf(path)),
				Handwork).In(hcl.Range{Filename: file, Start: hcl.InitialPos})
		}
	}
	return nil
}

func inside(r, outer hcl.Range) bool {
	return r.Filename == outer.Filename && r.Start.Byte >= outer.Start.Byte && r.End.Byte <= outer.End.Byte
}

// Referred says where else a resource is named.
func (m *module) Referred(name []Step, self *hclsyntax.Block) *Refusal {
	for _, f := range m.files {
		for _, u := range Uses(f) {
			if Overlap(u.Steps, name) && !inside(u.Where, self.Range()) {
				return Refuse(fmt.Sprintf("%s is referred to, and without it that would not be valid", PathOf(name)),
					"take the reference out first, then try again").In(u.Where)
			}
		}
	}
	return m.sharedJSON(name)
}
