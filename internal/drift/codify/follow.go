package codify

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/tfops/tfops/internal/drift/codify/changes"
	"github.com/tfops/tfops/internal/drift/codify/hclsource"
)

// site is the place in the source that holds a value, or that would.
type site struct {
	sc   *hclsource.Scope // nil in a file of values: that is the root's own
	expr hclsyntax.Expression
	rest []hclsource.Step // what leads on from expr: one step to an element that is not there, or nothing
	aim

	// What holds expr, so that it can be taken out; without either it is a
	// value that has to be something, and null is written instead.
	arg   *hclsyntax.Attribute // an argument of a resource or of a nested block
	in    hclsyntax.Expression // an object or a tuple
	index int                  // within in

	keyed bool // the key of the instance chose the element: other instances have others
}

// aim is what a site is looked for for.
type aim struct {
	path  []hclsource.Step // of the wish, which rest is the end of
	near  []any            // what was applied at the last indexes of path
	whole bool             // it is taken out: what holds the end of the path is meant, not what is written there
}

// maxFollow is how many references a value may come through: more is a circle.
const maxFollow = 50

// follow goes from an expression along the steps to where the value is written.
func (e *editor) follow(st site, depth int) (site, *hclsource.Refusal) {
	if depth > maxFollow {
		return st, hclsource.Refuse("the value refers to itself", hclsource.Handwork).In(st.expr.Range())
	}
	switch x := st.expr.(type) {
	case *hclsyntax.ParenthesesExpr:
		st.expr = x.Expression
		return e.follow(st, depth+1)
	case *hclsyntax.TemplateWrapExpr:
		st.expr = x.Wrapped
		return e.follow(st, depth+1)
	case *hclsyntax.ObjectConsExpr:
		return e.intoObject(st, x, depth)
	case *hclsyntax.TupleConsExpr:
		return e.intoTuple(st, x, depth)
	case *hclsyntax.ScopeTraversalExpr:
		return e.reference(st, x, depth)
	case *hclsyntax.RelativeTraversalExpr:
		more, err := hclsource.Steps(x.Traversal)
		if err != nil {
			return st, hclsource.Opaque(x)
		}
		st.expr, st.rest = x.Source, slices.Concat(more, st.rest)
		return e.follow(st, depth+1)
	case *hclsyntax.IndexExpr:
		key, ok := st.keyOf(x.Key)
		if !ok {
			return st, hclsource.Opaque(x)
		}
		_, fixed := hclsource.Constant(x.Key)
		st.keyed = st.keyed || !fixed
		st.expr, st.rest = x.Collection, slices.Concat([]hclsource.Step{key}, st.rest)
		return e.follow(st, depth+1)
	}
	if !e.Plain(st.expr) {
		return st, e.Opaque(st.expr)
	}
	if len(st.rest) > 0 {
		return st, hclsource.Refuse(fmt.Sprintf("the source has a plain value here, with no %s in it",
			hclsource.PathOf(st.rest)), hclsource.Handwork).In(st.expr.Range())
	}
	return st, nil
}

// keyOf is the key of an index: plain, or that of the instance.
func (st site) keyOf(x hclsyntax.Expression) (hclsource.Step, bool) {
	if v, ok := hclsource.Constant(x); ok {
		return hclsource.StepOf(v)
	}
	t, ok := x.(*hclsyntax.ScopeTraversalExpr)
	if !ok || st.sc == nil || st.sc.Key == nil {
		return hclsource.Step{}, false
	}
	switch hclsource.PathOf(hclsource.PlainSteps(t.Traversal)) {
	case "each.key", "count.index":
		return *st.sc.Key, true
	}
	return hclsource.Step{}, false
}

func (e *editor) intoObject(st site, x *hclsyntax.ObjectConsExpr, depth int) (site, *hclsource.Refusal) {
	if len(st.rest) == 0 {
		return st, nil
	}
	found, unclear := -1, false
	for i, item := range x.Items {
		k, ok := hclsource.KeyText(item.KeyExpr)
		unclear = unclear || !ok
		if ok && !st.rest[0].IsIndex && k == st.rest[0].Key {
			found = i
		}
	}
	switch {
	case unclear:
		return st, hclsource.Refuse("a key of this object is computed, so it is not known what it holds",
			hclsource.Handwork).In(x.Range())
	case found < 0 && st.rest[0].IsIndex:
		return st, hclsource.Refuse("the source has an object here, not a list", hclsource.Handwork).In(x.Range())
	case found < 0:
		return st, nil
	}
	st.expr, st.rest, st.in, st.index, st.arg = x.Items[found].ValueExpr, st.rest[1:], x, found, nil
	if st.whole && len(st.rest) == 0 {
		return st, nil
	}
	return e.follow(st, depth+1)
}

func (e *editor) intoTuple(st site, x *hclsyntax.TupleConsExpr, depth int) (site, *hclsource.Refusal) {
	switch {
	case len(st.rest) == 0:
		return st, nil
	case !st.rest[0].IsIndex:
		return st, hclsource.Refuse("the source has a list here, not an object", hclsource.Handwork).In(x.Range())
	case len(st.rest) == 1 || len(x.Exprs) == 0 || st.rest[0].Index >= len(x.Exprs):
		return st, nil // the element is chosen by its value
	}
	i := st.rest[0].Index
	if n := len(st.near) - changes.Indexes(st.rest); n >= 0 && len(st.near) > 0 && st.near[n] != nil {
		place := hclsource.PathOf(st.path[:len(st.path)-len(st.rest)+1])
		known, ok := e.indexes[place]
		if !ok {
			var r *hclsource.Refusal
			if known, r = elementOf(x, i, st.near[n]); r != nil {
				return st, r
			}
			e.indexes[place] = known
		}
		i = min(known, len(x.Exprs)-1)
	}
	st.expr, st.rest, st.in, st.index, st.arg = x.Exprs[i], st.rest[1:], x, i, nil
	return e.follow(st, depth+1)
}

// reference goes on at what a name stands for.
func (e *editor) reference(st site, x *hclsyntax.ScopeTraversalExpr, depth int) (site, *hclsource.Refusal) {
	path := hclsource.PlainSteps(x.Traversal)
	if len(path) < len(x.Traversal) || st.sc == nil || len(path) < 2 {
		return st, hclsource.Opaque(x)
	}
	if named := path[0].Key == "var" || path[0].Key == "local"; named && !st.keyed && st.sc.Block != nil &&
		!st.sc.Single() {
		return st, hclsource.ManyInstances(st.sc.Block)
	}
	whole := slices.Concat(path, st.rest)
	switch path[0].Key {
	case "var":
		return e.variable(st, whole, x.Range(), depth)
	case "local":
		if r := st.sc.Mod.Shared(whole, x.Range(), nil); r != nil {
			return st, r
		}
		a := st.sc.Mod.Local(path[1].Key)
		if a == nil {
			return st, hclsource.Refuse(fmt.Sprintf("%s is not written in this module", hclsource.PathOf(path[:2])),
				hclsource.Handwork).In(x.Range())
		}
		return e.follow(site{sc: st.sc.Outside(), expr: a.Expr, rest: whole[2:], aim: st.aim},
			depth+1)
	case "each":
		return e.each(st, whole, x.Range(), depth)
	}
	return st, hclsource.Opaque(x)
}

// each goes on at the element of for_each that belongs to the instance.
func (e *editor) each(st site, whole []hclsource.Step, self hcl.Range, depth int) (site, *hclsource.Refusal) {
	s := st.sc
	if s.Block == nil || s.Key == nil || s.Key.IsIndex || s.Argument("for_each") == nil {
		return st, hclsource.Refuse("it is not known which instance this is",
			"name the instance's key in the address").In(self)
	}
	over := s.Argument("for_each").Expr
	if _, isCall := over.(*hclsyntax.FunctionCallExpr); isCall || whole[1].Key != "value" {
		return st, hclsource.Refuse("the value is the key of the instance: another value would be another instance",
			"rename the key by hand, with a moved block").In(self)
	}
	for _, b := range append([]*hclsyntax.Block{s.Block}, s.Rest...) {
		for _, u := range hclsource.Uses(b.Body) {
			if u.Where != self && hclsource.Overlap(u.Steps, whole) {
				return st, hclsource.Refuse(fmt.Sprintf("%s is read elsewhere too, which would change with it",
					hclsource.PathOf(whole)),
					"give the attributes values of their own, then try again").In(u.Where)
			}
		}
	}
	out, r := e.follow(site{sc: s.Outside(), expr: over, rest: slices.Concat([]hclsource.Step{*s.Key}, whole[2:]),
		aim: st.aim}, depth+1)
	if r == nil && out.in == over && len(whole) == 2 {
		out.in = nil // the instance has to stay
	}
	return out, r
}
