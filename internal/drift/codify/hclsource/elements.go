package hclsource

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/tfops/tfops/internal/plan"
)

// KeyText is the key of an object's item when it is plain.
func KeyText(x hclsyntax.Expression) (string, bool) {
	v, ok := Constant(x)
	if k, isKey := x.(*hclsyntax.ObjectConsKeyExpr); isKey && !ok {
		if name := hcl.ExprAsKeyword(k.Wrapped); name != "" && !k.ForceNonLiteral {
			return name, true
		}
		v, ok = Constant(k.Wrapped)
	}
	if !ok {
		return "", false
	}
	return KeyString(v)
}

// Keys are the keys of an object as it is written; false where they are not plain.
func Keys(x hclsyntax.Expression) (keys []string, ok bool) {
	object, ok := x.(*hclsyntax.ObjectConsExpr)
	if !ok {
		return nil, false
	}
	for _, item := range object.Items {
		k, plain := KeyText(item.KeyExpr)
		if !plain {
			return nil, false
		}
		keys = append(keys, k)
	}
	return keys, true
}

// Elements are the indexes of the elements that have a value, as far as they are plain.
func Elements(tuple *hclsyntax.TupleConsExpr, v any) []int {
	var out []int
	for i, x := range tuple.Exprs {
		if same, plain := isValue(x, v); same && plain {
			out = append(out, i)
		}
	}
	return out
}

// isValue reports whether an expression has a value, and whether any of it is plain. An object is told by
// what is plain in it.
func isValue(x hclsyntax.Expression, v any) (same, plain bool) {
	if have, ok := Constant(x); ok {
		value, err := ToValue(v)
		if err == nil && Same(have, value) {
			return true, true
		}
	}
	if v == plan.Sensitive {
		return true, false // it may be that
	}
	object, isObject := x.(*hclsyntax.ObjectConsExpr)
	values, ok := v.(map[string]any)
	if !isObject || !ok {
		_, plain = Constant(x)
		return !plain, plain
	}
	for _, item := range object.Items {
		k, ok := KeyText(item.KeyExpr)
		same, known := isValue(item.ValueExpr, values[k])
		if ok && known && !same {
			return false, true
		}
		plain = plain || ok && known
	}
	return true, plain
}

func HasElement(tuple *hclsyntax.TupleConsExpr, v any) bool { return len(Elements(tuple, v)) > 0 }
