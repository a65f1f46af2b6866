package diagnostics

import (
	"bytes"
	"errors"

	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/workspace"
)

// Whole takes in a document that an engine prints, up to a bound. What is longer is read on, and dropped: an engine
// whose output nobody reads does not end.
type Whole struct {
	What string // for people
	Most int64  // bytes
	text bytes.Buffer
	over bool
}

func (w *Whole) Write(b []byte) (int, error) {
	if w.over || int64(w.text.Len()+len(b)) > w.Most {
		w.over, w.text = true, bytes.Buffer{}
		return len(b), nil
	}
	return w.text.Write(b)
}

// Bytes is the document; an error where it was longer.
func (w *Whole) Bytes() ([]byte, error) {
	if w.over {
		return nil, TooLong(w.What, w.Most)
	}
	return w.text.Bytes(), nil
}

var errTooLong = errors.New("it is longer than a runner takes in")

// TooLong is the failure of a phase whose engine printed or wrote more than a runner takes in.
func TooLong(what string, most int64) error {
	return Refuse(job.CauseLimit, "see what is so large: a value of the module, or what a provider or a program says; "+
		"split the workspace if all of it is needed", "%s has more than %s: %w", what, workspace.Size(most), errTooLong)
}
