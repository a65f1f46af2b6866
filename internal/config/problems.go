package config

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"sort"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/mattn/go-runewidth"
	"github.com/mitchellh/go-wordwrap"

	"github.com/tfops/tfops/internal/fault"
)

// Problems is all that is wrong with a configuration, in the order of the file.
type Problems struct {
	Diagnostics hcl.Diagnostics      // mistakes and warnings
	Files       map[string]*hcl.File // by the name that diagnostics use

	hidden bool // a syntax error made the parser skip something
}

const hiddenNote = "A syntax error above hides what follows it in its block, so there may be more mistakes behind it."

// Error is one line per mistake, without any source text: it may go where a
// line of the file, which can hold a password, may not.
func (p *Problems) Error() string {
	var lines []string
	for _, d := range p.Diagnostics {
		if d.Severity == hcl.DiagError {
			lines = append(lines, place(d)+sentence(d))
		}
	}
	return strings.Join(lines, "\n")
}

// Unwrap makes a fault of it, for those who look at codes.
func (p *Problems) Unwrap() error {
	n := 0
	for _, d := range p.Diagnostics {
		if d.Severity == hcl.DiagError {
			n++
		}
	}
	mistakes := "1 mistake"
	if n != 1 {
		mistakes = fmt.Sprintf("%d mistakes", n)
	}
	return fault.New(fault.Invalid, "correct the file; tfops validate checks it", "the configuration has %s", mistakes)
}

// Render writes every mistake and warning with its place, its line of source
// and a caret, and a closing note if a syntax error may hide more. It shows text of the configuration: write it for whoever may
// read that file, and use Error for a log. width is in columns; 0 is no limit.
func (p *Problems) Render(w io.Writer, color bool, width int) error {
	var out bytes.Buffer
	for i, d := range p.Diagnostics {
		if i > 0 {
			out.WriteByte('\n')
		}
		p.render(&out, d, style{color}, width)
	}
	if p.hidden {
		note := hiddenNote
		if width > 10 {
			note = wordwrap.WrapString(note, uint(width))
		}
		fmt.Fprintf(&out, "\n%s\n", note)
	}
	_, err := w.Write(out.Bytes())
	return err
}

func (p *Problems) render(out *bytes.Buffer, d *hcl.Diagnostic, s style, width int) {
	severity, paint := "error", s.red
	if d.Severity == hcl.DiagWarning {
		severity, paint = "warning", s.yellow
	}
	fmt.Fprintf(out, "%s%s %s\n", s.bold(place(d)), paint(severity+":"), s.bold(printable(d.Summary)))
	if _, hide := d.Extra.(quiet); d.Subject != nil && !hide {
		if f := p.Files[d.Subject.Filename]; f != nil {
			excerpt(out, f.Bytes, *d.Subject, excerptStyle{paint, width})
		}
	}
	if d.Detail == "" {
		return
	}
	detail := printable(d.Detail)
	if width > 10 {
		detail = wordwrap.WrapString(detail, uint(width-2))
	}
	for line := range strings.SplitSeq(detail, "\n") {
		fmt.Fprintf(out, "  %s\n", line)
	}
}

// quiet marks a diagnostic whose line of source is not to be shown.
type quiet struct{}

type excerptStyle struct {
	paint func(string) string
	width int
}

// excerpt writes the first line of the range and carets under it.
func excerpt(out *bytes.Buffer, src []byte, rng hcl.Range, s excerptStyle) {
	start := min(max(rng.Start.Byte, 0), len(src))
	from := bytes.LastIndexByte(src[:start], '\n') + 1
	to := len(src)
	if i := bytes.IndexByte(src[start:], '\n'); i >= 0 {
		to = start + i
	}
	end := min(max(rng.End.Byte, start), to)
	line := strings.TrimRight(string(src[from:to]), "\r\n")
	before := printable(string(src[from:start]))
	marked := printable(strings.TrimRight(string(src[start:end]), "\r\n"))
	text := printable(line)

	gutter := fmt.Sprintf("%5d | ", rng.Start.Line)
	indent := runewidth.StringWidth(before)
	carets := max(runewidth.StringWidth(marked), 1)
	if room := s.width - len(gutter); s.width > 0 && room > 20 && runewidth.StringWidth(text) > room {
		skip := max(0, indent-room/3)
		text = runewidth.TruncateLeft(text, skip, "")
		text = runewidth.Truncate(text, room, "…")
		indent -= skip
		carets = max(min(carets, room-indent), 1)
	}
	fmt.Fprintf(out, "%s%s\n", gutter, text)
	fmt.Fprintf(out, "%s| %s%s\n", strings.Repeat(" ", len(gutter)-2), strings.Repeat(" ", indent), s.paint(strings.Repeat("^", carets)))
}

// printable makes text safe for a terminal: tabs become spaces, other control
// characters their pictures.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case r == '\t':
			return ' '
		case r < 0x20:
			return 0x2400 + r
		case r == 0x7f:
			return 0x2421
		case r >= 0x80 && r < 0xa0, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
			return 0xfffd
		}
		return r
	}, s)
}

func place(d *hcl.Diagnostic) string {
	if d.Subject == nil {
		return ""
	}
	return fmt.Sprintf("%s:%d:%d: ", filepath.ToSlash(d.Subject.Filename), d.Subject.Start.Line, d.Subject.Start.Column)
}

func sentence(d *hcl.Diagnostic) string {
	if d.Detail == "" {
		return d.Summary
	}
	return d.Summary + ": " + strings.ReplaceAll(d.Detail, "\n", " ")
}

// style paints with the terminal's own sixteen colours.
type style struct{ on bool }

func (s style) paint(code, text string) string {
	if !s.on || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (s style) red(t string) string    { return s.paint("1;31", t) }
func (s style) yellow(t string) string { return s.paint("1;33", t) }
func (s style) bold(t string) string   { return s.paint("1", t) }

// sorted puts diagnostics in the order of the file and leaves out repetitions:
// the same thing said of the same place.
func sorted(diags hcl.Diagnostics) hcl.Diagnostics {
	type key struct {
		rng     hcl.Range
		summary string
	}
	seen := map[key]bool{}
	var out hcl.Diagnostics
	for _, d := range diags {
		k := key{summary: d.Summary}
		if d.Subject != nil {
			k.rng = *d.Subject
		}
		if d.Subject == nil || !seen[k] {
			out = append(out, d)
		}
		seen[k] = true
	}
	sort.SliceStable(out, func(i, j int) bool {
		a, b := out[i].Subject, out[j].Subject
		if a == nil || b == nil {
			return a == nil && b != nil
		}
		return a.Start.Byte < b.Start.Byte
	})
	return out
}
