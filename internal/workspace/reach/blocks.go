package reach

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/tfops/tfops/internal/rootmodule"
)

// body notes the facts of a file in the native syntax.
func (r *reader) body(body *hclsyntax.Body) {
	for _, b := range body.Blocks {
		switch b.Type {
		case "module":
			r.module(b)
		case "locals":
			for _, a := range sortedAttrs(b.Body) {
				e := convertExpr(a.Expr, nil)
				r.facts.locals = append(r.facts.locals, binding{name: a.Name, expr: e})
				r.collect(e, r.at(a).muted())
			}
		case "variable":
			r.variable(b)
		case "terraform":
			r.settings(b)
		default:
			r.facts.root = r.facts.root || b.Type == "provider" || b.Type == "resource"
			r.remoteState(b)
			r.block(b.Body, nil, strings.Join(resourceName(b), "."))
		}
	}
}

// at is where an attribute stands. What a for_each goes over counts where its
// elements are used.
func (r *reader) at(a *hclsyntax.Attribute) place {
	return place{text: shown(a.Expr.Range().SliceBytes(r.src)), line: a.SrcRange.Start.Line,
		dir: dirAttr().MatchString(a.Name), mute: a.Name == "for_each"}
}

// resourceName is how expressions name a block: TYPE.NAME, after "data" for a
// data source; nothing for a block of another kind.
func resourceName(b *hclsyntax.Block) []string {
	if len(b.Labels) != 2 || b.Type != "resource" && b.Type != "data" {
		return nil
	}
	if b.Type == "data" {
		return []string{"data", b.Labels[0], b.Labels[1]}
	}
	return b.Labels
}

// block notes what the attributes of a block and of those in it say.
func (r *reader) block(body *hclsyntax.Body, s *scope, resource string) {
	s = blockScope(body, s)
	for _, a := range sortedAttrs(body) {
		e := convertExpr(a.Expr, s)
		if resource != "" && pathAttr().MatchString(a.Name) {
			r.facts.attrs = append(r.facts.attrs, binding{name: resource + "." + a.Name, expr: e})
		}
		r.collect(e, r.at(a))
	}
	for _, b := range body.Blocks {
		inner := s
		if b.Type == "dynamic" && len(b.Labels) == 1 {
			inner = dynamicScope(b, s)
		}
		r.block(b.Body, inner, "")
	}
}

// blockScope binds each of a for_each.
func blockScope(body *hclsyntax.Body, s *scope) *scope {
	if a := body.Attributes["for_each"]; a != nil && s.find("each") == nil {
		return s.iterator("each", convertExpr(a.Expr, s))
	}
	return s
}

func dynamicScope(b *hclsyntax.Block, s *scope) *scope {
	a := b.Body.Attributes["for_each"]
	if a == nil {
		return s
	}
	name := b.Labels[0]
	if it := b.Body.Attributes["iterator"]; it != nil {
		if k := hcl.ExprAsKeyword(it.Expr); k != "" {
			name = k
		}
	}
	// A for_each of a dynamic block binds its own name, and never each.
	s = s.iterator(name, convertExpr(a.Expr, s))
	if s.find("each") == nil {
		s = &scope{outer: s, name: "each"}
	}
	return s
}

// module notes a call. What is passed to a local module counts where the
// module uses it; what becomes of it elsewhere nobody can see.
func (r *reader) module(b *hclsyntax.Block) {
	r.facts.root = true
	c := callFacts{line: b.TypeRange.Start.Line}
	if len(b.Labels) > 0 {
		c.name = b.Labels[0]
	}
	if a := b.Body.Attributes["source"]; a != nil {
		c.source, c.written = convertExpr(a.Expr, nil), shown(a.Expr.Range().SliceBytes(r.src))
		if c.source.op == opText {
			c.written = c.source.text
		}
	}
	s := blockScope(b.Body, nil)
	for _, a := range sortedAttrs(b.Body) {
		if a.Name == "source" || a.Name == "version" { // of files they only can read one
			r.collect(convertExpr(a.Expr, s), r.at(a).muted())
			continue
		}
		at := r.at(a)
		at.mute = at.mute || c.source == nil || c.source.op != opText || rootmodule.IsLocal(c.source.text)
		e := convertExpr(a.Expr, s)
		c.args = append(c.args, binding{name: a.Name, expr: e})
		r.collect(e, at)
	}
	r.facts.calls = append(r.facts.calls, c)
}

func (r *reader) variable(b *hclsyntax.Block) {
	if len(b.Labels) == 0 {
		return
	}
	v := binding{name: b.Labels[0]}
	if a := b.Body.Attributes["default"]; a != nil {
		v.expr = convertExpr(a.Expr, nil)
	}
	if a := b.Body.Attributes["type"]; a != nil {
		v.typ = defaults(convertExpr(a.Expr, nil))
	}
	r.facts.vars = append(r.facts.vars, v)
	r.reads(b.Body)
}

// reads notes what the attributes of a block and of those in it read, where
// nothing can name a file: in variables and settings.
func (r *reader) reads(body *hclsyntax.Body) {
	for _, a := range sortedAttrs(body) {
		r.collect(convertExpr(a.Expr, nil), r.at(a).muted())
	}
	for _, b := range body.Blocks {
		r.reads(b.Body)
	}
}

// defaults is what the type of a variable fills in, as a value of that type:
// what optional attributes are when they are left out. Nil: nothing.
func defaults(typ *expr) *expr {
	if typ.op != opCall || len(typ.args) == 0 {
		return nil
	}
	inner := defaults(typ.args[0])
	switch typ.text {
	case "optional":
		if len(typ.args) > 1 {
			return &expr{op: opEither, args: nonNil(typ.args[1], inner)}
		}
		return inner
	case "list", "set":
		return wrapped(inner, &expr{op: opTuple, text: loose})
	case "map":
		return wrapped(inner, &expr{op: opObject, object: &object{keys: []string{""}, computed: []*expr{hole}}})
	case "tuple":
		out := &expr{op: opTuple, text: loose}
		for _, t := range typ.args[0].args {
			out.args = append(out.args, nonNil(defaults(t))...)
		}
		return nonEmpty(out)
	case "object":
		out := &expr{op: opObject}
		for i, t := range typ.args[0].args {
			if d := defaults(t); d != nil && i < len(typ.args[0].keys()) {
				out.add(typ.args[0].keys()[i], d)
			}
		}
		return nonEmpty(out)
	}
	return nil
}

func wrapped(inner, in *expr) *expr {
	in.args = nonNil(inner)
	return nonEmpty(in)
}

func nonEmpty(e *expr) *expr {
	if len(e.args) == 0 {
		return nil
	}
	return e
}

func nonNil(list ...*expr) []*expr {
	return slices.DeleteFunc(list, func(e *expr) bool { return e == nil })
}
