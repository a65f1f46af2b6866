package documents

import (
	"bytes"
	"html/template"
	"io"
	"strings"
	"sync"

	"github.com/tfops/tfops/internal/drift/report"
	"github.com/tfops/tfops/internal/lazyregexp"
)

// MailSize is how large the page is as a mail, in bytes, at most. Gmail shows no more than 102 KB of one.
const MailSize = 100_000

// bounds are how much of a report a page tells.
type bounds struct {
	full  int // findings in full
	short int // findings with a line each, of one workspace
	rows  int // of every other list
}

// whole tells all there is, but for the findings that only have a line.
var whole = bounds{full: maxPaged, short: 1 << 30, rows: 1 << 30}

// narrower are the bounds that are tried until a mail is small enough; the last one always is.
var narrower = []bounds{whole, {100, 100, 200}, {50, 50, 100}, {25, 25, 50}, {10, 10, 25}, {3, 5, 10}, {0, 0, 3}}

// Mail writes the page as programs for mail show it: without variables of CSS and without a dark side, and with no
// more than MailSize bytes. What is cut is said; the whole page has to go along.
func Mail(w io.Writer, r *report.Report) error {
	var b bytes.Buffer
	for i, most := range narrower {
		v := viewOf(r, most)
		v.Style, v.Cut, v.Chart.Drawn = mailStyle(), i > 0, i < 2 // a drawing takes a third of it
		b.Reset()
		if err := pageTemplate().Execute(&b, v); err != nil {
			return err
		}
		if b.Len() <= MailSize {
			break
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}

var (
	cssRoot     = lazyregexp.New(`(?s):root \{.*?\n\}\n`)
	cssDark     = lazyregexp.New(`(?s)@media \(prefers-color-scheme: dark\) \{.*?\n\}\n`)
	cssVariable = lazyregexp.New(`--([a-z-]+): ([^;]+);`)
	cssUse      = lazyregexp.New(`var\(--([a-z-]+)\)`)
)

// colours are the variables of the page on its light side.
var colours = sync.OnceValue(func() map[string]string {
	out := map[string]string{}
	for _, m := range cssVariable().FindAllStringSubmatch(cssRoot().FindString(pageStyle), -1) {
		out[m[1]] = m[2]
	}
	return out
})

var mailStyle = sync.OnceValue(func() template.CSS {
	plain := cssRoot().ReplaceAllString(cssDark().ReplaceAllString(pageStyle, ""), "")
	return template.CSS(cssUse().ReplaceAllStringFunc(plain, func(use string) string {
		return colours()[strings.TrimSuffix(strings.TrimPrefix(use, "var(--"), ")")]
	}))
})

// fill is the colour of a shape, for who reads no style sheets.
func fill(what string) string {
	if what == "blank" {
		return colours()["sunk"]
	}
	return colours()["bar-"+what]
}

// cut keeps the beginning of a list, and counts the rest.
func cut[T any](list []T, most int, more *int) []T {
	if len(list) <= most {
		return list
	}
	*more += len(list) - most
	return list[:most]
}
