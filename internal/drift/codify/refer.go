package codify

import (
	"fmt"
	"regexp"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// use is where a name is read.
type use struct {
	steps []step // the name and what follows it, as far as it is plain
	where hcl.Range
}

// uses are the references in a body.
func uses(body *hclsyntax.Body) []use {
	var out []use
	_ = hclsyntax.VisitAll(body, func(n hclsyntax.Node) hcl.Diagnostics {
		if x, ok := n.(*hclsyntax.ScopeTraversalExpr); ok {
			out = append(out, use{plainSteps(x.Traversal), x.Range()})
		}
		return nil
	})
	return out
}

// plainSteps are the steps of a traversal up to the first that is not plain.
func plainSteps(t hcl.Traversal) []step {
	for n := len(t); n > 0; n-- {
		if s, err := steps(t[:n]); err == nil {
			return s
		}
	}
	return nil
}

// overlap reports whether one path leads to or through the other.
func overlap(a, b []step) bool {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// shared says where else a value is read, besides the reference at self: an
// edit of the value would change that, too. The references in except do not
// count.
func (m *module) shared(path []step, self hcl.Range, except *hclsyntax.Block) *Refusal {
	for _, f := range m.files {
		for _, u := range uses(f.body) {
			if u.where == self || !overlap(u.steps, path) || except != nil && inside(u.where, except.Range()) {
				continue
			}
			return refuse(fmt.Sprintf("%s is read elsewhere too, which would change with it", pathOf(path)),
				"give this resource a value of its own, then try again").in(u.where)
		}
	}
	return m.sharedJSON(path[:min(2, len(path))])
}

// sharedJSON looks for a name in the files that are not taken apart.
func (m *module) sharedJSON(path []step) *Refusal {
	name := regexp.MustCompile(`\b` + regexp.QuoteMeta(pathOf(path)) + `\b`)
	for file, text := range m.json {
		if name.Match(text) {
			return refuse(fmt.Sprintf("%s is read in JSON syntax too, which is not taken apart", pathOf(path)),
				handwork).in(hcl.Range{Filename: file, Start: hcl.InitialPos})
		}
	}
	return nil
}

func inside(r, outer hcl.Range) bool {
	return r.Filename == outer.Filename && r.Start.Byte >= outer.Start.Byte && r.End.Byte <= outer.End.Byte
}

// referred says where else a resource is named.
func (m *module) referred(name []step, self *hclsyntax.Block) *Refusal {
	for _, f := range m.files {
		for _, u := range uses(f.body) {
			if overlap(u.steps, name) && !inside(u.where, self.Range()) {
				return refuse(fmt.Sprintf("%s is referred to, and without it that would not be valid", pathOf(name)),
					"take the reference out first, then try again").in(u.where)
			}
		}
	}
	return m.sharedJSON(name)
}
