package inputs

import (
	"github.com/hashicorp/hcl/v2"

	"github.com/tfops/tfops/internal/rootmodule"
)

// LiteralText is the value of an attribute that is a plain string, or "".
func LiteralText(a *hcl.Attribute) string {
	if a == nil {
		return ""
	}
	s, _ := rootmodule.PlainText(a.Expr)
	return s
}
