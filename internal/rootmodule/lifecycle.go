package rootmodule

import (
	"github.com/hashicorp/hcl/v2"
)

var lifecycle = &hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "lifecycle"}}}

// IgnoreChanges is what a resource says in ignore_changes, as the last override file that has it says it. What
// cannot be read is left out.
func (b *Block) IgnoreChanges() (paths []hcl.Traversal, all bool) {
	var err error
	defer recovered(&err, func() { paths, all = nil, false })
	var a *hcl.Attribute
	for _, body := range append([]hcl.Body{b.Body}, b.changes...) {
		content, _, _ := body.PartialContent(lifecycle)
		for _, l := range content.Blocks {
			inner, _, _ := l.Body.PartialContent(&hcl.BodySchema{Attributes: []hcl.AttributeSchema{
				{Name: "ignore_changes"}}})
			if found := inner.Attributes["ignore_changes"]; found != nil {
				a = found
			}
		}
	}
	if a == nil {
		return nil, false
	}
	if hcl.ExprAsKeyword(a.Expr) == "all" || Literal(a) == "all" {
		return nil, true
	}
	list, _ := hcl.ExprList(a.Expr)
	for _, e := range list {
		text, plain := PlainText(e)
		switch {
		case plain && text == "*":
			return nil, true
		case plain: // as JSON has it, and Terraform of old
			if t, err := ParseTraversal(text); err == nil {
				paths = append(paths, t)
			}
		default:
			if t, diags := hcl.AbsTraversalForExpr(e); !diags.HasErrors() {
				paths = append(paths, t)
			}
		}
	}
	return paths, false
}
