package hclsource

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// Constant is the value of an expression that is plain text: it names nothing
// and calls nothing.
func Constant(x hclsyntax.Expression) (cty.Value, bool) {
	plain := true
	_ = hclsyntax.VisitAll(x, func(n hclsyntax.Node) hcl.Diagnostics {
		switch n := n.(type) {
		case *hclsyntax.LiteralValueExpr, *hclsyntax.TemplateExpr, *hclsyntax.TupleConsExpr, *hclsyntax.ObjectConsExpr,
			*hclsyntax.ObjectConsKeyExpr, *hclsyntax.ParenthesesExpr:
		case *hclsyntax.UnaryOpExpr:
			_, literal := n.Val.(*hclsyntax.LiteralValueExpr)
			plain = plain && literal
		default:
			plain = false
		}
		return nil
	})
	if !plain {
		return cty.NilVal, false
	}
	v, diags := x.Value(nil)
	return v, !diags.HasErrors() && v.IsWhollyKnown()
}

// Plain reports whether an expression is a value that can be exchanged for
// another: a constant, and no text of several lines.
func (e *Sources) Plain(x hclsyntax.Expression) bool {
	_, ok := Constant(x)
	return ok && !e.heredoc(x)
}

func (e *Sources) heredoc(x hclsyntax.Expression) bool {
	return bytes.HasPrefix(e.Text(x.Range()), []byte("<<"))
}

// Text is what is written at a place.
func (e *Sources) Text(r hcl.Range) []byte {
	src := e.Now[r.Filename]
	if r.Start.Byte > r.End.Byte || r.End.Byte > len(src) {
		return nil
	}
	return src[r.Start.Byte:r.End.Byte]
}

// Opaque says why an expression is not followed.
func (e *Sources) Opaque(x hclsyntax.Expression) *Refusal {
	if e.heredoc(x) {
		return Refuse("the value is a text of several lines (a heredoc)", Handwork).In(x.Range())
	}
	return Opaque(x)
}

func Opaque(x hclsyntax.Expression) *Refusal {
	why := "the value is computed"
	switch x := x.(type) {
	case *hclsyntax.ConditionalExpr:
		why = "the value is the result of a condition"
	case *hclsyntax.FunctionCallExpr:
		why = fmt.Sprintf("the value is the result of the function %s", x.Name)
	case *hclsyntax.TemplateExpr, *hclsyntax.TemplateWrapExpr:
		why = "the text is put together from other values"
	case *hclsyntax.ForExpr, *hclsyntax.SplatExpr:
		why = "the value is made from each element of another"
	case *hclsyntax.BinaryOpExpr, *hclsyntax.UnaryOpExpr:
		why = "the value is calculated"
	case *hclsyntax.ScopeTraversalExpr:
		why = "the value comes from " + origin(PlainSteps(x.Traversal))
	}
	return Refuse(why, Handwork).In(x.Range())
}

func origin(path []Step) string {
	if len(path) == 0 {
		return "elsewhere"
	}
	switch path[0].Key {
	case "data":
		return "the data source " + PathOf(path[:min(3, len(path))])
	case "module":
		return "an output of " + PathOf(path[:min(2, len(path))])
	case "count", "each", "path", "terraform", "self":
		return PathOf(path)
	}
	return "the resource " + PathOf(path[:min(2, len(path))])
}

// ToValue turns a JSON value into one that can be written.
func ToValue(v any) (cty.Value, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return cty.NilVal, fmt.Errorf("the value in the world cannot be written: %w", err)
	}
	t, err := ctyjson.ImpliedType(text)
	if err == nil {
		var out cty.Value
		if out, err = ctyjson.Unmarshal(text, t); err == nil {
			return out, nil
		}
	}
	return cty.NilVal, fmt.Errorf("the value in the world cannot be written: %w", err)
}

// Same reports whether the source's value is the wanted one: the engine takes
// 80 for "80" and true for "true".
func Same(have, want cty.Value) bool {
	have, _ = have.UnmarkDeep()
	if have.IsNull() || want.IsNull() {
		return have.IsNull() && want.IsNull()
	}
	if have.Type().IsPrimitiveType() != want.Type().IsPrimitiveType() {
		return false
	}
	if have.Type().IsPrimitiveType() {
		a, errA := convert.Convert(have, cty.String)
		b, errB := convert.Convert(want, cty.String)
		return errA == nil && errB == nil && a.RawEquals(b)
	}
	if have.Type().IsTupleType() && want.Type().IsTupleType() {
		return slices.EqualFunc(have.AsValueSlice(), want.AsValueSlice(), Same)
	}
	if !have.Type().IsObjectType() || !want.Type().IsObjectType() {
		return false
	}
	a, b := have.AsValueMap(), want.AsValueMap()
	for k, v := range a {
		if w, ok := b[k]; !ok && !v.IsNull() || ok && !Same(v, w) {
			return false
		}
	}
	for k, w := range b {
		if _, ok := a[k]; !ok && !w.IsNull() {
			return false
		}
	}
	return true
}

func KeyString(v cty.Value) (string, bool) {
	s, err := convert.Convert(v, cty.String)
	if err != nil || s.IsNull() || !s.IsKnown() {
		return "", false
	}
	return s.AsString(), true
}

// Render is the source text of a value; lines after the first are indented.
func Render(v cty.Value, indent string) string {
	text := string(hclwrite.Format(tokens(v).Bytes()))
	return strings.ReplaceAll(text, "\n", "\n"+indent) // within a string it is escaped
}

// tokens are those of a value, with keys that are words of the language quoted.
func tokens(v cty.Value) hclwrite.Tokens {
	switch {
	case v.IsNull():
	case v.Type().IsObjectType():
		var items []hclwrite.ObjectAttrTokens
		for it := v.ElementIterator(); it.Next(); {
			k, w := it.Element()
			name := hclwrite.Tokens{{Type: hclsyntax.TokenIdent, Bytes: []byte(renderKey(k.AsString(), false))}}
			items = append(items, hclwrite.ObjectAttrTokens{Name: name, Value: tokens(w)})
		}
		return hclwrite.TokensForObject(items)
	case v.Type().IsTupleType():
		var all []hclwrite.Tokens
		for _, w := range v.AsValueSlice() {
			all = append(all, tokens(w))
		}
		return hclwrite.TokensForTuple(all)
	}
	return hclwrite.TokensForValue(v)
}

// flat is the source text of a value on one line.
func flat(v cty.Value) string {
	var parts []string
	switch {
	case v.IsNull():
	case v.Type().IsObjectType():
		for it := v.ElementIterator(); it.Next(); {
			k, w := it.Element()
			parts = append(parts, renderKey(k.AsString(), false)+" = "+flat(w))
		}
		return "{ " + strings.Join(parts, ", ") + " }"
	case v.Type().IsTupleType():
		for _, w := range v.AsValueSlice() {
			parts = append(parts, flat(w))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return Render(v, "")
}

// renderKey is the source text of an object's key.
func renderKey(key string, quoted bool) string {
	switch key {
	case "for", "null", "true", "false":
		quoted = true
	}
	if quoted || !hclsyntax.ValidIdentifier(key) {
		return string(hclwrite.TokensForValue(cty.StringVal(key)).Bytes())
	}
	return key
}
