package notify

import (
	"encoding/base64"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tfops/tfops/internal/lazyregexp"
)

// hidden stands where a secret was.
const hidden = "[hidden]"

// maxError is how much of what a library says is kept, in characters.
const maxError = 300

// shortest is the length from which a part of a URL is hidden wherever it is
// found. What is shorter would make errors unreadable and protects nothing.
const shortest = 4

// plain are parts of URLs that are words of any error as well.
var plain = []string{"from", "http", "https", "smtp", "hook", "hooks", "webhook", "webhooks", "services", "always",
	"never", "post", "json", "localhost"}

var anyURL = lazyregexp.New(`(?i)\b([a-z][a-z0-9+.-]*)://[^\s"'<>\x60]+`)

// Scrub is the text of an error without what is secret about the target, on
// one line. Every part of the target's URL is hidden, as it is written, as it is
// meant and as it goes over the wire; then all URLs are cut down to their scheme,
// since servers and libraries make new ones of the old.
func (t Target) Scrub(err error) string {
	text := err.Error()
	for _, s := range t.secrets() {
		text = replaceFold(text, s)
	}
	for _, s := range t.short() {
		text = regexp.MustCompile(`(?i)(^|\W)`+regexp.QuoteMeta(s)+`(\W|$)`).ReplaceAllString(text,
			"${1}"+hidden+"${2}")
	}
	text = anyURL().ReplaceAllString(text, "$1://"+hidden)
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r)
	}), " ")
	return strings.TrimRight(Cut(text, maxError), ".")
}

// secrets are what must not be shown, the longest first.
func (t Target) secrets() []string {
	found := []string{t.Secret, t.URL}
	add := func(s string) {
		quoted := strconv.Quote(s)
		found = append(found, s, url.QueryEscape(s), url.PathEscape(s), url.User(s).String(), quoted[1:len(quoted)-1])
		for _, between := range []string{"/:@,;&=?#", "/:@,;&=?#.-"} {
			for _, part := range strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(between, r) }) {
				if !slices.Contains(plain, part) {
					found = append(found, part)
				}
			}
		}
	}
	_, rest, _ := strings.Cut(t.URL, "://")
	u, err := url.Parse(t.URL)
	if err != nil {
		add(rest)
		return longestFirst(found)
	}
	password, _ := u.User.Password()
	user := u.User.Username()
	for _, s := range []string{user, password, strings.TrimPrefix(u.Path, "/"),
		strings.TrimPrefix(u.EscapedPath(), "/"), u.RawQuery, u.Fragment, u.Opaque} {
		add(s)
	}
	for key, values := range u.Query() {
		for _, v := range append(values, key) {
			add(v)
		}
	}
	if user != "" { // as they are sent to log in
		for _, s := range []string{user, password, user + ":" + password, "\x00" + user + "\x00" + password} {
			found = append(found, base64.StdEncoding.EncodeToString([]byte(s)),
				base64.RawStdEncoding.EncodeToString([]byte(s)))
		}
	}
	if t.Way() == Service {
		add(u.Host)
	}
	return longestFirst(found)
}

// short are secrets that are too short to be hidden within words.
func (t Target) short() []string {
	all := []string{t.Secret}
	if u, err := url.Parse(t.URL); err == nil {
		password, _ := u.User.Password()
		all = append(all, password)
	}
	return slices.DeleteFunc(all, func(s string) bool { return s == "" || len(s) >= shortest || !utf8.ValidString(s) })
}

func longestFirst(all []string) []string {
	all = slices.DeleteFunc(all, func(s string) bool { return len(s) < shortest })
	slices.SortFunc(all, func(a, b string) int { return len(b) - len(a) })
	return slices.Compact(all)
}

// replaceFold hides s in the text in any case: hosts are lowered on their way.
func replaceFold(text, s string) string {
	if !utf8.ValidString(s) { // no regular expression
		return strings.ReplaceAll(text, s, hidden)
	}
	return regexp.MustCompile(`(?i)`+regexp.QuoteMeta(s)).ReplaceAllLiteralString(text, hidden)
}

// Cut shortens a text to so many characters.
func Cut(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}
