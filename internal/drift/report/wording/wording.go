// Package wording writes numbers, lists and foreign text the way a drift report
// shows them, in the report itself and in all of its formats.
package wording

import (
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/tfops/tfops/internal/term"
)

// Count is a number with its thing.
func Count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return Number(n) + " " + what
}

// Number groups digits as in 12,345.
func Number(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// List joins parts as a sentence does: "a, b and c".
func List(parts []string) string {
	if n := len(parts); n > 1 {
		return strings.Join(parts[:n-1], ", ") + " and " + parts[n-1]
	}
	return strings.Join(parts, "")
}

// Sentence begins with a capital.
func Sentence(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// Link is an address of the web that can be written as a link; empty if not.
func Link(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" ||
		strings.ContainsAny(s, "<> \"'`\\") || term.Clean(s) != s {
		return ""
	}
	u.User = nil
	return u.String()
}

// Cleaned are texts from outside, safe to show.
func Cleaned(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = term.Clean(s)
	}
	return out
}

// Whole is a text that was cut, with the length of the whole; with 0 it was not.
func Whole(text string, length int) string {
	if length == 0 {
		return text
	}
	return text + " (" + Count(length, "character") + " in all)"
}

// Cut shortens a text to so many characters around the first that differs from
// another. length is that of the whole; 0 when nothing was cut.
func Cut(s, other string, limit int) (shown string, length int) {
	if len(s) <= limit {
		return s, 0
	}
	n := utf8.RuneCountInString(s)
	if n <= limit {
		return s, 0
	}
	same := 0 // characters that are alike
	for i, r := range s {
		if o, _ := utf8.DecodeRuneInString(other[min(i, len(other)):]); o != r || i >= len(other) {
			break
		}
		same++
	}
	from := 0
	if other != "" && same > limit/2 {
		from = same - limit/4 // alike for both, so that they can be compared
	}
	runes := []rune(s)
	shown = string(runes[from:min(n, from+limit)])
	if from > 0 {
		shown = "…" + shown
	}
	if from+limit < n {
		shown += "…"
	}
	return shown, n
}
