package people

import (
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/config/decode"
	"github.com/tfops/tfops/internal/config/problems"
	"github.com/tfops/tfops/internal/config/schema"
)

// Approvals reads the approval blocks of a workspace or of the defaults.
func (p People) Approvals(r *decode.Reader, in decode.Block) []approvals.Rule {
	names := decode.WorkspaceNames("approval")
	return decode.Each(in.Blocks(schema.Approval), names, func(b decode.Block) approvals.Rule {
		rule := approvals.Rule{
			Name:        b.Name,
			Require:     b.Number("require", 1).OrElse(1),
			AllowAuthor: b.Flag("allow_author").OrElse(false),
			Expire:      b.Duration("expire", time.Minute).OrElse(approvals.DefaultExpire),
			When:        condition(r, b),
		}
		from := b.List("from")
		for _, f := range from.Val {
			p.checkApprover(r, f)
		}
		rule.From = decode.Values[string](from.Val)
		if from.Set && len(from.Val) == 0 {
			r.Errorf(from.Range, "from names nobody",
				"Name who may approve, as in from = [\"group:platform\"], or remove it: then anybody may.")
		} else if could := p.count(rule.From); from.Set && could < rule.Require && !r.Failed() {
			named := "1 person"
			if could != 1 {
				named = fmt.Sprintf("%d people", could)
			}
			r.Warnf(b.Header, "nobody can meet this rule", "It requires %d, and from names %s.", rule.Require, named)
		}
		return rule
	})
}

// condition reads `when`. Without it the rule always holds.
func condition(r *decode.Reader, b decode.Block) approvals.Condition {
	a, ok := b.Body.Attributes["when"]
	if !ok {
		return approvals.Condition{}
	}
	if _, broken := a.Expr.(*hclsyntax.ExprSyntaxError); broken || r.TooLarge(a.Expr) {
		return approvals.Condition{}
	}
	cond, diags := approvals.ParseCondition(a.Expr, r.FileSource(a.Expr))
	for _, d := range diags {
		e := *d
		switch d.Summary {
		case "Unknown variable":
			e.Detail += " A condition speaks of plan, workspace and commit."
		case "Unsupported attribute":
			e.Detail += attributeHint(a.Expr, d.Subject)
		}
		r.Report(a.Expr, hcl.Diagnostics{&e})
	}
	return cond
}

// attributeHint is what the root of a reference has instead of the attribute
// that was looked for at a place.
func attributeHint(expr hclsyntax.Expression, at *hcl.Range) (hint string) {
	_ = hclsyntax.VisitAll(expr, func(n hclsyntax.Node) hcl.Diagnostics {
		ref, ok := n.(*hclsyntax.ScopeTraversalExpr)
		if !ok || at == nil || len(ref.Traversal) < 2 {
			return nil
		}
		step, ok := ref.Traversal[1].(hcl.TraverseAttr)
		known := approvals.Names(ref.Traversal.RootName())
		if !ok || step.SrcRange != *at || len(known) == 0 {
			return nil
		}
		if hint = problems.DidYouMean(step.Name, known); hint == "" {
			hint = " " + problems.UpperFirst(ref.Traversal.RootName()) + " has " + strings.Join(known, ", ") + "."
		}
		return nil
	})
	return hint
}
