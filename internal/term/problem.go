package term

import (
	"errors"
	"strings"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/term/page"
)

// Error prints an error to stderr: "Error: " and what happened, and behind
// "Next: " what to do about it. Errors that were joined are printed one after
// the other. A nil error prints nothing.
func (p *Printer) Error(err error) {
	if err == nil {
		return
	}
	if list := joined(err); list != nil {
		for _, e := range list {
			p.Error(e)
		}
		return
	}
	p.err.Line(p.err.Paint(page.RedBold, "Error:") + " " + CleanText(strings.TrimSpace(err.Error())))
	p.next(fault.Next(err))
}

// joined are the errors that errors.Join made err of; nil for any other error,
// such as one whose text wraps several.
func joined(err error) []error {
	multi, ok := err.(interface{ Unwrap() []error })
	if !ok || errors.Join(multi.Unwrap()...).Error() != err.Error() {
		return nil
	}
	return multi.Unwrap()
}

// Warning prints a warning to stderr, in the form of Error. next may be empty.
func (p *Printer) Warning(message, next string) {
	p.err.Line(p.err.Paint(page.YellowBold, "Warning:") + " " + CleanText(strings.TrimSpace(message)))
	p.next(next)
}

// next prints what to do about an error on a line of its own; nothing for "".
func (p *Printer) next(what string) {
	if what != "" {
		p.err.Line("Next: " + CleanText(what))
	}
}
