// Package redact knows in which forms a secret stands in a text that repeats it.
package redact

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// shortestLine is how long a line of a secret must be to be one by itself: shorter ones are
// braces and the like.
const shortestLine = 8

// Shortest is how long a secret must be, in bytes, to be replaced within a longer text.
// Replacing every "1" or "eu" would make texts unreadable and hide nothing.
const Shortest = 4

// ShortestEncoded is the length from which on encoded forms of a secret are looked for in
// what engines print: those of shorter ones are found in anything.
const ShortestEncoded = 8

// SecretName guesses from the name of a variable or a setting whether its value is secret.
// Too much hidden is a nuisance, too little a leak.
func SecretName(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc([]string{"secret", "token", "password", "passwd", "passphrase", "private", "credential",
		"api_key", "apikey", "access_key", "session"}, func(word string) bool { return strings.Contains(name, word) })
}

// Parts are a secret, and what programs make of one that has more than one line: without
// white space at its ends, as of a file that ends with a new line, and each line alone.
// Nothing for an empty one.
func Parts(secret string) []string {
	if secret == "" {
		return nil
	}
	all := []string{secret}
	if t := strings.TrimSpace(secret); t != secret && t != "" {
		all = append(all, t)
	}
	if !strings.Contains(secret, "\n") {
		return all
	}
	for line := range strings.Lines(secret) {
		if line = strings.TrimSpace(line); len(line) >= shortestLine {
			all = append(all, line)
		}
	}
	return all
}

// Encoded is a secret as part of a URL, in hexadecimal digits, and in base64, alone and at
// every place within a longer text: where it begins makes three different encodings, of
// which the first and the last digits depend on its neighbours.
func Encoded(secret string) []string {
	forms := []string{hex.EncodeToString([]byte(secret))}
	for _, escape := range []func(string) string{url.QueryEscape, url.PathEscape, unreserved} {
		escaped := escape(secret)
		for _, form := range []string{escaped, strings.ReplaceAll(escaped, "%2F", "/")} { // as some languages have it
			forms = append(forms, form, lowerHex(form))
		}
	}
	for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
		forms = append(forms, enc.EncodeToString([]byte(secret)))
		for before := range 3 {
			text := enc.EncodeToString(append(make([]byte, before), secret...))
			first, last := (before*8+5)/6, (before+len(secret))*8/6
			forms = append(forms, text[first:last])
		}
	}
	return forms
}

// unreserved escapes all that RFC 3986 does not call unreserved.
func unreserved(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; strings.IndexByte("-._~", c) >= 0 || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c &&
			c <= 'Z' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// lowerHex writes escapes with small letters.
func lowerHex(escaped string) string {
	b := []byte(escaped)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			copy(b[i+1:], strings.ToLower(string(b[i+1:i+3])))
		}
	}
	return string(b)
}

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
			for _, form := range Encoded(part) {
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
