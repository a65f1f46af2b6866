package reach

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/tfops/tfops/internal/rootmodule"
)

// json notes the facts of a file in the JSON syntax, of code or of values.
func (r *reader) json(kind fileKind) {
	body, err := rootmodule.Parse("code.json", r.src)
	r.failed(err)
	if body == nil {
		return
	}
	attrs, diags := body.JustAttributes()
	r.failed(diags)
	// In the order of the file: what is read of it is the same each time.
	inOrder := slices.SortedFunc(maps.Values(attrs),
		func(a, b *hcl.Attribute) int { return cmp.Compare(a.Range.Start.Byte, b.Range.Start.Byte) })
	for _, a := range inOrder {
		if kind == valuesJSON {
			r.facts.values = append(r.facts.values, binding{name: a.Name, expr: plainJSON(a.Expr)})
			continue
		}
		r.jsonBlocks(a)
	}
}

// jsonItem is one property of an object.
type jsonItem struct {
	name string
	expr hcl.Expression
	line int
}

// items are the properties of an object, or of all objects of a list.
func items(e hcl.Expression) (out []jsonItem) {
	if list, diags := hcl.ExprList(e); !diags.HasErrors() {
		for _, one := range list {
			out = append(out, items(one)...)
		}
		return out
	}
	pairs, diags := hcl.ExprMap(e)
	if diags.HasErrors() {
		return nil
	}
	for _, p := range pairs {
		if k, ok := rootmodule.PlainText(p.Key); ok {
			out = append(out, jsonItem{k, p.Value, p.Key.Range().Start.Line})
		}
	}
	return out
}

// each calls f with every object of a block: one, or those of a list.
func each(e hcl.Expression, f func([]jsonItem)) {
	list, diags := hcl.ExprList(e)
	if diags.HasErrors() {
		f(items(e))
		return
	}
	for _, one := range list {
		f(items(one))
	}
}

func (r *reader) jsonBlocks(a *hcl.Attribute) {
	switch a.Name {
	case "module":
		for _, m := range items(a.Expr) {
			each(m.expr, func(body []jsonItem) { r.module(m.name, m.line, r.attrsOf(body)) })
		}
	case "locals":
		r.locals(r.attrsOf(items(a.Expr)))
	case "variable":
		for _, v := range items(a.Expr) {
			each(v.expr, func(body []jsonItem) {
				b := binding{name: v.name}
				for _, i := range slices.Backward(body) { // the first of a name counts
					switch i.name {
					case "default":
						b.expr = plainJSON(i.expr)
					case "type":
						b.typ = defaults(convertJSONType(i.expr))
					}
				}
				r.facts.vars = append(r.facts.vars, b)
				r.readsOf(r.attrsOf(body))
			})
		}
	case "terraform":
		r.jsonSettings(items(a.Expr))
		r.readsOf(r.attrsOf(items(a.Expr)))
	case "resource", "data", "ephemeral":
		for _, typ := range items(a.Expr) {
			for _, res := range items(typ.expr) {
				each(res.expr, func(body []jsonItem) { r.jsonResource(a.Name, typ.name, res, body) })
			}
		}
	case "import", "moved", "removed": // without a label
		each(a.Expr, func(body []jsonItem) { r.jsonBody(body, "") })
	default:
		for _, b := range items(a.Expr) {
			each(b.expr, func(body []jsonItem) { r.jsonBody(body, "") })
		}
	}
	r.facts.root = r.facts.root || a.Name == "module" || a.Name == "provider" || a.Name == "resource"
}

// attrsOf are the properties of an object as attributes.
func (r *reader) attrsOf(body []jsonItem) []attribute {
	out := make([]attribute, len(body))
	for i, item := range body {
		out[i] = attribute{item.name, item.line, item.expr.Range(),
			func(s *scope) *expr { return r.convertJSON(item.expr, s) }}
	}
	return out
}

// convertJSONType is the type of a variable, whose text is an expression.
func convertJSONType(e hcl.Expression) *expr {
	src, ok := rootmodule.PlainText(e)
	if !ok {
		return hole
	}
	typ, err := rootmodule.ParseExpression([]byte(src))
	if err != nil {
		return hole
	}
	return convertExpr(typ, nil)
}

func (r *reader) jsonResource(kind, typ string, res jsonItem, body []jsonItem) {
	name := typ + "." + res.name
	if kind != "resource" {
		name = kind + "." + name
	}
	if kind == "data" && typ == "terraform_remote_state" {
		r.remote(res.name, res.line, r.attrsOf(body))
	}
	r.jsonBody(body, name)
}

// jsonBody notes the attributes of a block. What is a block in it reads like
// an object.
func (r *reader) jsonBody(body []jsonItem, resource string) {
	list := r.attrsOf(body)
	r.attrs(list, blockScope(list, nil), resource)
}

func (r *reader) jsonSettings(body []jsonItem) {
	add := func(typ string, line int, e hcl.Expression) {
		b := Backend{Type: typ, Config: map[string]any{}, Line: line}
		for _, i := range items(e) {
			v, ok := literalValue(plainJSON(i.expr))
			if b.Partial = b.Partial || !ok; ok {
				b.Config[i.name] = v
			}
		}
		r.facts.root = true
		r.facts.backends = append(r.facts.backends, b)
	}
	for _, i := range body {
		switch i.name {
		case "cloud":
			add("cloud", i.line, i.expr)
		case "backend":
			for _, typ := range items(i.expr) {
				add(typ.name, typ.line, typ.expr)
			}
		}
	}
}

// plainJSON takes over a JSON value whose strings are plain text.
func plainJSON(e hcl.Expression) *expr {
	return convertJSON(e, func(s string) *expr { return text(s) })
}

// convertJSON takes over a JSON value of code, whose strings are templates.
func (r *reader) convertJSON(e hcl.Expression, s *scope) *expr {
	return convertJSON(e, func(src string) *expr { return r.convertTemplate(src, s) })
}

func convertJSON(e hcl.Expression, convert func(string) *expr) *expr {
	if list, diags := hcl.ExprList(e); !diags.HasErrors() {
		out := &expr{op: opTuple}
		for _, one := range list {
			out.args = append(out.args, convertJSON(one, convert))
		}
		return out
	}
	if pairs, diags := hcl.ExprMap(e); !diags.HasErrors() {
		out := &expr{op: opObject}
		for _, p := range pairs {
			k, _ := rootmodule.PlainText(p.Key)
			if key := convert(k); key.op != opText {
				k = ""
				out.addKey(key)
			}
			out.add(k, convertJSON(p.Value, convert))
		}
		return out
	}
	v, diags := e.Value(nil) // nothing is computed without a context
	if diags.HasErrors() {
		return hole
	}
	if v.IsNull() || !v.IsKnown() || v.Type() != cty.String {
		return convertLiteral(v)
	}
	return convert(v.AsString())
}

// convertTemplate takes over a text of the JSON syntax. Places in it are those
// in the texts of the file one after the other.
func (r *reader) convertTemplate(src string, s *scope) *expr {
	if !strings.Contains(src, "${") && !strings.Contains(src, "%{") {
		return text(src)
	}
	t, err := rootmodule.ParseTemplate([]byte(src), hcl.Pos{Line: 1, Column: 1, Byte: len(r.texts)})
	var diags hcl.Diagnostics
	switch {
	case errors.As(err, &diags):
		return hole // the engine fails with it
	case err != nil:
		return call("file", hole) // which can be any file
	}
	r.texts = append(r.texts, src...)
	return convertExpr(t, s)
}
