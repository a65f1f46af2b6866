package config

import (
	"bytes"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/tfops/tfops/internal/lazily"
)

// syntax takes the parser's findings. One forgotten quote makes a finding of
// every line after it; the first is kept.
func (r *reader) syntax(body *hclsyntax.Body, src []byte, diags hcl.Diagnostics) {
	r.partial = diags.HasErrors()
	if r.partial {
		lift(body, src, diags)
		r.hidden = hides(body, src, diags)
	}
	quotes := 0
	for _, d := range diags {
		if d.Summary == "Invalid multi-line string" {
			if quotes++; quotes > 1 {
				continue
			}
		}
		c := *d
		c.Summary = lowerFirst(d.Summary)
		if c.Subject != nil && maySecret(src, c.Subject.Start.Byte) {
			r.veiled = append(r.veiled, *c.Subject)
		}
		r.add(&c)
	}
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
		if k := fileKind.block(hb.Type); k != nil && open(hb) {
			lifted = append(lifted, swallowed(hb.Body, k)...)
		}
	}
	body.Blocks = lifted
}

func swallowed(body *hclsyntax.Body, k *kind) (out hclsyntax.Blocks) {
	var own hclsyntax.Blocks
	for _, hb := range body.Blocks {
		if inner := k.block(hb.Type); inner != nil {
			own = append(own, hb)
			out = append(out, swallowed(hb.Body, inner)...)
		} else if fileKind.block(hb.Type) != nil {
			out = append(out, hb)
		} else {
			own = append(own, hb)
		}
	}
	body.Blocks = own
	return out
}

// itemLine is a line that begins an attribute, an item of a map or a block.
var itemLine = lazily.Pattern(`(?m)^[ \t]*("?[A-Za-z_][A-Za-z0-9_-]*"?)(?:[ \t]*=|(?:[ \t]+"[^"\n]*")*[ \t]*\{)`)

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
	var texts []hcl.Range
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
				texts = append(texts, rng)
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
		if at := m[2]; at >= first && !parsed[at] && !within(texts, at) {
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
