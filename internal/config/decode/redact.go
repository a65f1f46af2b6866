package decode

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/tfops/tfops/internal/config/problems"
	"github.com/tfops/tfops/internal/lazyregexp"
)

// SecretText reads an attribute that is a secret wherever it comes from: no
// message shows a line of the file on which it may stand. One line end at its
// end is dropped: files that hold one thing end with it.
func (b Block) SecretText(name string) Field[string] {
	a, ok := b.Body.Attributes[name]
	if !ok {
		return Field[string]{}
	}
	if !fromOutside(a.Expr) {
		b.r.Redact(a.SrcRange)
	}
	b.r.redact = true
	f := b.HiddenText(name)
	b.r.redact = false
	f.Val = WithoutLineEnd(f.Val)
	return f
}

// WithoutLineEnd drops one line end at the end of a text.
func WithoutLineEnd(s string) string { return strings.TrimSuffix(strings.TrimSuffix(s, "\n"), "\r") }

// Redact has no message show the lines of a part of the file.
func (r *Reader) Redact(rng hcl.Range) { r.redacted = append(r.redacted, rng) }

// fromOutside reports whether an expression does nothing but name a variable or
// a file, and not, as people do, what should stand in it.
func fromOutside(expr hclsyntax.Expression) bool {
	call, ok := expr.(*hclsyntax.FunctionCallExpr)
	if !ok || len(call.Args) != 1 {
		return false
	}
	arg, diags := call.Args[0].Value(nil)
	if diags.HasErrors() || arg.Type() != cty.String || !arg.IsKnown() || arg.IsNull() {
		return false
	}
	name := arg.AsString()
	return call.Name == "env" && EnvName().MatchString(name) || call.Name == "file" && !IsAddress(name)
}

// IsAddress reports whether a text that should be a name is where to send to.
func IsAddress(s string) bool { return strings.ContainsAny(s, "@:") || strings.Contains(s, "//") }

var (
	// secretWords are in the names of attributes that may hold a secret.
	secretWords = lazyregexp.New(`(?i)ur[li]|hook|hmac|pass|secret|token|cred|key|auth|dsn|endpoint`)
	// harmless are names, in a block whose attributes may be secret, of those that are not.
	harmless = lazyregexp.New(
		`^(events|kinds|when|on_\w+|format|formats|name|description|workspaces?|labels?|severity|level)$`)
)

// redactAttribute hides the line of an attribute that should not be there, where
// its value may be a secret that belongs elsewhere, or under another name.
func (b Block) redactAttribute(a *hclsyntax.Attribute) {
	maySecret := b.kind.Secret && !harmless().MatchString(a.Name) || secretWords().MatchString(a.Name)
	if !fromOutside(a.Expr) && (maySecret || strings.Contains(b.r.Source(a.Expr), "://")) {
		b.r.Redact(a.SrcRange)
	}
}

// redactBlock hides the line on which a block begins that should not be there,
// where a label or an attribute on it may be a secret.
func (b Block) redactBlock(hb *hclsyntax.Block) {
	hide := slices.ContainsFunc(hb.Labels, IsAddress) || b.kind.Secret && len(hb.Labels) > 0
	for _, a := range hb.Body.Attributes {
		hide = hide || a.SrcRange.Start.Line == hb.TypeRange.Start.Line && !fromOutside(a.Expr)
	}
	if hide {
		b.r.Redact(hb.DefRange())
	}
}

// withoutSources are the findings, without the line of the file where that is redacted.
func (r *Reader) withoutSources() hcl.Diagnostics {
	out := slices.Clone(r.found)
	for i, d := range out {
		if d.Subject != nil && slices.ContainsFunc(r.redacted, func(at hcl.Range) bool {
			first, last := at.Start.Line, at.End.Line
			return at.Filename == d.Subject.Filename && first <= d.Subject.Start.Line && d.Subject.Start.Line <= last
		}) {
			c := *d
			c.Extra, out[i] = problems.NoSource{}, &c
		}
	}
	return out
}
