// Package syntax parses tfops.hcl, and goes on where its syntax is broken: what a
// block without its closing brace has swallowed is read all the same.
package syntax

import (
	"bytes"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/tfops/tfops/internal/config/problems"
	"github.com/tfops/tfops/internal/config/schema"
	"github.com/tfops/tfops/internal/lazyregexp"
)

// Parsed is a file as far as it can be parsed.
type Parsed struct {
	Body    *hclsyntax.Body
	Found   hcl.Diagnostics
	Secrets []hcl.Range // places of what was found whose lines may hold a secret
	Broken  bool        // what seems missing may stand in what the parser skipped
	Hidden  bool        // and the parser did skip something
}

// Parse parses a file. One forgotten quote makes a finding of every line after
// it; the first is kept.
func Parse(src []byte, path string) (p Parsed) {
	file, diags := hclsyntax.ParseConfig(src, path, hcl.InitialPos)
	p.Body, p.Broken = file.Body.(*hclsyntax.Body), diags.HasErrors()
	if p.Broken {
		lift(p.Body, src, diags)
		p.Hidden = hides(p.Body, src, diags)
	}
	quotes := 0
	for _, d := range diags {
		if d.Summary == "Invalid multi-line string" {
			if quotes++; quotes > 1 {
				continue
			}
		}
		c := *d
		c.Summary = problems.LowerFirst(d.Summary)
		if c.Subject != nil && maySecret(src, c.Subject.Start.Byte) {
			p.Secrets = append(p.Secrets, *c.Subject)
		}
		p.Found = append(p.Found, &c)
	}
	return p
}

// lift moves to the file what a block without its closing brace has swallowed:
// the blocks of other kinds that follow it. The parser says of one at most that
// it is not closed, and of none after another mistake.
func lift(body *hclsyntax.Body, src []byte, diags hcl.Diagnostics) {
	unclosed := map[hcl.Range]bool{}
	for _, d := range diags {
		if d.Summary == "Unclosed configuration block" && d.Subject != nil {
			unclosed[*d.Subject] = true
		}
	}
	open := func(hb *hclsyntax.Block) bool {
		end := hb.CloseBraceRange
		return unclosed[hb.OpenBraceRange] || !end.CanSliceBytes(src) || string(end.SliceBytes(src)) != "}"
	}
	var lifted hclsyntax.Blocks
	for _, hb := range body.Blocks {
		lifted = append(lifted, hb)
		if k := schema.File.Block(hb.Type); k != nil && open(hb) {
			lifted = append(lifted, swallowed(hb.Body, k)...)
		}
	}
	body.Blocks = lifted
}

// swallowed takes out of a body the blocks that are not of its kind and stand in
// the file itself.
func swallowed(body *hclsyntax.Body, k *schema.Kind) (out hclsyntax.Blocks) {
	var own hclsyntax.Blocks
	for _, hb := range body.Blocks {
		inner := k.Block(hb.Type)
		if inner == nil && schema.File.Block(hb.Type) != nil {
			out = append(out, hb)
			continue
		}
		if own = append(own, hb); inner != nil {
			out = append(out, swallowed(hb.Body, inner)...)
		}
	}
	body.Blocks = own
	return out
}

// itemLine is a line that begins an attribute, an item of a map or a block.
var itemLine = lazyregexp.New(`(?m)^[ \t]*("?[A-Za-z_][A-Za-z0-9_-]*"?)(?:[ \t]*=|(?:[ \t]+"[^"\n]*")*[ \t]*\{)`)

// hides reports whether the parser has skipped lines after its first mistake
// that look as if they said something.
func hides(body *hclsyntax.Body, src []byte, diags hcl.Diagnostics) bool {
	first := len(src)
	for _, d := range diags {
		if d.Severity == hcl.DiagError && d.Subject != nil {
			first = min(first, d.Subject.Start.Byte)
		}
	}
	parsed := map[int]bool{}
	var Texts []hcl.Range
	_ = hclsyntax.VisitAll(body, func(n hclsyntax.Node) hcl.Diagnostics {
		switch n := n.(type) {
		case *hclsyntax.Attribute:
			parsed[n.NameRange.Start.Byte] = true
		case *hclsyntax.Block:
			parsed[n.TypeRange.Start.Byte] = true
		case *hclsyntax.ObjectConsExpr:
			for _, i := range n.Items {
				parsed[i.KeyExpr.Range().Start.Byte] = true
			}
		case *hclsyntax.TemplateExpr:
			if rng := n.Range(); rng.CanSliceBytes(src) && bytes.HasPrefix(rng.SliceBytes(src), []byte("<<")) {
				Texts = append(Texts, rng)
			}
		}
		return nil
	})
	for _, d := range diags {
		if d.Summary == "Attribute redefined" && d.Subject != nil {
			parsed[d.Subject.Start.Byte] = true // dropped, and reported
		}
	}
	for _, m := range itemLine().FindAllSubmatchIndex(src, -1) {
		if at := m[2]; at >= first && !parsed[at] && !within(Texts, at) {
			return true
		}
	}
	return false
}

func within(ranges []hcl.Range, at int) bool {
	for _, rng := range ranges {
		if rng.Start.Byte <= at && at < rng.End.Byte {
			return true
		}
	}
	return false
}

var (
	blockLine  = lazyregexp.New(`(?m)^[ \t]*([a-z]+)\b[^\n={]*\{`)
	secretLine = lazyregexp.New(`\b(url|secret)[ \t]*=`)
	openLine   = lazyregexp.New(
		`^[ \t]*(notify|filter|template|on|style|workspaces|labels|severity|title|text)\b`)
)

// maySecret reports whether a place, at which the syntax is broken, lies on a
// line of a notify block that may hold its url or secret.
func maySecret(src []byte, at int) bool {
	at = min(at, len(src))
	start := bytes.LastIndexByte(src[:at], '\n') + 1
	line, _, _ := bytes.Cut(src[start:], []byte("\n"))
	within := &schema.Kind{}
	for _, m := range blockLine().FindAllSubmatch(src[:start+len(line)], -1) {
		if k := schema.File.Block(string(m[1])); k != nil {
			within = k
		}
	}
	return within.Secret && (secretLine().Match(line) || !openLine().Match(line))
}
