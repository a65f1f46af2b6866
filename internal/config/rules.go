package config

import (
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/workspace"
)

// rules reads the approval blocks of a workspace or of the defaults.
func (r *reader) rules(c *Config, blocks []block, src []byte) []approvals.Rule {
	var out []approvals.Rule
	seen := names{r: r, what: "approval", valid: workspace.ValidName()}
	for _, b := range blocks {
		rule := approvals.Rule{
			Name:        b.name,
			Require:     b.number("require", 1).orElse(1),
			AllowAuthor: b.flag("allow_author").orElse(false),
			Expire:      b.duration("expire", time.Minute).orElse(approvals.DefaultExpire),
			When:        r.condition(b, src),
		}
		from := b.list("from")
		for _, f := range from.val {
			r.checkFrom(c, f)
		}
		rule.From = plain(from.val)
		if from.set && len(from.val) == 0 {
			r.errorAt(from.rng, "from names nobody", "Name who may approve, as in from = [\"group:platform\"], or remove it: then anybody may.")
		} else if could := c.reach(rule.From); from.set && could < rule.Require && !r.failed() {
			r.warnAt(b.header, "nobody can meet this rule", "It requires %d, and from names %s.", rule.Require, count(could, "person", "people"))
		}
		if seen.add(b) {
			out = append(out, rule)
		}
	}
	return out
}

// condition reads `when`. Without it the rule always holds.
func (r *reader) condition(b block, src []byte) approvals.Condition {
	a, ok := b.body.Attributes["when"]
	if !ok {
		return approvals.Condition{}
	}
	if _, broken := a.Expr.(*hclsyntax.ExprSyntaxError); broken || r.tooLarge(a.Expr) {
		return approvals.Condition{}
	}
	cond, diags := approvals.ParseCondition(a.Expr, src)
	for _, d := range diags {
		e := *d
		switch d.Summary {
		case "Unknown variable":
			e.Detail += " A condition speaks of plan, workspace and commit."
		case "Unsupported attribute":
			e.Detail += attributeHint(a.Expr, d.Subject)
		}
		r.report(a.Expr, hcl.Diagnostics{&e})
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
		if hint = didYouMean(step.Name, known); hint == "" {
			hint = " " + upperFirst(ref.Traversal.RootName()) + " has " + strings.Join(known, ", ") + "."
		}
		return nil
	})
	return hint
}
