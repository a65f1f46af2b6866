package term

import (
	"fmt"
	"strings"
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

// Diagnostic prints an engine's error or warning to stderr.
func (p *Printer) Diagnostic(d Diagnostic) { p.err.line(p.err.diagnostic(d)) }

// String is the diagnostic as text without colours.
func (d Diagnostic) String() string { return (&page{}).diagnostic(d) }

// paragraph is the width to which prose is wrapped where no terminal says so.
const paragraph = 75

// diagnostic draws a diagnostic with a rule at its left.
func (g *page) diagnostic(d Diagnostic) string {
	tone, label := redBold, "Error: "
	switch d.Severity {
	case "error":
	case "warning":
		tone, label = yellowBold, "Warning: "
	default:
		tone, label = noStyle, ""
	}
	width := paragraph
	if g.width > 0 {
		width = max(g.width-3, 20)
	}
	lines := []string{g.paint(tone, label) + g.paint(bold, Clean(d.Summary)), ""}
	if place := g.place(d); len(place) > 0 {
		lines = append(append(lines, place...), "")
	}
	if d.Detail != "" {
		lines = append(lines, wrap(CleanText(strings.TrimRight(d.Detail, "\n")), width)...)
	}
	for lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	rule := noStyle
	switch tone {
	case redBold:
		rule = red
	case yellowBold:
		rule = yellow
	}
	var b strings.Builder
	b.WriteString(g.paint(rule, "╷") + "\n")
	for _, l := range lines {
		b.WriteString(strings.TrimRight(g.paint(rule, "│")+" "+l, " ") + "\n")
	}
	b.WriteString(g.paint(rule, "╵"))
	return b.String()
}

// place says where the diagnostic belongs.
func (g *page) place(d Diagnostic) []string {
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
	for i, l := range strings.Split(strings.TrimSuffix(g.code(d), "\n"), "\n") {
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
func (g *page) code(d Diagnostic) string {
	from, to := d.markFrom, d.markTo
	if from < 0 || to > len(d.Code) || from >= to || strings.Contains(d.Code[from:to], "\n") {
		return CleanText(d.Code)
	}
	return CleanText(d.Code[:from]) + g.paint(underline, CleanText(d.Code[from:to])) + CleanText(d.Code[to:])
}

// wrap breaks prose at spaces. Lines that begin with a space are laid out
// already and are left alone.
func wrap(text string, width int) []string {
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		if line == "" || strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t") {
			lines = append(lines, line)
			continue
		}
		current, used := "", 0
		for word := range strings.SplitSeq(line, " ") {
			w := displayWidth(word)
			if current != "" && used+1+w > width {
				lines = append(lines, current)
				current, used = word, w
				continue
			}
			if current != "" {
				current += " "
				used++
			}
			current += word
			used += w
		}
		lines = append(lines, current)
	}
	return lines
}
