package term

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestAskReadsOneLine(t *testing.T) {
	for name, in := range map[string]func(string) io.Reader{
		"one byte at a time": func(s string) io.Reader { return iotest.OneByteReader(strings.NewReader(s)) },
		"buffered":           func(s string) io.Reader { return bufio.NewReader(strings.NewReader(s)) },
		"plain":              func(s string) io.Reader { return strings.NewReader(s) },
	} {
		var out, errs bytes.Buffer
		p := New(&out, &errs, Options{Stdin: in("  yes \r\nno"), Color: ColorNever})
		for _, want := range []string{"yes", "no"} {
			if got, err := p.ask(t.Context(), "Really\x1b?"); got != want || err != nil {
				t.Errorf("%s: %q, %v", name, got, err)
			}
		}
		if got, err := p.ask(t.Context(), "Once more?"); got != "" || !errors.Is(err, ErrNoAnswer) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if want := "Really\\x1b? Really\\x1b? Once more? "; errs.String() != want || out.Len() > 0 {
			t.Errorf("%s: asked %q, stdout %q", name, errs.String(), out.String())
		}
	}
}

func TestAskIsCancelled(t *testing.T) {
	never, typed := io.Pipe()
	defer typed.Close() // ends the read that is left alone
	p := New(io.Discard, io.Discard, Options{Stdin: never})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := p.ask(ctx, "Really?"); got != "" || !errors.Is(err, context.Canceled) {
		t.Errorf("%q, %v", got, err)
	}
}
