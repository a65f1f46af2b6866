package decode

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/tfops/tfops/internal/config/problems"
	"github.com/zclconf/go-cty/cty"
)

// MatchVariables are what the expressions of a workspaces block may use.
var MatchVariables = []string{"branch", "branch_slug", "dir", "parts", "var_file"}

// Evaluate computes an expression. False: it is mistaken, and that has been
// reported, or it stands in broken syntax.
func (r *Reader) Evaluate(expr hclsyntax.Expression) (cty.Value, bool) {
	unknown := r.unknownVariables(expr)
	if r.TooLarge(expr) {
		return cty.NilVal, false
	}
	r.secrets = nil
	v, diags := expr.Value(r.eval)
	r.Report(expr, slices.DeleteFunc(slices.Clone(diags), isReference))
	if unknown || diags.HasErrors() || !v.IsWhollyKnown() {
		return cty.NilVal, false
	}
	return v, true
}

const notAValue = "not a value"

// unknownVariables reports references to variables, of which there are none but
// those of a match in a workspaces block.
func (r *Reader) unknownVariables(expr hclsyntax.Expression) bool {
	known := func(t hcl.Traversal) bool { _, ok := r.eval.Variables[t.RootName()]; return ok }
	refs := slices.DeleteFunc(expr.Variables(), known)
	for _, t := range refs {
		name := t.RootName()
		_, alone := expr.(*hclsyntax.ScopeTraversalExpr)
		switch {
		case r.redact: // it may be the secret, without its quotes
			r.Errorf(t.SourceRange(), notAValue, "There are no variables in tfops.hcl. Write text in quotes, "+
				"or take it from the environment with env(\"…\").")
		case r.eval.Variables != nil:
			r.Errorf(t.SourceRange(), notAValue, "A workspaces block has the variables %s, and no %q.%s",
				problems.Or(MatchVariables), name, problems.DidYouMean(name, MatchVariables))
		case slices.Contains(MatchVariables, name):
			r.Errorf(t.SourceRange(), notAValue,
				"Only a workspaces block has the variable %s. There are no others in tfops.hcl.", name)
		case alone && len(t) == 1:
			r.Errorf(t.SourceRange(), notAValue,
				"There are no variables in tfops.hcl. If this is text, write it in quotes: %q.", name)
		default:
			r.Errorf(t.SourceRange(), notAValue, "There are no variables in tfops.hcl, so %q means nothing here. "+
				"Write the value, or take it from the environment with env(\"…\").", name)
		}
	}
	return len(refs) > 0
}

// isReference reports whether HCL found what unknownVariables has reported already.
func isReference(d *hcl.Diagnostic) bool {
	return d.Summary == "Variables not allowed" || d.Summary == "Unknown variable"
}

// Report takes the findings of an evaluation. Where a secret took part, the
// message of a function or an operator may repeat it and is left out.
func (r *Reader) Report(expr hclsyntax.Expression, diags hcl.Diagnostics) {
	for _, d := range diags {
		c := *d
		c.EvalContext, c.Expression, c.Summary = nil, nil, problems.LowerFirst(d.Summary)
		unknown, isUnknown := hcl.DiagnosticExtra[hclsyntax.FunctionCallUnknownDiagExtra](d)
		call, isCall := hcl.DiagnosticExtra[hclsyntax.FunctionCallDiagExtra](d)
		var own *outsideError
		switch {
		case isUnknown:
			c.Summary, c.Detail = "unknown function", r.unknownFunction(unknown.CalledFunctionName())
		case isCall && errors.As(call.FunctionCallError(), &own):
			c.Summary, c.Detail = own.summary, own.detail
		case staticMistakes[d.Summary]:
		case reachesOutside(expr):
			c.Detail = "The message is left out, because it may repeat what env or file returned."
		case r.redact:
			c.Detail = "The message is left out, because it may repeat what is secret."
		}
		r.found = append(r.found, &c)
	}
}

// staticMistakes are HCL's findings that no value takes part in.
var staticMistakes = map[string]bool{
	"Not enough function arguments": true, "Too many function arguments": true,
	"Invalid expression": true, "Missing item separator": true,
}

func (r *Reader) unknownFunction(name string) string {
	if name == "env" || name == "file" {
		return "A condition is evaluated long after the configuration was read, so env and file do not exist in it."
	}
	known := slices.Sorted(maps.Keys(r.eval.Functions))
	return fmt.Sprintf("There is no function %q.%s", name, problems.DidYouMean(name, known))
}

// reachesOutside reports whether env or file is called within the expression.
func reachesOutside(expr hclsyntax.Expression) bool {
	found := false
	_ = hclsyntax.VisitAll(expr, func(n hclsyntax.Node) hcl.Diagnostics {
		if call, ok := n.(*hclsyntax.FunctionCallExpr); ok && (call.Name == "env" || call.Name == "file") {
			found = true
		}
		return nil
	})
	return found
}

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
