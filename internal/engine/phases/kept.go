package phases

import (
	"context"
	"errors"
	"io/fs"

	"github.com/tfops/tfops/internal/artifacts"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// keeper writes the files of a run that its workspace is to keep; see artifacts.Workspace.
type keeper struct {
	ph      *Worker
	run     run.Run
	outputs job.Phase // that left outputs; "" for none
	left    job.Phase // that left a state; "" for none
	applied bool      // what it was planned with is what is applied if it comes to that

	isApplied, isLeft bool // the file is there
}

// leftOf is the run as one whose file of the state as it was left is there; "" where it is not.
func (k *keeper) leftOf() string {
	if k.isLeft {
		return k.run.ID
	}
	return ""
}

// write puts them into the workspace's directory. It may be called again.
func (k *keeper) write() error {
	of, to := k.ph.Txn.Files.Run(k.run.ID), k.ph.Txn.Files.Workspace(k.run.Workspace)
	wrote := false
	if k.outputs != "" {
		if err := to.KeepOf(of, k.outputs, artifacts.Outputs); err != nil {
			return err
		}
		wrote = true
	}
	if k.left != "" {
		err := to.KeepOf(of, k.left, artifacts.Left)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			k.ph.Log.Warn("what a run left in the state cannot be kept; causes of drift are told less exactly", "run",
				k.run.ID, "error", err)
		}
		k.isLeft, wrote = err == nil, wrote || err == nil
	}
	if k.applied {
		for _, file := range []artifacts.File{artifacts.Inputs, artifacts.Applied} {
			err := to.Keep(of, file)
			switch {
			case err == nil:
				wrote = true
				k.isApplied = k.isApplied || file == artifacts.Applied
			case !errors.Is(err, fs.ErrNotExist):
				k.ph.Log.Warn("what was applied with cannot be kept; drift checks use the inputs of now", "run",
					k.run.ID, "file", file, "error", err)
			}
		}
	}
	if !wrote {
		return nil
	}
	return to.Sync()
}

// nameApplied has the record name what the run was planned with.
func (k *keeper) nameApplied(rec *workspace.Record) {
	if k.isApplied {
		rec.AppliedOf = k.run.ID
	}
}

// decideKeeping is decide for a run that leaves files to its workspace.
func (ph *Worker) decideKeeping(ctx context.Context, k *keeper, fn func(*run.Tx) error) {
	ph.Txn.UntilStored(ctx, k.run.ID, func() error {
		keeping := ph.Txn.Files.Keeping(k.run.Workspace)
		keeping.Lock()
		defer keeping.Unlock()
		if err := k.write(); err != nil {
			return err
		}
		_, err := ph.Txn.Change(ctx, k.run.ID, fn)
		ph.Txn.DropUnnamed(ctx, k.run.Workspace)
		return err
	})
}
