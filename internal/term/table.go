package term

import (
	"strings"

	"charm.land/lipgloss/v2"
)

// Tone says what a cell means, beside its text.
type Tone int

const (
	Plain Tone = iota
	Good       // done, synced
	Busy       // waits or goes on
	Bad        // failed, needs somebody
	Quiet      // of little interest
)

func (t Tone) style() style {
	switch t {
	case Good:
		return green
	case Busy:
		return yellow
	case Bad:
		return red
	case Quiet:
		return faint
	}
	return noStyle
}

// Cell is one cell of a table.
type Cell struct {
	Text string
	Tone Tone
}

// Cells makes plain cells of texts.
func Cells(texts ...string) []Cell {
	cells := make([]Cell, len(texts))
	for i, t := range texts {
		cells[i] = Cell{Text: t}
	}
	return cells
}

const (
	gutter   = "  "
	ellipsis = "…"
	narrow   = 8 // columns are not cut below this width
)

// Table prints rows below their column names to stdout. An empty cell is
// shown as "-". On a terminal that is too narrow, the widest columns are cut.
func (p *Printer) Table(header []string, rows [][]Cell) {
	g := p.out
	names := Cells(header...)
	for i := range names {
		names[i].Text = Clean(names[i].Text)
	}
	table := [][]Cell{names}
	for _, row := range rows {
		clean := make([]Cell, len(header))
		for i := range header {
			if i < len(row) {
				clean[i] = Cell{Clean(strings.TrimSpace(row[i].Text)), row[i].Tone}
			}
			if clean[i].Text == "" {
				clean[i] = Cell{"-", Quiet}
			}
		}
		table = append(table, clean)
	}
	widths := g.widths(table)
	for n, row := range table {
		var b strings.Builder
		for i, c := range row {
			text := cut(c.Text, widths[i])
			s := c.Tone.style()
			if n == 0 {
				s = bold
			}
			b.WriteString(g.paint(s, text))
			if i < len(row)-1 {
				b.WriteString(strings.Repeat(" ", widths[i]-lipgloss.Width(text)) + gutter)
			}
		}
		g.line(b.String())
	}
}

// widths are the widths of the columns, narrowed to fit the terminal.
func (g *page) widths(table [][]Cell) []int {
	widths := make([]int, len(table[0]))
	total := len(gutter) * (len(widths) - 1)
	for i := range widths {
		for _, row := range table {
			widths[i] = max(widths[i], lipgloss.Width(row[i].Text))
		}
		total += widths[i]
	}
	for g.width > 0 && total > g.width {
		widest := 0
		for i, w := range widths {
			if w > widths[widest] {
				widest = i
			}
		}
		if len(widths) == 0 || widths[widest] <= narrow {
			break
		}
		widths[widest]--
		total--
	}
	return widths
}

// cut shortens a text to a width, with an ellipsis at its end.
func cut(s string, width int) string {
	if lipgloss.Width(s) <= width {
		return s
	}
	w := 0
	for i, r := range s {
		if w += lipgloss.Width(string(r)); w > width-lipgloss.Width(ellipsis) {
			return strings.TrimRight(s[:i], " ") + ellipsis
		}
	}
	return s
}

// KeyValue is one line of KeyValues.
type KeyValue struct {
	Key   string
	Value string
	Tone  Tone
}

// KeyValues prints facts about one thing to stdout, the values below each
// other. Facts without a value are left out; further lines of a value are
// indented to its first.
func (p *Printer) KeyValues(facts []KeyValue) {
	width := 0
	for _, f := range facts {
		if f.Value != "" {
			width = max(width, lipgloss.Width(f.Key))
		}
	}
	for _, f := range facts {
		if f.Value == "" {
			continue
		}
		pad := strings.Repeat(" ", width-lipgloss.Width(f.Key)+len(gutter))
		for i, l := range strings.Split(strings.TrimRight(CleanText(f.Value), "\n"), "\n") {
			key := p.out.paint(bold, Clean(f.Key)+":") + pad[1:]
			if i > 0 {
				key = strings.Repeat(" ", width+len(gutter))
			}
			p.out.line(key + p.out.paint(f.Tone.style(), l))
		}
	}
}
