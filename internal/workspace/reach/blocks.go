package reach

import (
	"cmp"
	"maps"
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
			r.module(strings.Join(b.Labels[:min(1, len(b.Labels))], ""), b.TypeRange.Start.Line, attrsOf(b.Body))
		case "locals":
			r.locals(attrsOf(b.Body))
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

// attribute is one of a block, in either syntax.
type attribute struct {
	name    string
	line    int
	value   hcl.Range
	convert func(*scope) *expr
}

// attrsOf are the attributes of a block in the native syntax, in its order.
func attrsOf(body *hclsyntax.Body) []attribute {
	list := slices.SortedFunc(maps.Values(body.Attributes), func(a, b *hclsyntax.Attribute) int {
		return cmp.Compare(a.SrcRange.Start.Byte, b.SrcRange.Start.Byte)
	})
	out := make([]attribute, len(list))
	for i, a := range list {
		out[i] = attribute{a.Name, a.SrcRange.Start.Line, a.Expr.Range(),
			func(s *scope) *expr { return convertExpr(a.Expr, s) }}
	}
	return out
}

// find is what an attribute converts to; nil when there is none of that name.
func find(list []attribute, name string, s *scope) *expr {
	i := slices.IndexFunc(list, func(a attribute) bool { return a.name == name })
	if i < 0 {
		return nil
	}
	return list[i].convert(s)
}

// at is where an attribute stands. What a for_each goes over counts where its
// elements are used.
func (r *reader) at(a attribute) place {
	return place{text: shown(a.value.SliceBytes(r.src)), line: a.line, dir: dirAttr().MatchString(a.name),
		mute: a.name == "for_each"}
}

func (r *reader) locals(list []attribute) {
	for _, a := range list {
		e := a.convert(nil)
		r.facts.locals = append(r.facts.locals, binding{name: a.name, expr: e})
		r.collect(e, r.at(a).muted())
	}
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
	list := attrsOf(body)
	s = blockScope(list, s)
	r.attrs(list, s, resource)
	for _, b := range body.Blocks {
		inner := s
		if b.Type == "dynamic" && len(b.Labels) == 1 {
			inner = dynamicScope(b, s)
		}
		r.block(b.Body, inner, "")
	}
}

// attrs notes what the attributes of a block say.
func (r *reader) attrs(list []attribute, s *scope, resource string) {
	for _, a := range list {
		e := a.convert(s)
		if resource != "" && pathAttr().MatchString(a.name) {
			r.facts.attrs = append(r.facts.attrs, binding{name: resource + "." + a.name, expr: e})
		}
		r.collect(e, r.at(a))
	}
}

// blockScope binds each of a for_each.
func blockScope(list []attribute, s *scope) *scope {
	if s.find("each") != nil {
		return s
	}
	if over := find(list, "for_each", s); over != nil {
		return s.iterator("each", over)
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
func (r *reader) module(name string, line int, list []attribute) {
	r.facts.root = true
	c := callFacts{name: name, line: line, source: find(list, "source", nil)}
	s := blockScope(list, nil)
	for _, a := range list {
		at, e := r.at(a), a.convert(s)
		if a.name == "source" && c.written == "" {
			c.written = at.text
		}
		if a.name == "source" || a.name == "version" { // of files they only can read one
			r.collect(e, at.muted())
			continue
		}
		at.mute = at.mute || c.source == nil || c.source.op != opText || rootmodule.IsLocal(c.source.text)
		c.args = append(c.args, binding{name: a.name, expr: e})
		r.collect(e, at)
	}
	if c.source != nil && c.source.op == opText {
		c.written = c.source.text
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
	r.readsOf(attrsOf(body))
	for _, b := range body.Blocks {
		r.reads(b.Body)
	}
}

func (r *reader) readsOf(list []attribute) {
	for _, a := range list {
		r.collect(a.convert(nil), r.at(a).muted())
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
