// Package term prints what a person reads in a terminal: plans, the engine's
// messages, tables, errors.
//
// The rules of everything printed:
//
//   - What was asked for goes to stdout, all else (errors, notes, progress,
//     questions) to stderr, so that stdout can be piped.
//   - Colours only on a terminal, and never with NO_COLOR set or TERM=dumb;
//     CLICOLOR_FORCE asks for them without a terminal. Colour never carries
//     meaning alone: without it the text says the same.
//   - An error is "Error: " and what happened, and on a line of its own "Next: "
//     and what to do about it.
//   - What comes from outside (commit messages, values in a plan, the output of
//     an engine) is cleaned of control characters before it is printed: it
//     cannot move the cursor, change a title or hide text.
//   - No trailing spaces. Tables are aligned by the width that text takes on a
//     screen. Only on a terminal that is too narrow is text cut, and then an
//     ellipsis says so, or a whole column left out.
//   - A time is shown relative and absolute.
//
// Every method writes whole lines. A Printer is not safe for use by several
// goroutines at once.
package term

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"

	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/term/page"
	"github.com/tfops/tfops/internal/term/plans"
)

// Color says when to colour.
type Color string

const (
	ColorAuto   Color = ""       // on a terminal, as the environment allows
	ColorAlways Color = "always" // a person asked for it, whatever the environment says
	ColorNever  Color = "never"
)

// Options are the circumstances of a Printer. The zero value is what a
// command needs.
type Options struct {
	Color  Color
	Width  int                 // columns to cut tables at; 0 asks the terminal, and cuts nothing without one
	Now    func() time.Time    // nil: time.Now
	Stdin  io.Reader           // nil: os.Stdin
	Getenv func(string) string // nil: os.Getenv
}

// Printer prints.
type Printer struct {
	out, err *page.Page
	stdin    io.Reader
	now      func() time.Time
	opts     Options
	stream   stream
}

// New returns a printer onto stdout and stderr.
func New(stdout, stderr io.Writer, opts Options) *Printer {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Stdin == nil {
		opts.Stdin = os.Stdin
	}
	if opts.Getenv == nil {
		opts.Getenv = os.Getenv
	}
	p := &Printer{stdin: opts.Stdin, now: opts.Now, opts: opts}
	p.out, p.err = p.page(stdout), p.page(stderr)
	return p
}

// page is one of the printer's writers, or another one under the same rules.
func (p *Printer) page(w io.Writer) *page.Page {
	return &page.Page{W: w, Color: p.opts.colors(w), Width: p.opts.columns(w)}
}

func (o Options) colors(w io.Writer) bool {
	switch {
	case o.Color == ColorAlways:
		return true
	case o.Color == ColorNever || o.Getenv("NO_COLOR") != "":
		return false
	}
	if force := o.Getenv("CLICOLOR_FORCE"); force != "" && force != "0" {
		return true
	}
	return IsTerminal(w) && o.Getenv("TERM") != "dumb"
}

// columns is the width of a terminal; 0 when w is none.
func (o Options) columns(w io.Writer) int {
	if o.Width > 0 {
		return o.Width
	}
	if f, ok := w.(*os.File); ok && IsTerminal(w) {
		if n, _, err := term.GetSize(int(f.Fd())); err == nil {
			return n
		}
	}
	return 0
}

// IsTerminal reports whether something is a file that is a terminal.
func IsTerminal(v any) bool {
	f, ok := v.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Stderr is whether what goes to stderr is coloured, and how wide it may be; 0 is as wide
// as it is.
func (p *Printer) Stderr() (color bool, width int) { return p.err.Color, p.err.Width }

// Interactive reports whether a person can be asked: stdin and stderr are a
// terminal.
func (p *Printer) Interactive() bool { return IsTerminal(p.stdin) && IsTerminal(p.err.W) }

// Printf prints to stdout. The whole text is cleaned; a line end is added if
// there is none.
func (p *Printer) Printf(format string, args ...any) {
	p.out.Line(CleanText(fmt.Sprintf(format, args...)))
}

// Notef prints a note or progress to stderr, cleaned as of Printf.
func (p *Printer) Notef(format string, args ...any) {
	p.err.Line(CleanText(fmt.Sprintf(format, args...)))
}

// Heading prints a line that begins a part, to stdout.
func (p *Printer) Heading(text string) { p.out.Line(p.out.Paint(page.Bold, Clean(text))) }

// Plan prints a plan to w, in the form that readers of Terraform and OpenTofu
// plans know; nil is stdout. Colours follow the rules for w.
func (p *Printer) Plan(w io.Writer, pl *plan.Plan) {
	g := p.out
	if w != nil && w != g.W {
		g = p.page(w)
	}
	plans.Print(g, pl)
}
