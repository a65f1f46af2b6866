package config

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// maxExponent bounds numbers, as a power of two. Written out, a number such as
// 1e999999999 takes a gigabyte.
const maxExponent = 4096

// tooLarge reports numbers in an expression that are beyond any use.
func (r *reader) tooLarge(expr hclsyntax.Expression) bool {
	found := false
	_ = hclsyntax.VisitAll(expr, func(n hclsyntax.Node) hcl.Diagnostics {
		l, ok := n.(*hclsyntax.LiteralValueExpr)
		if ok && l.Val.Type() == cty.Number && l.Val.IsKnown() && !l.Val.IsNull() && !sane(l.Val) {
			found = true
			r.errorAt(l.SrcRange, "number out of range", "This number is too large or too small to be used.")
		}
		return nil
	})
	return found
}

func sane(n cty.Value) bool {
	f := n.AsBigFloat()
	exponent := f.MantExp(nil)
	return !f.IsInf() && exponent < maxExponent && exponent > -maxExponent
}
