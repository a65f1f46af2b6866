package rootmodule

import (
	"bytes"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// maxNesting is far more than a person writes and far less than what overflows
// the stack of HCL's recursive parser, which would end the whole process.
const maxNesting = 1000

// MaxHCL is the size in bytes from which on tfops does not parse HCL.
const MaxHCL = 1 << 20

// TooDeep reports whether HCL text should not be given to a parser: it is
// larger than MaxHCL, or has too much within one another. Whoever may push to a
// repository could otherwise stop the daemon with a file of brackets.
func TooDeep(src []byte) bool { return len(src) > MaxHCL || Deep(src) }

// Deep is TooDeep whatever the size is.
func Deep(src []byte) bool {
	few := 0
	for _, c := range src {
		if strings.IndexByte("([{!-?", c) >= 0 {
			few++
		}
	}
	if few <= maxNesting {
		return false
	}
	tokens, _ := hclsyntax.LexConfig(src, "", hcl.InitialPos) // what does not lex does not parse
	return nestsTooDeep(tokens)
}

func nestsTooDeep(tokens hclsyntax.Tokens) bool {
	depth, run, chain := 0, 0, 0
	var before hclsyntax.TokenType
	for _, t := range tokens {
		switch t.Type {
		case hclsyntax.TokenComment, hclsyntax.TokenNewline:
			continue
		case hclsyntax.TokenOParen, hclsyntax.TokenOBrack, hclsyntax.TokenOBrace,
			hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl:
			depth++
		case hclsyntax.TokenCParen, hclsyntax.TokenCBrack, hclsyntax.TokenCBrace, hclsyntax.TokenTemplateSeqEnd:
			depth = max(depth-1, 0)
		}
		switch t.Type {
		case hclsyntax.TokenBang, hclsyntax.TokenMinus: // nest without a bracket
			run++
		default:
			run = 0
		}
		switch t.Type {
		case hclsyntax.TokenQuestion: // a ? b : c ? d : e nests to the right
			chain++
		case hclsyntax.TokenOBrack, hclsyntax.TokenDot: // a[0][0] to the left
			if before == hclsyntax.TokenCBrack {
				chain++
			}
		case hclsyntax.TokenTemplateControl: // %{if a}%{if b}
			if bytes.HasPrefix(t.Bytes, []byte("%{")) {
				chain++
			}
		}
		if before = t.Type; depth > maxNesting || run > maxNesting || chain > 10*maxNesting {
			return true
		}
	}
	return false
}

// DeepJSON reports whether valid JSON has too much within one another. What is
// in its strings is looked at when they are read.
func DeepJSON(src []byte) bool {
	depth, inText := 0, false
	for i := 0; i < len(src); i++ {
		switch c := src[i]; {
		case inText && c == '\\':
			i++
		case c == '"':
			inText = !inText
		case inText:
		case c == '{' || c == '[':
			if depth++; depth > maxNesting {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
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
