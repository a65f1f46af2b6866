// Package problems is what is wrong with a configuration, and how a person is
// shown it: a place, a line of the file with a caret, and what to write instead.
package problems

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/mattn/go-runewidth"
	"github.com/mitchellh/go-wordwrap"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/term/page"
)

// List is all that is wrong with a configuration, in the order of the file.
type List struct {
	Diagnostics hcl.Diagnostics      // mistakes and warnings
	Files       map[string]*hcl.File // by the name that diagnostics use

	Hidden bool // a syntax error made the parser skip something
}

// HiddenNote ends what is rendered of a file that was not read to its end.
const HiddenNote = "A syntax error above hides what follows it in its block, so there may be more mistakes behind it."

func (p *List) mistakes() hcl.Diagnostics {
	warning := func(d *hcl.Diagnostic) bool { return d.Severity != hcl.DiagError }
	return slices.DeleteFunc(slices.Clone(p.Diagnostics), warning)
}

// Error is one line per mistake, without any source text: it may go where a
// line of the file, which can hold a password, may not.
func (p *List) Error() string {
	var lines []string
	for _, d := range p.mistakes() {
		lines = append(lines, place(d)+sentence(d))
	}
	return strings.Join(lines, "\n")
}

// Unwrap makes a fault of it, for those who look at codes.
func (p *List) Unwrap() error {
	mistakes := "1 mistake"
	if n := len(p.mistakes()); n != 1 {
		mistakes = fmt.Sprintf("%d mistakes", n)
	}
	return fault.New(fault.Invalid, "correct the file; tfops validate checks it", "the configuration has %s", mistakes)
}

// Render writes every mistake and warning with its place, its line of source
// and a caret, and a closing note if a syntax error may hide more. It shows text
// of the configuration: write it for whoever may read that file, and use Error
// for a log. width is in columns; 0 is no limit.
func (p *List) Render(w io.Writer, color bool, width int) error {
	var out bytes.Buffer
	for i, d := range p.Diagnostics {
		if i > 0 {
			out.WriteByte('\n')
		}
		p.render(&out, d, page.Page{Color: color}, width)
	}
	if p.Hidden {
		note := HiddenNote
		if width > 10 {
			note = wordwrap.WrapString(note, uint(width))
		}
		fmt.Fprintf(&out, "\n%s\n", note)
	}
	_, err := w.Write(out.Bytes())
	return err
}

func (p *List) render(out *bytes.Buffer, d *hcl.Diagnostic, g page.Page, width int) {
	severity, tone := "error:", page.RedBold
	if d.Severity == hcl.DiagWarning {
		severity, tone = "warning:", page.YellowBold
	}
	summary := g.Paint(page.Bold, printable(d.Summary))
	fmt.Fprintf(out, "%s%s %s\n", g.Paint(page.Bold, place(d)), g.Paint(tone, severity), summary)
	if _, hide := d.Extra.(NoSource); d.Subject != nil && !hide {
		if f := p.Files[d.Subject.Filename]; f != nil {
			text, carets := excerpt(f.Bytes, *d.Subject, width)
			fmt.Fprintf(out, "%s%s\n", text, g.Paint(tone, carets))
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

// NoSource, as the Extra of a diagnostic, has its line of the file not shown.
type NoSource struct{}

// excerpt is the first line of the range, with the room before what stands
// under it, and the carets that do.
func excerpt(src []byte, rng hcl.Range, width int) (text, carets string) {
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
	text = printable(line)

	gutter := fmt.Sprintf("%5d | ", rng.Start.Line)
	indent := runewidth.StringWidth(before)
	n := max(runewidth.StringWidth(marked), 1)
	if room := width - len(gutter); width > 0 && room > 20 && runewidth.StringWidth(text) > room {
		skip := max(0, indent-room/3)
		text = runewidth.TruncateLeft(text, skip, "")
		text = runewidth.Truncate(text, room, "…")
		indent -= skip
		n = max(min(n, room-indent), 1)
	}
	below := strings.Repeat(" ", len(gutter)-2) + "| " + strings.Repeat(" ", indent)
	return gutter + text + "\n" + below, strings.Repeat("^", n)
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

// Sorted puts diagnostics in the order of the file and leaves out repetitions:
// the same thing said of the same place.
func Sorted(diags hcl.Diagnostics) hcl.Diagnostics {
	seen := map[string]bool{}
	out := slices.DeleteFunc(slices.Clone(diags), func(d *hcl.Diagnostic) bool {
		if d.Subject == nil {
			return false
		}
		key := d.Subject.String() + " " + d.Summary
		again := seen[key]
		seen[key] = true
		return again
	})
	slices.SortStableFunc(out, func(a, b *hcl.Diagnostic) int { return cmp.Compare(position(a), position(b)) })
	return out
}

// position is where in the file a diagnostic belongs; one of none comes first.
func position(d *hcl.Diagnostic) int {
	if d.Subject == nil {
		return -1
	}
	return d.Subject.Start.Byte
}
