package main

import (
	"io"

	"github.com/tfops/tfops/internal/redact/leaks"
)

// scrubbed is a writer of whole lines that hides what lets somebody in: in URLs, in headers
// and settings, and what looks like a credential. Whoever logs an error does not know what a
// remote, a repository or the system put into it.
type scrubbed struct{ w io.Writer }

func (s scrubbed) Write(line []byte) (int, error) {
	if _, err := io.WriteString(s.w, leaks.Text(string(line))); err != nil {
		return 0, err
	}
	return len(line), nil
}
