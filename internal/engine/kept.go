package engine

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/tfops/tfops/internal/durable"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// A workspace keeps files that runs left for those that come after them: its outputs, and what
// it was applied with. Each lies under a name of the run that left it, and the record says
// which run's count. So they are written before the transaction that makes them count, which
// touches no file, and dropped after the one that names others; a crash in between leaves what
// the record names, and a file that nobody does.

// keptFile is the name of such a file in the workspace's directory: that of the run, or, for
// an earlier tfops, the one that all runs wrote.
func keptFile(name, run string) string {
	if run == "" {
		return name
	}
	base, rest, _ := strings.Cut(name, ".")
	return base + "-" + run + "." + rest
}

// keeper writes the files of a run that its workspace is to keep.
type keeper struct {
	e       *Engine
	run     run.Run
	outputs string // the file of the outputs, by the phase; "" for none
	applied bool   // what it was planned with is what is applied if it comes to that

	isApplied bool // the file is there
}

// write puts them into the workspace's directory. It may be called again.
func (k *keeper) write() error {
	dir := k.e.workspaceDir(k.run.Workspace)
	wrote := false
	if k.outputs != "" {
		if err := adopt(k.outputs, filepath.Join(dir, keptFile(job.OutputsFile, k.run.ID))); err != nil {
			return err
		}
		wrote = true
	}
	if k.applied {
		for _, name := range []string{inputsFile, appliedFile} {
			err := adopt(filepath.Join(k.e.files(k.run.ID).dir, name), filepath.Join(dir, keptFile(name, k.run.ID)))
			switch {
			case err == nil:
				wrote = true
				k.isApplied = k.isApplied || name == appliedFile
			case !errors.Is(err, fs.ErrNotExist):
				k.e.Log.Warn("what was applied with cannot be kept; drift checks use the inputs of now", "run", k.run.ID, "file", name, "error", err)
			}
		}
	}
	if !wrote {
		return nil
	}
	return durable.Sync(dir)
}

// nameApplied has the record name what the run was planned with.
func (k *keeper) nameApplied(rec *workspace.Record) {
	if k.isApplied {
		rec.AppliedOf = k.run.ID
	}
}

// dropUnnamed removes the files of a workspace that its record does not name. Nobody may be
// about to name one: see keepingOf.
func (e *Engine) dropUnnamed(ctx context.Context, name string) {
	q, err := e.Store.Queue(ctx)
	if err != nil {
		return // the next one does it
	}
	rec, dir := q.Record(name), e.workspaceDir(name)
	for file, of := range map[string]string{job.OutputsFile: rec.OutputsOf, inputsFile: rec.AppliedOf, appliedFile: rec.AppliedOf} {
		if of == "" {
			continue // an earlier tfops left it
		}
		for _, id := range append(keptBy(dir, file), "") {
			if id == of {
				continue
			}
			if err := durable.Remove(filepath.Join(dir, keptFile(file, id))); err != nil {
				e.Log.Warn("a file that is kept no more cannot be removed", "file", keptFile(file, id), "workspace", name, "error", err)
			}
		}
	}
}

// keptBy are the runs that left such a file in a directory, whatever that is called.
func keptBy(dir, name string) (runs []string) {
	entries, _ := os.ReadDir(dir) // one that is not there has none
	base, rest, _ := strings.Cut(name, ".")
	for _, f := range entries {
		if id, ok := strings.CutPrefix(f.Name(), base+"-"); ok {
			if id, ok := strings.CutSuffix(id, "."+rest); ok {
				runs = append(runs, id)
			}
		}
	}
	return runs
}

// record is what is remembered of a workspace.
func (e *Engine) record(name string) (*workspace.Record, error) {
	q, err := e.Store.Queue(context.Background())
	return q.Record(name), err
}

// keepingOf is held from the writing of files that a workspace's record is to name until it does.
func (e *Engine) keepingOf(workspace string) *sync.Mutex {
	mu, _ := e.keeping.LoadOrStore(workspace, new(sync.Mutex))
	return mu.(*sync.Mutex)
}

// decideKeeping is decide for a run that leaves files to its workspace.
func (e *Engine) decideKeeping(ctx context.Context, k *keeper, fn func(*run.Tx) error) {
	e.untilStored(ctx, k.run.ID, func() error {
		keeping := e.keepingOf(k.run.Workspace)
		keeping.Lock()
		defer keeping.Unlock()
		if err := k.write(); err != nil {
			return err
		}
		_, err := e.change(ctx, k.run.ID, fn)
		e.dropUnnamed(ctx, k.run.Workspace)
		return err
	})
}

// Kept finds the newest runs whose files a workspace's directory keeps, for a record that is
// made again: those of its outputs, and of what was applied. Empty ones are not known.
func Kept(dir string) (outputs, applied string) {
	for _, id := range keptBy(dir, job.OutputsFile) {
		outputs = max(outputs, id)
	}
	for _, id := range keptBy(dir, appliedFile) {
		applied = max(applied, id)
	}
	return outputs, applied
}
