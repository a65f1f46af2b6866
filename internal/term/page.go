package term

import (
	"io"
	"strings"
)

// page is a writer with the rules of how to look.
type page struct {
	w     io.Writer
	color bool
	width int // columns; 0: unlimited
}

// line writes text, without trailing spaces, and ends the line. A write that
// fails is not reported: there is nowhere to report it to.
func (g *page) line(text string) {
	text = strings.TrimSuffix(text, "\n")
	var b strings.Builder
	for l := range strings.SplitSeq(text, "\n") {
		b.WriteString(strings.TrimRight(l, " \t"))
		b.WriteByte('\n')
	}
	_, _ = io.WriteString(g.w, b.String())
}

// paintLines styles each line of a text.
func (g *page) paintLines(s style, text string) string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		lines[i] = g.paint(s, l)
	}
	return strings.Join(lines, "\n")
}
