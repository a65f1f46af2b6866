package backend

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tfops/tfops/internal/datafile"
	"github.com/tfops/tfops/internal/durable"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/handover"
	"github.com/tfops/tfops/internal/seal"
)

const (
	ErroredState  = "errored.tfstate" // the engine writes it into the root module when it cannot save the state
	KeepSnapshots = 10
)

// SealErrored encrypts an errored.tfstate in root and removes the plain one.
func SealErrored(root, into, recipient string) (bool, error) {
	plain := filepath.Join(root, ErroredState)
	_ = handover.Take(plain) // of another user's engine; what cannot be taken is not read
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
	b, err := seal.Encrypt(state, recipient)
	if err != nil {
		return err
	}
	return durable.CommitReserved(filepath.Join(filepath.Dir(into), EvidenceReserve), into, b)
}

// EvidenceReserve is space kept for ErroredStateFile while an apply is at work.
const EvidenceReserve = job.ErroredStateFile + ".tmp"
