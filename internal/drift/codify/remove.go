package codify

import (
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/tfops/tfops/internal/drift/codify/hclsource"
)

// ProposeRemoval takes a resource that is gone from the world out of the
// source: its block, or, of one instance of several, its element in for_each.
// It is refused while something refers to it.
func ProposeRemoval(s hclsource.Source, address string) (Proposal, error) {
	e, at, err := open(s, address)
	if err != nil {
		return Proposal{}, err
	}
	sc, err := e.Locate(at)
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

func (e *editor) removal(sc *hclsource.Scope, at hclsource.Target) *hclsource.Refusal {
	if at.Key != nil && !sc.Single() {
		return e.removeInstance(sc, at)
	}
	if r := e.Alone(sc); r != nil {
		return r
	}
	if len(sc.Rest) > 0 {
		return hclsource.Refuse("the resource is written in more than one place: an override file changes it",
			hclsource.Handwork).In(sc.Rest[0].DefRange())
	}
	if r := sc.Mod.Referred([]hclsource.Step{{Key: at.Typ}, {Key: at.Name}}, sc.Block); r != nil {
		return r
	}
	return e.CutLines(sc.Block.Range(), true)
}

// removeInstance takes the element of one instance out of for_each.
func (e *editor) removeInstance(sc *hclsource.Scope, at hclsource.Target) *hclsource.Refusal {
	each := sc.Argument("for_each")
	if each == nil || at.Key.IsIndex {
		return hclsource.Refuse("the instance is one of count: without it the ones after it would move up",
			"lower count by hand, with moved blocks where needed").In(sc.Block.DefRange())
	}
	over := each.Expr
	if call, ok := over.(*hclsyntax.FunctionCallExpr); ok && call.Name == "toset" && len(call.Args) == 1 {
		return e.removeFromSet(sc, call.Args[0], at.Key.Key)
	}
	st, r := e.follow(site{sc: sc.Outside(), expr: over, rest: []hclsource.Step{*at.Key}, aim: aim{whole: true}}, 0)
	if r != nil {
		return r
	}
	if st.in == nil {
		return hclsource.Refuse("the instance is not written in for_each", hclsource.Handwork).In(over.Range())
	}
	return e.takeOut(st, wish{})
}

func (e *editor) removeFromSet(sc *hclsource.Scope, x hclsyntax.Expression, key string) *hclsource.Refusal {
	st, r := e.follow(site{sc: sc.Outside(), expr: x}, 0)
	if r != nil {
		return r
	}
	tuple, ok := st.expr.(*hclsyntax.TupleConsExpr)
	if !ok {
		return e.Opaque(st.expr)
	}
	at, r := elementOf(tuple, 0, key)
	if r != nil {
		return r
	}
	if r := e.allow(st); r != nil {
		return r
	}
	return e.CutElement(tuple, at)
}
