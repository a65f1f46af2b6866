package config

import (
	"bytes"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/tfops/tfops/internal/lazily"
)

// secretText reads an attribute that is a secret wherever it comes from: no
// message shows a line of the file on which it may stand. One line end at its
// end is dropped: files that hold one thing end with it.
func (b block) secretText(name string) field[string] {
	a, ok := b.body.Attributes[name]
	if !ok {
		return field[string]{}
	}
	if !fromOutside(a.Expr) {
		b.r.veiled = append(b.r.veiled, a.SrcRange)
	}
	b.r.veil = true
	f := b.text(name, hidden)
	b.r.veil = false
	f.val = strings.TrimSuffix(strings.TrimSuffix(f.val, "\n"), "\r")
	return f
}

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
	return call.Name == "env" && envName().MatchString(arg.AsString()) || call.Name == "file" && !isAddress(arg.AsString())
}

// isAddress reports whether a text that should be a name is where to send to.
func isAddress(s string) bool { return strings.ContainsAny(s, "@:") || strings.Contains(s, "//") }

// secretWords are in the names of attributes that may hold a secret.
var secretWords = lazily.Pattern(`(?i)ur[li]|hook|hmac|pass|secret|token|cred|key|auth|dsn|endpoint`)

// coverAttribute hides the line of an attribute that should not be there, where
// its value may be a secret that belongs elsewhere, or under another name.
func (b block) coverAttribute(a *hclsyntax.Attribute) {
	inNotify := b.kind == notifyKind && !openWord().MatchString(a.Name)
	if !fromOutside(a.Expr) && (inNotify || secretWords().MatchString(a.Name) || strings.Contains(b.r.written(a.Expr), "://")) {
		b.r.veiled = append(b.r.veiled, a.SrcRange)
	}
}

// written is an expression as it stands in the file.
func (r *reader) written(expr hclsyntax.Expression) string {
	rng := expr.Range()
	src := r.sources[rng.Filename]
	if src == nil || !rng.CanSliceBytes(src.Bytes) {
		return ""
	}
	return string(rng.SliceBytes(src.Bytes))
}

// coverBlock hides the line on which a block begins that should not be there,
// where a label or an attribute on it may be a secret.
func (b block) coverBlock(hb *hclsyntax.Block) {
	hide := slices.ContainsFunc(hb.Labels, isAddress) || b.kind == notifyKind && len(hb.Labels) > 0
	for _, a := range hb.Body.Attributes {
		hide = hide || a.SrcRange.Start.Line == hb.TypeRange.Start.Line && !fromOutside(a.Expr)
	}
	if hide {
		b.r.veiled = append(b.r.veiled, hb.DefRange())
	}
}

// covered are the findings, without the line of source where that is veiled.
func (r *reader) covered() hcl.Diagnostics {
	out := make(hcl.Diagnostics, len(r.diags))
	for i, d := range r.diags {
		out[i] = d
		for _, v := range r.veiled {
			if d.Subject != nil && v.Filename == d.Subject.Filename && v.Start.Line <= d.Subject.Start.Line && d.Subject.Start.Line <= v.End.Line {
				c := *d
				c.Extra, out[i] = quiet{}, &c
			}
		}
	}
	return out
}

var (
	blockLine  = lazily.Pattern(`(?m)^[ \t]*([a-z]+)\b[^\n={]*\{`)
	secretLine = lazily.Pattern(`\b(url|secret)[ \t]*=`)
	openLine   = lazily.Pattern(`^[ \t]*(notify|filter|template|on|style|workspaces|labels|severity|title|text)\b`)
	openWord   = lazily.Pattern(`^(events|kinds|when|on_\w+|format|formats|name|description|workspaces?|labels?|severity|level)$`)
)

// maySecret reports whether a place, at which the syntax is broken, lies on a
// line of a notify block that may hold its url or secret.
func maySecret(src []byte, at int) bool {
	at = min(at, len(src))
	line := src[bytes.LastIndexByte(src[:at], '\n')+1:]
	rest := src[:len(src)-len(line)]
	if end := bytes.IndexByte(line, '\n'); end >= 0 {
		line = line[:end]
	}
	within := ""
	for _, m := range blockLine().FindAllSubmatch(append(bytes.Clone(rest), line...), -1) {
		if name := string(m[1]); fileKind.block(name) != nil {
			within = name
		}
	}
	return within == notifyKind.typ && (secretLine().Match(line) || !openLine().Match(line))
}

// longSegment is from how many characters on a part of a webhook's path may be
// a token.
const longSegment = 16

// checkPlainURL warns of a URL with a secret in it that is written out.
func (r *reader) checkPlainURL(f field[string]) {
	u, err := url.Parse(f.val)
	if f.secret || f.val == "" || err != nil {
		return
	}
	_, password := u.User.Password()
	switch strings.ToLower(u.Scheme) {
	case "smtp", "smtps":
		if !password {
			return
		}
	case "http", "https":
		long := false
		for part := range strings.SplitSeq(u.Path, "/") {
			long = long || len(part) >= longSegment
		}
		if u.User == nil && u.RawQuery == "" && !long {
			return
		}
	}
	r.plainText(f, "url")
}

// checkPlainHTTP warns of a password that anybody on the way can read.
func (r *reader) checkPlainHTTP(f field[string]) {
	u, err := url.Parse(f.val)
	if err != nil || strings.ToLower(u.Scheme) != "http" || u.User == nil {
		return
	}
	if ip := net.ParseIP(u.Hostname()); u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		r.warnAt(f.rng, "password over plain http", "Anybody on the way can read the password. Use https.")
	}
}
