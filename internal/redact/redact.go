// Package redact knows in which forms a secret stands in a text that repeats it.
package redact

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Text hides secrets in what a remote answered, which may repeat them in any form: as they
// are, each character escaped or not, and encoded. It is for short texts; hiding too much
// of one does no harm.
func Text(text, hidden string, secrets ...string) string {
	for _, secret := range secrets {
		for _, part := range Parts(secret) {
			text = anyhow(part).ReplaceAllLiteralString(text, hidden)
			if len(part) < Shortest { // its forms are found in anything
				continue
			}
			for _, form := range Forms(part) {
				text = strings.ReplaceAll(text, form, hidden)
			}
		}
	}
	return text
}

// anyhow matches a secret of which each character may be escaped, as in a URL or in JSON.
func anyhow(secret string) *regexp.Regexp {
	var b strings.Builder
	for i := 0; i < len(secret); {
		r, size := utf8.DecodeRuneInString(secret[i:])
		// of what is no UTF-8 the replacement character, which matches it
		b.WriteString("(?:" + regexp.QuoteMeta(string(r)) + "|")
		for _, c := range []byte(secret[i : i+size]) {
			fmt.Fprintf(&b, `%%(?i:%02x)`, c)
		}
		fmt.Fprintf(&b, `|\\u(?i:%04x)|\\x(?i:%02x)`, r, r)
		if r == ' ' {
			b.WriteString(`|\+`)
		}
		if strings.ContainsRune("\"\\/'", r) {
			b.WriteString(`|\\` + regexp.QuoteMeta(string(r)))
		}
		b.WriteString(")")
		i += size
	}
	return regexp.MustCompile(b.String())
}
