package term

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strings"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/term/page"
)

// ErrNoAnswer says that the input ended before an answer was given.
var ErrNoAnswer = errors.New("no answer was given")

// Ask asks a person for one line. Without a person to ask it is a fault whose
// next step is instead, e.g. the flag that answers the question. When ctx is
// done it returns at once with the error of ctx; a line that is typed after
// that is lost. At the end of the input it is ErrNoAnswer. In both cases the
// cursor is left behind the question.
func (p *Printer) Ask(ctx context.Context, question, instead string) (string, error) {
	if !p.Interactive() {
		return "", fault.New(fault.Invalid, instead, "there is no terminal to ask at")
	}
	return p.ask(ctx, question)
}

func (p *Printer) ask(ctx context.Context, question string) (string, error) {
	_, _ = io.WriteString(p.err.W, p.err.Paint(page.Bold, Clean(question))+" ")
	type line struct {
		text string
		err  error
	}
	read := make(chan line, 1)
	go func() { // nothing takes a read from a terminal back: it is left alone when ctx is done
		text, err := readLine(p.stdin)
		read <- line{text, err}
	}()
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case l := <-read:
		if l.err != nil && l.text == "" {
			return "", ErrNoAnswer
		}
		return strings.TrimSpace(l.text), nil
	}
}

// readLine reads byte by byte if it must: what follows the line belongs to the
// next question.
func readLine(r io.Reader) (string, error) {
	if b, ok := r.(*bufio.Reader); ok {
		return b.ReadString('\n')
	}
	var line []byte
	one := make([]byte, 1)
	for {
		n, err := r.Read(one)
		if n == 1 {
			if one[0] == '\n' {
				return string(line), nil
			}
			line = append(line, one[0])
		}
		if err != nil {
			return string(line), err
		}
	}
}
