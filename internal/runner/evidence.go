package runner

import (
	"errors"
	"path/filepath"

	"github.com/tfops/tfops/internal/durable"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/backend"
	"github.com/tfops/tfops/internal/runner/cell"
)

// Seal does after a vanished apply what its runner could not do any more: it
// encrypts an errored.tfstate that the engine left in the root module to
// ErroredStateFile in dir, the phase's directory, and removes the plain one; and it gives
// back the space that was kept for that and for the result.
func (l *Local) Seal(dir, recipient string) error {
	j, err := job.LoadJob(dir)
	if err != nil {
		return errors.Join(err, durable.Remove(filepath.Join(dir, job.ReserveFile)))
	}
	// With an overlay it lies among what the run wrote, else in the workspace's tree.
	for _, tree := range []string{cell.WrittenDir(j.Ground, cell.TreeName), j.Tree} {
		root := filepath.Join(tree, filepath.FromSlash(j.Dir))
		sealed, serr := backend.SealErrored(root, filepath.Join(dir, job.ErroredStateFile), recipient)
		if err = errors.Join(err, serr); sealed {
			break
		}
	}
	return errors.Join(err, durable.Remove(filepath.Join(dir, backend.EvidenceReserve)),
		durable.Remove(filepath.Join(dir, job.ReserveFile)))
}
