package redact

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"strconv"
	"strings"
)

// Forms are all ways in which programs write a secret: as it is; quoted by JSON (alone and
// within JSON), by Go, by HCL and by a shell; escaped for HTML and for a URL; in hexadecimal
// digits; and in base64, alone and at every place within a longer text. Each stands there once.
//
// One list serves the plan, the log, errors and the API, so that none shows what another hides.
func Forms(secret string) []string {
	var all []string
	seen := map[string]bool{"": true, Hidden: true}
	add := func(forms ...string) {
		for _, f := range forms {
			if !seen[f] {
				seen[f] = true
				all = append(all, f)
			}
		}
	}
	add(secret)
	if !isUnreserved(secret) {
		quotedForms(secret, add)
	}
	if len(secret) >= Shortest {
		for _, form := range Encoded(secret) {
			if len(form) >= shortestForm && telling(form) {
				add(form)
			}
		}
	}
	return all
}

// quotedForms adds a secret as it stands between quotes of any kind.
func quotedForms(secret string, add func(...string)) {
	for _, form := range []string{jsonInner(secret, true), jsonInner(secret, false)} {
		add(form, jsonInner(form, true), jsonInner(form, false)) // JSON as a string in JSON
	}
	quoted := inner(strconv.Quote(secret))
	add(quoted, inner(strconv.QuoteToASCII(secret)), hclInner(secret), hclInner(quoted),
		strings.ReplaceAll(secret, `'`, `'\''`))
	add(html.EscapeString(secret), htmlNamed.Replace(secret))
}

// shortestForm is how long an encoded form must be. Four letters and digits of base64, large
// and small, are in no word and in no name.
const shortestForm = 4

// telling reports whether a short text can be taken for nothing but an encoded one: of a long
// one that is certain.
func telling(form string) bool {
	if len(form) >= Long {
		return true
	}
	return form != strings.ToLower(form) && form != strings.ToUpper(form) ||
		strings.ContainsAny(form, "0123456789+/-_%")
}

// htmlNamed escapes as template engines do that have names for quotes.
var htmlNamed = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&apos;")

func inner(quoted string) string { return quoted[1 : len(quoted)-1] }

// jsonInner is a text as it stands within JSON. forHTML tells whether <, > and & are escaped,
// as Go does unless told otherwise.
func jsonInner(text string, forHTML bool) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(forHTML)
	if err := enc.Encode(text); err != nil {
		return "" // strings always encode
	}
	return inner(strings.TrimSuffix(b.String(), "\n"))
}

// hclInner is a text as HCL writes it between quotes.
func hclInner(text string) string {
	return strings.NewReplacer("\\", `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`, "${", "$${", "%{", "%%{").
		Replace(text)
}

// Encoded is a secret as part of a URL, in hexadecimal digits, and in base64, alone and at
// every place within a longer text: where it begins makes three different encodings, of
// which the first and the last digits depend on its neighbours.
func Encoded(secret string) []string {
	inHex := hex.EncodeToString([]byte(secret))
	forms := append([]string{inHex, strings.ToUpper(inHex)}, inURL(secret)...)
	for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
		whole := enc.EncodeToString([]byte(secret))
		forms = append(forms, whole)
		for before := range 3 {
			text := enc.EncodeToString(append(make([]byte, before), secret...))
			first, last := (before*8+5)/6, (before+len(secret))*8/6
			forms = append(forms, text[first:last])
		}
		forms = append(forms, wrapped(whole)...)
	}
	return forms
}

// inURL is a secret as part of a URL.
func inURL(secret string) []string {
	if isUnreserved(secret) {
		return []string{secret}
	}
	forms := []string{strings.TrimPrefix(url.UserPassword("", secret).String(), ":")}
	for _, escape := range []func(string) string{url.QueryEscape, url.PathEscape, unreserved} {
		escaped := escape(secret)
		for _, form := range []string{escaped, strings.ReplaceAll(escaped, "%2F", "/")} { // as some languages have it
			forms = append(forms, form, lowerHex(form))
		}
	}
	return forms
}

// wrapped are the lines into which programs break base64: after 64 digits, as in PEM, or 76,
// as in mail.
func wrapped(text string) (lines []string) {
	for _, width := range []int{64, 76} {
		for rest := text; len(text) > width && len(rest) >= Long; rest = rest[min(width, len(rest)):] {
			lines = append(lines, rest[:min(width, len(rest))])
		}
	}
	return lines
}

// isUnreserved reports whether nobody escapes any character of a text.
func isUnreserved(s string) bool {
	for i := range len(s) {
		if !unreservedByte(s[i]) {
			return false
		}
	}
	return true
}

// unreservedByte reports whether RFC 3986 calls a character unreserved.
func unreservedByte(c byte) bool {
	return strings.IndexByte("-._~", c) >= 0 || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// unreserved escapes all that RFC 3986 does not call unreserved.
func unreserved(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; unreservedByte(c) {
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
