package term

import (
	"slices"
	"strings"

	"charm.land/lipgloss/v2"

	"github.com/tfops/tfops/internal/term/page"
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

func (t Tone) style() page.Style {
	switch t {
	case Good:
		return page.Green
	case Busy:
		return page.Yellow
	case Bad:
		return page.Red
	case Quiet:
		return page.Faint
	}
	return page.NoStyle
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
)

// Column says what may happen to a column on a terminal that is too narrow for
// the table. First the columns that may be cut are, the widest one first; then
// whole columns are left out. A column for which neither is allowed is always
// printed whole, and then a row may be wider than the terminal.
type Column struct {
	Name string
	Cut  int // the width that it may be cut to; 0: never cut
	Drop int // the highest is left out first; 0: never left out
}

// TableOf prints rows below their column names to stdout. An empty cell is
// shown as "-". On a terminal that is too narrow, columns are cut and left out
// as they say.
func (p *Printer) TableOf(columns []Column, rows [][]Cell) {
	g := p.out
	table := make([][]Cell, 1, len(rows)+1)
	for _, c := range columns {
		table[0] = append(table[0], Cell{Text: Clean(c.Name)})
	}
	for _, row := range rows {
		clean := make([]Cell, len(columns))
		for i := range columns {
			if i < len(row) {
				clean[i] = Cell{Clean(strings.TrimSpace(row[i].Text)), row[i].Tone}
			}
			if clean[i].Text == "" {
				clean[i] = Cell{"-", Quiet}
			}
		}
		table = append(table, clean)
	}
	widths := fit(g, columns, table)
	for n, row := range table {
		var b strings.Builder
		for i, c := range row {
			if widths[i] == 0 {
				continue
			}
			text := cut(c.Text, widths[i])
			s := c.Tone.style()
			if n == 0 {
				s = page.Bold
			}
			b.WriteString(g.Paint(s, text))
			b.WriteString(strings.Repeat(" ", widths[i]-lipgloss.Width(text)) + gutter) // those at the end go again
		}
		g.Line(b.String())
	}
}

// fit are the widths of the columns on this terminal; 0 for one that is left out.
func fit(g *page.Page, columns []Column, table [][]Cell) []int {
	natural := make([]int, len(columns))
	for i := range columns {
		for _, row := range table {
			natural[i] = max(natural[i], lipgloss.Width(row[i].Text))
		}
	}
	for {
		widths := slices.Clone(natural)
		if g.Width == 0 || narrowed(columns, widths, g.Width) {
			return widths
		}
		drop := -1
		for i, c := range columns {
			if natural[i] > 0 && c.Drop > 0 && (drop < 0 || c.Drop > columns[drop].Drop) {
				drop = i
			}
		}
		if drop < 0 {
			return widths
		}
		natural[drop] = 0
	}
}

// narrowed cuts columns until the row fits the width, and reports whether it does.
func narrowed(columns []Column, widths []int, width int) bool {
	total := -len(gutter)
	for _, w := range widths {
		if w > 0 {
			total += w + len(gutter)
		}
	}
	for ; total > width; total-- {
		widest := -1
		for i, w := range widths {
			if columns[i].Cut > 0 && w > columns[i].Cut && (widest < 0 || w > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			return false
		}
		widths[widest]--
	}
	return true
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
			key := p.out.Paint(page.Bold, Clean(f.Key)+":") + pad[1:]
			if i > 0 {
				key = strings.Repeat(" ", width+len(gutter))
			}
			p.out.Line(key + p.out.Paint(f.Tone.style(), l))
		}
	}
}
