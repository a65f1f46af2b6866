package codify

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// site is the place in the source that holds a value, or that would.
type site struct {
	sc   *scope // nil in a file of values: that is the root's own
	expr hclsyntax.Expression
	rest []step // what leads on from expr: one step to an element that is not there, or nothing

	// What holds expr, so that it can be taken out; without either it is a
	// value that has to be something, and null is written instead.
	arg   *hclsyntax.Attribute // an argument of a resource or of a nested block
	in    hclsyntax.Expression // an object or a tuple
	index int                  // within in

	keyed bool // the key of the instance chose the element: other instances have others
}

// maxFollow is how many references a value may come through: more is a circle.
const maxFollow = 50

// follow goes from an expression along the steps to where the value is written.
func (e *editor) follow(st site, depth int) (site, *Refusal) {
	if depth > maxFollow {
		return st, refuse("the value refers to itself", handwork).in(st.expr.Range())
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
		more, err := steps(x.Traversal)
		if err != nil {
			return st, opaque(x)
		}
		st.expr, st.rest = x.Source, slices.Concat(more, st.rest)
		return e.follow(st, depth+1)
	case *hclsyntax.IndexExpr:
		key, ok := st.keyOf(x.Key)
		if !ok {
			return st, opaque(x)
		}
		_, fixed := constant(x.Key)
		st.keyed = st.keyed || !fixed
		st.expr, st.rest = x.Collection, slices.Concat([]step{key}, st.rest)
		return e.follow(st, depth+1)
	}
	if !e.plain(st.expr) {
		return st, e.opaque(st.expr)
	}
	if len(st.rest) > 0 {
		return st, refuse(fmt.Sprintf("the source has a plain value here, with no %s in it", pathOf(st.rest)), handwork).in(st.expr.Range())
	}
	return st, nil
}

// keyOf is the key of an index: plain, or that of the instance.
func (st site) keyOf(x hclsyntax.Expression) (step, bool) {
	if v, ok := constant(x); ok {
		return stepOf(v)
	}
	t, ok := x.(*hclsyntax.ScopeTraversalExpr)
	if !ok || st.sc == nil || st.sc.key == nil {
		return step{}, false
	}
	switch pathOf(plainSteps(t.Traversal)) {
	case "each.key", "count.index":
		return *st.sc.key, true
	}
	return step{}, false
}

func (e *editor) intoObject(st site, x *hclsyntax.ObjectConsExpr, depth int) (site, *Refusal) {
	if len(st.rest) == 0 {
		return st, nil
	}
	found, unclear := -1, false
	for i, item := range x.Items {
		k, ok := keyText(item.KeyExpr)
		unclear = unclear || !ok
		if ok && !st.rest[0].isIndex && k == st.rest[0].key {
			found = i
		}
	}
	switch {
	case unclear:
		return st, refuse("a key of this object is computed, so it is not known what it holds", handwork).in(x.Range())
	case found < 0 && st.rest[0].isIndex:
		return st, refuse("the source has an object here, not a list", handwork).in(x.Range())
	case found < 0:
		return st, nil
	}
	return e.follow(site{sc: st.sc, expr: x.Items[found].ValueExpr, rest: st.rest[1:], in: x, index: found, keyed: st.keyed}, depth+1)
}

func (e *editor) intoTuple(st site, x *hclsyntax.TupleConsExpr, depth int) (site, *Refusal) {
	switch {
	case len(st.rest) == 0:
		return st, nil
	case !st.rest[0].isIndex:
		return st, refuse("the source has a list here, not an object", handwork).in(x.Range())
	case len(st.rest) == 1 || st.rest[0].index >= len(x.Exprs):
		return st, nil // the element is chosen by its value
	}
	i := st.rest[0].index
	return e.follow(site{sc: st.sc, expr: x.Exprs[i], rest: st.rest[1:], in: x, index: i, keyed: st.keyed}, depth+1)
}

// keyText is the key of an object's item when it is plain.
func keyText(x hclsyntax.Expression) (string, bool) {
	v, ok := constant(x)
	if k, isKey := x.(*hclsyntax.ObjectConsKeyExpr); isKey && !ok {
		if name := hcl.ExprAsKeyword(k.Wrapped); name != "" && !k.ForceNonLiteral {
			return name, true
		}
		v, ok = constant(k.Wrapped)
	}
	if !ok {
		return "", false
	}
	return keyString(v)
}

// reference goes on at what a name stands for.
func (e *editor) reference(st site, x *hclsyntax.ScopeTraversalExpr, depth int) (site, *Refusal) {
	path := plainSteps(x.Traversal)
	if len(path) < len(x.Traversal) || st.sc == nil || len(path) < 2 {
		return st, opaque(x)
	}
	if named := path[0].key == "var" || path[0].key == "local"; named && !st.keyed && st.sc.block != nil && !st.sc.single() {
		return st, manyInstances(st.sc.block)
	}
	whole := slices.Concat(path, st.rest)
	switch path[0].key {
	case "var":
		return e.variable(st, whole, x.Range(), depth)
	case "local":
		if r := st.sc.mod.shared(whole, x.Range(), nil); r != nil {
			return st, r
		}
		a := st.sc.mod.local(path[1].key)
		if a == nil {
			return st, refuse(fmt.Sprintf("%s is not written in this module", pathOf(path[:2])), handwork).in(x.Range())
		}
		return e.follow(site{sc: st.sc.outside(), expr: a.Expr, rest: whole[2:]}, depth+1)
	case "each":
		return e.each(st, whole, x.Range(), depth)
	}
	return st, opaque(x)
}

// each goes on at the element of for_each that belongs to the instance.
func (e *editor) each(st site, whole []step, self hcl.Range, depth int) (site, *Refusal) {
	s := st.sc
	if s.block == nil || s.key == nil || s.key.isIndex || s.argument("for_each") == nil {
		return st, refuse("it is not known which instance this is", "name the instance's key in the address").in(self)
	}
	over := s.argument("for_each").Expr
	if _, isCall := over.(*hclsyntax.FunctionCallExpr); isCall || whole[1].key != "value" {
		return st, refuse("the value is the key of the instance: another value would be another instance",
			"rename the key by hand, with a moved block").in(self)
	}
	for _, b := range append([]*hclsyntax.Block{s.block}, s.rest...) {
		for _, u := range uses(b.Body) {
			if u.where != self && overlap(u.steps, whole) {
				return st, refuse(fmt.Sprintf("%s is read elsewhere too, which would change with it", pathOf(whole)),
					"give the attributes values of their own, then try again").in(u.where)
			}
		}
	}
	out, r := e.follow(site{sc: s.outside(), expr: over, rest: slices.Concat([]step{*s.key}, whole[2:])}, depth+1)
	if r == nil && out.in == over && len(whole) == 2 {
		out.in = nil // the instance has to stay
	}
	return out, r
}
