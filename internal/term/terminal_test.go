package term_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/creack/pty"

	"github.com/tfops/tfops/internal/term"
)

// TestTerminal prints onto a real terminal, and answers at it.
func TestTerminal(t *testing.T) {
	for _, c := range []struct {
		env     string
		colours bool
	}{{"TERM=xterm-256color", true}, {"TERM=dumb", false}, {"NO_COLOR=1", false}} {
		keyboard, tty, err := pty.Open()
		if err != nil {
			t.Fatal(err)
		}
		defer keyboard.Close()
		if err := pty.Setsize(tty, &pty.Winsize{Rows: 10, Cols: 20}); err != nil {
			t.Fatal(err)
		}
		getenv := func(name string) string {
			_, v, _ := strings.Cut(c.env, "=")
			if strings.HasPrefix(c.env, name+"=") {
				return v
			}
			return ""
		}
		p := term.New(tty, tty, term.Options{Stdin: tty, Getenv: getenv})
		if !p.Interactive() {
			t.Errorf("%s: not interactive", c.env)
		}
		if _, err := keyboard.WriteString("sha256:abc\n"); err != nil {
			t.Fatal(err)
		}
		if answer, err := p.Ask(t.Context(), "Digest?", ""); answer != "sha256:abc" || err != nil {
			t.Errorf("%s: %q, %v", c.env, answer, err)
		}
		p.TableOf(columns("NAME"), [][]term.Cell{term.Cells("a name that is far too long for it")})
		if err := tty.Close(); err != nil {
			t.Fatal(err)
		}
		var shown bytes.Buffer
		_, _ = shown.ReadFrom(keyboard) // ends with an error: the terminal is gone
		text := strings.ReplaceAll(shown.String(), "\r\n", "\n")
		// What was typed is echoed before or after the question.
		if plain := stripColours(text); !strings.Contains(plain, "Digest? ") ||
			!strings.HasSuffix(plain, "NAME\na name that is far…\n") {
			t.Errorf("%s: %q", c.env, text)
		}
		if got := strings.Contains(text, "\x1b["); got != c.colours {
			t.Errorf("%s: colours %v in %q", c.env, got, text)
		}
	}
}
