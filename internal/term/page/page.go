// Package page writes lines with styles, for whoever prints, and makes text from
// outside safe to print.
package page

import (
	"io"
	"strings"
)

// Page is a writer with the rules of how to look.
type Page struct {
	W     io.Writer
	Color bool
	Width int // columns; 0: unlimited
}

// Line writes text, without trailing spaces, and ends the line. A write that
// fails is not reported: there is nowhere to report it to.
func (g *Page) Line(text string) {
	text = strings.TrimSuffix(text, "\n")
	var b strings.Builder
	for l := range strings.SplitSeq(text, "\n") {
		b.WriteString(strings.TrimRight(l, " \t"))
		b.WriteByte('\n')
	}
	_, _ = io.WriteString(g.W, b.String())
}

// PaintLines styles each line of a text.
func (g *Page) PaintLines(s Style, text string) string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		lines[i] = g.Paint(s, l)
	}
	return strings.Join(lines, "\n")
}
