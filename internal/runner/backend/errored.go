package backend

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/age"

	"github.com/tfops/tfops/internal/datafile"
	"github.com/tfops/tfops/internal/durable"
	"github.com/tfops/tfops/internal/job"
)

const (
	ErroredState  = "errored.tfstate" // the engine writes it into the root module when it cannot save the state
	KeepSnapshots = 10
)

// SealErrored encrypts an errored.tfstate in root and removes the plain one.
func SealErrored(root, into, recipient string) (bool, error) {
	plain := filepath.Join(root, ErroredState)
	b, err := datafile.Read(plain, datafile.Large)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := SealState(b, into, recipient); err != nil {
		return false, err
	}
	return true, os.Remove(plain)
}

func SealState(state []byte, into, recipient string) error {
	b, err := Encrypt(state, recipient)
	if err != nil {
		return err
	}
	return durable.CommitReserved(filepath.Join(filepath.Dir(into), EvidenceReserve), into, b)
}

// EvidenceReserve is space kept for ErroredStateFile while an apply is at work.
const EvidenceReserve = job.ErroredStateFile + ".tmp"

// Encrypt is the content as an age file for one recipient.
func Encrypt(content []byte, recipient string) ([]byte, error) {
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
