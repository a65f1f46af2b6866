package decode

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// maxExponent bounds numbers, as a power of two. Written out, a number such as
// 1e999999999 takes a gigabyte.
const maxExponent = 4096

const outOfRange = "number out of range"

// TooLarge reports numbers in an expression that are beyond any use.
func (r *Reader) TooLarge(expr hclsyntax.Expression) bool {
	found := false
	_ = hclsyntax.VisitAll(expr, func(n hclsyntax.Node) hcl.Diagnostics {
		if l, ok := n.(*hclsyntax.LiteralValueExpr); ok && !UsableNumbers(l.Val) {
			found = true
			r.Errorf(l.SrcRange, outOfRange, "This number is too large or too small to be used.")
		}
		return nil
	})
	return found
}

// UsableNumbers reports whether all numbers in a value can be written out.
func UsableNumbers(v cty.Value) bool {
	v, _ = v.UnmarkDeep()
	all := true
	_ = cty.Walk(v, func(_ cty.Path, n cty.Value) (bool, error) {
		all = all && (n.Type() != cty.Number || !n.IsKnown() || n.IsNull() || usable(n))
		return true, nil
	})
	return all
}

func usable(n cty.Value) bool {
	f := n.AsBigFloat()
	exponent := f.MantExp(nil)
	return !f.IsInf() && exponent < maxExponent && exponent > -maxExponent
}
