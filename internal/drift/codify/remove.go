package codify

import (
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// ProposeRemoval takes a resource that is gone from the world out of the
// source: its block, or, of one instance of several, its element in for_each.
// It is refused while something refers to it.
func ProposeRemoval(s Source, address string) (Proposal, error) {
	e, at, err := open(s, address)
	if err != nil {
		return Proposal{}, err
	}
	sc, err := e.locate(at)
	if err != nil {
		return Proposal{}, err
	}
	var p Proposal
	if r := e.removal(sc, at); r != nil {
		p.Refused = append(p.Refused, *r)
	} else {
		p.Done = append(p.Done, "")
	}
	e.finish(&p)
	return p, nil
}

func (e *editor) removal(sc *scope, at target) *Refusal {
	if at.key != nil && !sc.single() {
		return e.removeInstance(sc, at)
	}
	if r := e.alone(sc); r != nil {
		return r
	}
	if len(sc.rest) > 0 {
		return refuse("the resource is written in more than one place: an override file changes it", handwork).in(sc.rest[0].DefRange())
	}
	if r := sc.mod.referred([]step{{key: at.typ}, {key: at.name}}, sc.block); r != nil {
		return r
	}
	return e.cutLines(sc.block.Range(), true)
}

// removeInstance takes the element of one instance out of for_each.
func (e *editor) removeInstance(sc *scope, at target) *Refusal {
	each := sc.argument("for_each")
	if each == nil || at.key.isIndex {
		return refuse("the instance is one of count: without it the ones after it would move up", "lower count by hand, with moved blocks where needed").in(sc.block.DefRange())
	}
	over := each.Expr
	if call, ok := over.(*hclsyntax.FunctionCallExpr); ok && call.Name == "toset" && len(call.Args) == 1 {
		return e.removeFromSet(sc, call.Args[0], at.key.key)
	}
	st, r := e.follow(site{sc: sc.outside(), expr: over, rest: []step{*at.key}}, 0)
	if r != nil {
		return r
	}
	if st.in == nil {
		return refuse("the instance is not written in for_each", handwork).in(over.Range())
	}
	return e.takeOut(st)
}

func (e *editor) removeFromSet(sc *scope, x hclsyntax.Expression, key string) *Refusal {
	st, r := e.follow(site{sc: sc.outside(), expr: x}, 0)
	if r != nil {
		return r
	}
	tuple, ok := st.expr.(*hclsyntax.TupleConsExpr)
	if !ok {
		return e.opaque(st.expr)
	}
	at, r := elementOf(tuple, 0, key)
	if r != nil {
		return r
	}
	if r := e.allow(st); r != nil {
		return r
	}
	return e.cutElement(tuple, at)
}
