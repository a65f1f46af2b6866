package view

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/job"
)

// DebugLog is the engine's own debug log of a run, of its plan and then of its
// apply, each once it has ended.
func (view *View) DebugLog(ctx context.Context, id string) ([]byte, error) {
	d, _, err := view.txn.Load(ctx, id)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	for _, p := range []job.Phase{job.PlanPhase, job.ApplyPhase} {
		b, err := view.vault.Open(view.txn.Files.Run(id).PhaseFile(p, job.DebugFile))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("the debug log of run %s cannot be read: %w", id, err)
		}
		fmt.Fprintf(&out, "=== %s\n%s", p, b)
	}
	switch {
	case out.Len() > 0:
		return out.Bytes(), nil
	case !d.Run.Debug:
		return nil, fault.New(fault.NotFound, "make a run with one: tfops plan "+d.Run.Workspace+" --debug",
			"run %s was made without a debug log", id)
	}
	return nil, fault.New(fault.NotFound, "wait until its plan has ended: tfops wait "+id+"; meanwhile: tfops logs "+id+
		" -f", "there is no debug log of run %s yet", id)
}
