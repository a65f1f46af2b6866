package rootmodule

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	hcljson "github.com/hashicorp/hcl/v2/json"
	"github.com/zclconf/go-cty/cty"
)

// Every text in HCL is parsed here: within bounds, and so that a parser that fails takes the
// text and not the process. An error is hcl.Diagnostics, or one of those of Check.

// Parse reads a text in one of the two syntaxes of the engines' language: the name
// tells which, and ranges hold it. With an error, which may be hcl.Diagnostics, the
// body is what could be read all the same; nil when nothing could.
func Parse(name string, src []byte) (body hcl.Body, err error) { return parse(name, src, MaxHCL) }

// ParseOwn is Parse in a process of its own, which can be killed: files may be larger.
func ParseOwn(name string, src []byte) (hcl.Body, error) { return parse(name, src, maxOwn) }

func parse(name string, src []byte, most int) (body hcl.Body, err error) {
	defer recovered(&err, func() { body = nil })
	var file *hcl.File
	var diags hcl.Diagnostics
	if IsJSON(name) {
		if err := Check(src, JSON, most); err != nil {
			return nil, err
		}
		if !json.Valid(src) { // the depth of what is no JSON is not known
			return nil, errors.New("no JSON")
		}
		file, diags = hcljson.Parse(src, name)
	} else {
		if err := Check(src, Config, most); err != nil {
			return nil, err
		}
		file, diags = hclsyntax.ParseConfig(src, name, hcl.InitialPos)
	}
	if file != nil {
		body = file.Body
	}
	return body, failed(diags)
}

// ParseNative is Parse of what is not in the JSON syntax, whatever it is called.
func ParseNative(name string, src []byte) (body *hclsyntax.Body, err error) {
	defer recovered(&err, func() { body = nil })
	if err := Check(src, Config, MaxHCL); err != nil {
		return nil, err
	}
	file, diags := hclsyntax.ParseConfig(src, name, hcl.InitialPos)
	body, _ = file.Body.(*hclsyntax.Body)
	return body, failed(diags)
}

// ParseExpression reads an expression; nil with an error.
func ParseExpression(src []byte) (e hclsyntax.Expression, err error) {
	return expression(src, Expression, hcl.InitialPos, hclsyntax.ParseExpression)
}

// ParseTemplate reads a text with places to put something in; nil with an error. Ranges begin
// at start.
func ParseTemplate(src []byte, start hcl.Pos) (e hclsyntax.Expression, err error) {
	return expression(src, Template, start, hclsyntax.ParseTemplate)
}

func expression(src []byte, s Syntax, start hcl.Pos,
	parse func([]byte, string, hcl.Pos) (hclsyntax.Expression, hcl.Diagnostics)) (e hclsyntax.Expression, err error) {
	defer recovered(&err, func() { e = nil })
	if err := Check(src, s, MaxHCL); err != nil {
		return nil, err
	}
	e, diags := parse(src, "", start)
	if err := failed(diags); err != nil {
		return nil, err
	}
	if e == nil {
		return nil, errors.New("no expression")
	}
	return e, nil
}

// ParseTraversal reads a reference; nil with an error.
func ParseTraversal(text string) (t hcl.Traversal, err error) {
	defer recovered(&err, func() { t = nil })
	if err := Check([]byte(text), Expression, MaxHCL); err != nil {
		return nil, err
	}
	t, diags := hclsyntax.ParseTraversalAbs([]byte(text), "", hcl.InitialPos)
	if err := failed(diags); err != nil {
		return nil, err
	}
	return t, nil
}

// Words are the tokens of an expression, comments and ends of lines left out; none of what
// would not be parsed.
func Words(src string) (words []string) {
	if Check([]byte(src), Expression, MaxHCL) != nil {
		return nil
	}
	tokens, _ := hclsyntax.LexExpression([]byte(src), "", hcl.InitialPos)
	for _, t := range tokens {
		switch t.Type {
		case hclsyntax.TokenComment, hclsyntax.TokenNewline, hclsyntax.TokenEOF:
		default:
			words = append(words, string(t.Bytes))
		}
	}
	return words
}

// recovered makes an error of a parser that fails.
func recovered(err *error, drop func()) {
	if failed := recover(); failed != nil {
		drop()
		*err = fmt.Errorf("tfops fails to parse it, please report it: %v", failed)
	}
}

// failed are diagnostics as an error, where one of them is.
func failed(diags hcl.Diagnostics) error {
	if diags.HasErrors() {
		return diags
	}
	return nil
}

// Literal is the value of an attribute that is a plain string; "" for any other.
func Literal(a *hcl.Attribute) string {
	if a == nil {
		return ""
	}
	s, _ := PlainText(a.Expr)
	return s
}

// PlainText is the value of an expression that is a string without anything
// to compute in it. Nothing is evaluated: a few loops within one another, which
// need no name and no function, would keep the process busy for good.
func PlainText(expr hcl.Expression) (string, bool) {
	if p, ok := expr.(*hclsyntax.ParenthesesExpr); ok {
		return PlainText(p.Expression)
	}
	if t, ok := expr.(*hclsyntax.TemplateExpr); ok {
		for _, part := range t.Parts {
			if _, ok := part.(*hclsyntax.LiteralValueExpr); !ok {
				return "", false
			}
		}
	} else if _, native := expr.(hclsyntax.Expression); native {
		return "", false
	}
	v, diags := expr.Value(nil) // JSON, where nothing is computed without a context, or plain parts
	if diags.HasErrors() || v.IsNull() || !v.IsKnown() || v.Type() != cty.String {
		return "", false
	}
	return v.AsString(), true
}
