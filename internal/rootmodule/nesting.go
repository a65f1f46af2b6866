package rootmodule

import (
	"bytes"
	"errors"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// maxNesting is far more than a person writes and far less than what overflows
// the stack of HCL's recursive parser, which would end the whole process.
const maxNesting = 1000

// Sizes in bytes from which on HCL is not parsed.
const (
	MaxHCL = 1 << 20  // by the daemon
	maxOwn = 64 << 20 // by a process of its own, which can be killed
)

// maxCopied bounds how many bytes HCL's parser may copy to join what belongs together, which
// grows with the square of what is joined: a gibibyte takes a second or two. A document of
// 500 KiB in 2,000 lines has half of that.
const maxCopied = 1 << 30

// What is not parsed: whoever may push to a repository could otherwise end the process, or
// keep it busy for minutes, with one file.
var (
	ErrTooDeep   = errors.New("nested too deep to be read")
	ErrTooLarge  = errors.New("too large to be read")
	ErrTooCostly = errors.New("too slow to be read: a text in it has too many lines or pieces")
)

// Syntax is how a text is read.
type Syntax int

// The syntaxes of the engines' language.
const (
	Config     Syntax = iota // a file of blocks and attributes
	Expression               // one expression
	Template                 // text with places to put something in
	JSON                     // what is in its texts is looked at when they are read
)

// Check tells, in a time that grows with the size alone, why a text should not be given to a
// parser; nil where it may. No text should be larger than most bytes.
func Check(src []byte, syntax Syntax, most int) error {
	switch {
	case len(src) > most:
		return ErrTooLarge
	case syntax == JSON && deepJSON(src):
		return ErrTooDeep
	case syntax == JSON || harmless(src):
		return nil
	}
	lex := hclsyntax.LexConfig
	switch syntax {
	case Expression:
		lex = hclsyntax.LexExpression
	case Template: // what is a comment to the others is text here
		lex = hclsyntax.LexTemplate
	}
	tokens, _ := lex(src, "", hcl.InitialPos) // what does not lex does not parse
	return weigh(tokens)
}

// harmless reports whether a text has too little in it to be anything else, whatever it means.
func harmless(src []byte) bool {
	few, directives, pieces := 0, 0, 1
	for _, c := range src {
		switch {
		case strings.IndexByte("([{!-?+*/<>=&|", c) >= 0:
			few++
		case strings.IndexByte("\n\r$%:\\\"", c) >= 0, c >= 0x80: // what is no UTF-8 is a piece of its own
			pieces++
		}
		if c == '%' {
			directives++
			few++
		}
	}
	return few <= maxNesting && directives <= maxNesting && int64(pieces)*int64(len(src)+piece*pieces) <= maxCopied
}

// weigh looks for what nests too deep, and for what takes too long.
func weigh(tokens hclsyntax.Tokens) error {
	w := scales{levels: make([]level, 1, 16), texts: make([]text, 1, 16)}
	for _, t := range tokens {
		w.nests(t)
		w.chains(t)
		w.joins(t)
		switch {
		case max(len(w.levels), len(w.texts), w.signs, w.directives) > maxNesting || w.chain > 10*maxNesting:
			return ErrTooDeep
		case w.copied > maxCopied:
			return ErrTooCostly
		}
		if t.Type != hclsyntax.TokenComment && t.Type != hclsyntax.TokenNewline {
			w.before = t.Type
		}
	}
	return nil
}

// scales are what was seen of some tokens so far.
type scales struct {
	before     hclsyntax.TokenType
	levels     []level // the file, and brackets that are open
	signs      int     // signs before one another
	chain      int     // what nests without a bracket, on all levels
	directives int     // of templates, that are open
	texts      []text  // that are open; the first is a template's, or none
	name       int64   // bytes of the name that grows
	copied     int64
}

// level is what is within a bracket.
type level struct {
	lines bool // the end of a line ends what stands before it
	chain int
}

// nests follows brackets, signs and directives.
func (w *scales) nests(t hclsyntax.Token) {
	switch t.Type {
	case hclsyntax.TokenComment, hclsyntax.TokenNewline:
		return
	case hclsyntax.TokenBang, hclsyntax.TokenMinus:
		w.signs++
	default:
		w.signs = 0
	}
	if t.Type != hclsyntax.TokenIdent || w.before != hclsyntax.TokenTemplateControl {
		return
	}
	switch { // %{if a}%{if b}
	case bytes.HasPrefix(t.Bytes, []byte("end")):
		w.directives = max(w.directives-1, 0)
	case !bytes.Equal(t.Bytes, []byte("else")):
		w.directives++
	}
}

// chains follows brackets, and what nests without one: a + b + c and a[0][0] to the left,
// a ? b : c ? d : e to the right.
func (w *scales) chains(t hclsyntax.Token) {
	top := &w.levels[len(w.levels)-1]
	switch t.Type {
	case hclsyntax.TokenPlus, hclsyntax.TokenMinus, hclsyntax.TokenStar, hclsyntax.TokenSlash, hclsyntax.TokenPercent,
		hclsyntax.TokenAnd, hclsyntax.TokenOr, hclsyntax.TokenEqualOp, hclsyntax.TokenNotEqual,
		hclsyntax.TokenLessThan, hclsyntax.TokenLessThanEq, hclsyntax.TokenGreaterThan, hclsyntax.TokenGreaterThanEq,
		hclsyntax.TokenQuestion:
		w.link(top)
	case hclsyntax.TokenDot:
		if w.before == hclsyntax.TokenCBrack {
			w.link(top)
		}
	case hclsyntax.TokenOBrack:
		if w.before == hclsyntax.TokenCBrack {
			w.link(top)
		}
		w.levels = append(w.levels, level{})
	case hclsyntax.TokenOBrace, hclsyntax.TokenOParen, hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl:
		w.levels = append(w.levels, level{lines: t.Type == hclsyntax.TokenOBrace})
	case hclsyntax.TokenCParen, hclsyntax.TokenCBrack, hclsyntax.TokenCBrace, hclsyntax.TokenTemplateSeqEnd:
		w.cut(top)
		if len(w.levels) > 1 {
			w.levels = w.levels[:len(w.levels)-1]
		}
	case hclsyntax.TokenComma:
		w.cut(top)
	case hclsyntax.TokenNewline:
		if top.lines || len(w.levels) == 1 {
			w.cut(top)
		}
	}
}

func (w *scales) link(l *level) { l.chain++; w.chain++ }

func (w *scales) cut(l *level) { w.chain, l.chain = w.chain-l.chain, 0 }

// piece is what it costs to move what stands for a piece of a text, beside a byte that is copied
// into new memory.
const piece = 4

// text is one that is open: between quotes, or a heredoc.
type text struct {
	size  int64 // of what is joined by now, in bytes; 0 after what is put in
	joins int64
}

// joins weighs what is copied anew with each piece of a text: what was joined of it before, and
// what stands for the pieces after it. A line is one, and what has a meaning of its own in it.
func (w *scales) joins(t hclsyntax.Token) {
	top := &w.texts[len(w.texts)-1]
	switch t.Type {
	case hclsyntax.TokenOQuote, hclsyntax.TokenOHeredoc:
		w.texts = append(w.texts, text{})
	case hclsyntax.TokenCQuote, hclsyntax.TokenCHeredoc:
		if len(w.texts) > 1 {
			w.texts = w.texts[:len(w.texts)-1]
		}
	case hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl:
		w.copied += piece * top.joins
		top.size = 0
	case hclsyntax.TokenQuotedLit, hclsyntax.TokenStringLit, hclsyntax.TokenQuotedNewline, hclsyntax.TokenBadUTF8,
		hclsyntax.TokenInvalid:
		if top.size > 0 {
			top.joins++
			w.copied += top.size
		}
		top.size += int64(len(t.Bytes))
		w.copied += piece * top.joins
	case hclsyntax.TokenDoubleColon: // the name of a function grows by its namespaces
		w.name++
		w.copied += piece * w.name
	case hclsyntax.TokenIdent:
		if w.before != hclsyntax.TokenDoubleColon {
			w.name = 0
		}
		w.name += int64(len(t.Bytes))
		w.copied += w.name
	}
}

// TooDeep reports whether the daemon should not give a text of blocks and attributes, or an
// expression, to a parser.
func TooDeep(src []byte) bool { return Check(src, Config, MaxHCL) != nil }

// deepJSON reports whether JSON has too much within one another.
func deepJSON(src []byte) bool {
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
