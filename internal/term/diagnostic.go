package term

import (
	"fmt"
	"strings"

	"github.com/tfops/tfops/internal/term/page"
)

// Diagnostic is an error or warning of an engine, with its place.
type Diagnostic struct {
	Severity string // "error" or "warning"
	Summary  string
	Detail   string
	Address  string // of a resource
	File     string
	Line     int      // of Code's first line, from 1; 0 without a place
	Context  string   // e.g. `resource "x" "y"`
	Code     string   // the source lines; may be empty
	Values   []string // what names in the code stand for, e.g. `var.x is "y"`

	markFrom, markTo int // bytes of Code that are meant
	codeLine         int // line of Code's first line, if not Line
}

// engineDiagnostic is the JSON form of the engines.
type engineDiagnostic struct {
	Severity string `json:"severity"`
	Summary  string `json:"summary"`
	Detail   string `json:"detail"`
	Address  string `json:"address"`
	Range    *struct {
		Filename string `json:"filename"`
		Start    struct {
			Line int `json:"line"`
		} `json:"start"`
	} `json:"range"`
	Snippet *struct {
		Context   *string `json:"context"`
		Code      string  `json:"code"`
		StartLine int     `json:"start_line"`
		From      int     `json:"highlight_start_offset"`
		To        int     `json:"highlight_end_offset"`
		Values    []struct {
			Traversal string `json:"traversal"`
			Statement string `json:"statement"`
		} `json:"values"`
	} `json:"snippet"`
}

func (e *engineDiagnostic) diagnostic() Diagnostic {
	d := Diagnostic{Severity: e.Severity, Summary: e.Summary, Detail: e.Detail, Address: e.Address}
	if e.Range != nil {
		d.File, d.Line = e.Range.Filename, e.Range.Start.Line
	}
	if s := e.Snippet; s != nil {
		d.Code, d.codeLine, d.markFrom, d.markTo = s.Code, s.StartLine, s.From, s.To
		if s.Context != nil {
			d.Context = *s.Context
		}
		for _, v := range s.Values {
			d.Values = append(d.Values, v.Traversal+" "+v.Statement)
		}
	}
	return d
}

// String is the diagnostic as text without colours.
func (d Diagnostic) String() string { return d.on(&page.Page{}) }

// on draws a diagnostic on a page, with a rule at its left.
func (d Diagnostic) on(g *page.Page) string {
	tone, label := page.RedBold, "Error: "
	switch d.Severity {
	case "error":
	case "warning":
		tone, label = page.YellowBold, "Warning: "
	default:
		tone, label = page.NoStyle, ""
	}
	width := page.Paragraph
	if g.Width > 0 {
		width = max(g.Width-3, 20)
	}
	lines := []string{g.Paint(tone, label) + g.Paint(page.Bold, Clean(d.Summary)), ""}
	if place := d.place(g); len(place) > 0 {
		lines = append(append(lines, place...), "")
	}
	if d.Detail != "" {
		lines = append(lines, page.Wrap(CleanText(strings.TrimRight(d.Detail, "\n")), width)...)
	}
	for lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	rule := page.NoStyle
	switch tone {
	case page.RedBold:
		rule = page.Red
	case page.YellowBold:
		rule = page.Yellow
	}
	var b strings.Builder
	b.WriteString(g.Paint(rule, "╷") + "\n")
	for _, l := range lines {
		b.WriteString(strings.TrimRight(g.Paint(rule, "│")+" "+l, " ") + "\n")
	}
	b.WriteString(g.Paint(rule, "╵"))
	return b.String()
}

// place says where the diagnostic belongs.
func (d Diagnostic) place(g *page.Page) []string {
	var lines []string
	if d.Address != "" {
		lines = append(lines, "  with "+Clean(d.Address)+",")
	}
	if d.File == "" {
		return lines
	}
	on := fmt.Sprintf("  on %s line %d", Clean(d.File), d.Line)
	if d.Context != "" {
		on += ", in " + Clean(d.Context)
	}
	lines = append(lines, on+":")
	if d.Code == "" {
		return append(lines, "  (source code not available)")
	}
	first := d.codeLine
	if first == 0 {
		first = d.Line
	}
	for i, l := range strings.Split(strings.TrimSuffix(d.code(g), "\n"), "\n") {
		lines = append(lines, fmt.Sprintf("%4d: %s", first+i, l))
	}
	if len(d.Values) > 0 {
		lines = append(lines, "    ├────────────────")
		for _, v := range d.Values {
			lines = append(lines, "    │ "+Clean(v))
		}
	}
	return lines
}

// code is the source with what is meant underlined.
func (d Diagnostic) code(g *page.Page) string {
	from, to := d.markFrom, d.markTo
	if from < 0 || to > len(d.Code) || from >= to || strings.Contains(d.Code[from:to], "\n") {
		return CleanText(d.Code)
	}
	return CleanText(d.Code[:from]) + g.Paint(page.Underline, CleanText(d.Code[from:to])) + CleanText(d.Code[to:])
}
