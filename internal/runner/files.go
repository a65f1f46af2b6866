package runner

import (
	"bytes"
	"fmt"
	"strings"

	"filippo.io/age"

	"github.com/tfops/tfops/internal/job"
)

// reserved is how much space is kept for the result, in bytes.
const reserved = 256 << 10

// evidenceReserve is space kept for ErroredStateFile while an apply is at work.
const evidenceReserve = job.ErroredStateFile + ".tmp"

// encrypt is the content as an age file for one recipient.
func encrypt(content []byte, recipient string) ([]byte, error) {
	to, err := age.ParseRecipients(strings.NewReader(recipient))
	if err != nil {
		return nil, fmt.Errorf("the key that saved plans are encrypted to is not an age recipient: %w", err)
	}
	var out bytes.Buffer
	w, err := age.Encrypt(&out, to...)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(content); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
