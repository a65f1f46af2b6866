package rootmodule

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	hcljson "github.com/hashicorp/hcl/v2/json"
)

// What Parse and Read do not look into.
var (
	ErrTooDeep  = errors.New("nested too deep to be read")
	ErrTooLarge = errors.New("too large to be read")
)

// Parse reads a text in one of the two syntaxes of the engines' language: the name
// tells which, and ranges hold it. With an error, which may be hcl.Diagnostics, the
// body is what could be read all the same; nil when nothing could.
func Parse(name string, src []byte) (body hcl.Body, err error) {
	defer func() {
		if failed := recover(); failed != nil {
			body, err = nil, fmt.Errorf("tfops fails to parse it, please report it: %v", failed)
		}
	}()
	var file *hcl.File
	var diags hcl.Diagnostics
	switch {
	case !IsJSON(name) && Deep(src), IsJSON(name) && DeepJSON(src):
		return nil, ErrTooDeep
	case !IsJSON(name):
		file, diags = hclsyntax.ParseConfig(src, name, hcl.InitialPos)
	case !json.Valid(src): // the depth of what is no JSON is not known
		return nil, errors.New("no JSON")
	default:
		file, diags = hcljson.Parse(src, name)
	}
	if file != nil {
		body = file.Body
	}
	if diags.HasErrors() {
		return body, diags
	}
	return body, nil
}

// Literal is the value of an attribute that is a plain string; "" for any other.
func Literal(a *hcl.Attribute) string {
	if a == nil {
		return ""
	}
	s, _ := PlainText(a.Expr)
	return s
}
