package runner

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/tfops/tfops/internal/datafile"
	"github.com/tfops/tfops/internal/durable"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/backend"
	"github.com/tfops/tfops/internal/runner/cell"
	"github.com/tfops/tfops/internal/runner/diagnostics"
)

const (
	erroredState  = "errored.tfstate" // the engine writes it into the root module when it cannot save the state
	keepSnapshots = 10
)

// secure keeps what an apply left behind, however it ended: a state that
// could not be saved, and a snapshot of a managed state. err is how it ended.
func (p *phase) secure(out *diagnostics.Output, err error) error {
	if kept, path := p.secureErrored(out); kept {
		p.result.ErroredState = path
		p.note("the engine could not save the state; it is kept, encrypted, in " + path)
		if err != nil {
			f := diagnostics.FailureOf(p.stop.ctx, err)
			f.Next = recoverNext(path)
			err = f
		}
	}
	if err := durable.Remove(filepath.Join(p.dir, evidenceReserve)); err != nil {
		p.note("space that was kept for a state cannot be given back: " + err.Error())
	}
	if p.managed {
		if snapErr := p.snapshot(); snapErr != nil {
			p.note("no snapshot of the state could be kept: " + snapErr.Error())
		}
	}
	return err
}

func recoverNext(path string) string {
	return fmt.Sprintf("when the backend works again: `tfops decrypt %s > errored.tfstate`, then `terraform state push errored.tfstate` in the root module, then remove both", path)
}

func (p *phase) secureErrored(out *diagnostics.Output) (bool, string) {
	path := filepath.Join(p.dir, job.ErroredStateFile)
	plain := filepath.Join(p.root, erroredState)
	kept, err := out.Emergency != "", error(nil)
	if kept {
		// The engine prints the state when it cannot write the file: what it
		// wrote, if anything, is not the whole.
		if err = sealState([]byte(out.Emergency), path, p.job.Recipient); err == nil {
			err = durable.Remove(plain)
		}
	} else {
		kept, err = sealErrored(p.root, path, p.job.Recipient)
	}
	if err != nil {
		p.result.StateLost = true
		p.note("the engine could not save the state, and neither could tfops: " + err.Error() + "; look for it in " + plain)
		return false, ""
	}
	return kept, path
}

// sealErrored encrypts an errored.tfstate in root and removes the plain one.
func sealErrored(root, into, recipient string) (bool, error) {
	plain := filepath.Join(root, erroredState)
	b, err := datafile.Read(plain, datafile.Large)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := sealState(b, into, recipient); err != nil {
		return false, err
	}
	return true, os.Remove(plain)
}

func sealState(state []byte, into, recipient string) error {
	b, err := encrypt(state, recipient)
	if err != nil {
		return err
	}
	return durable.CommitReserved(filepath.Join(filepath.Dir(into), evidenceReserve), into, b)
}

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
		sealed, serr := sealErrored(root, filepath.Join(dir, job.ErroredStateFile), recipient)
		if err = errors.Join(err, serr); sealed {
			break
		}
	}
	return errors.Join(err, durable.Remove(filepath.Join(dir, evidenceReserve)), durable.Remove(filepath.Join(dir, job.ReserveFile)))
}

// snapshot keeps an encrypted copy of the managed state, the newest few of
// them, and tells its serial and lineage.
func (p *phase) snapshot() error {
	state, err := datafile.Read(backend.ManagedStatePath(p.job.WorkspaceDir, p.job.TerraformWorkspace), datafile.Large)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // the apply failed before there was one
	}
	if err != nil {
		return err
	}
	// The engine makes it as it makes any file; it is the owner's alone.
	for _, name := range []string{"", ".backup"} {
		path := backend.ManagedStatePath(p.job.WorkspaceDir, p.job.TerraformWorkspace) + name
		if err := os.Chmod(path, 0o600); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	head, err := backend.ReadState(state)
	if err != nil {
		return fmt.Errorf("the state cannot be read: %w", err)
	}
	p.result.Serial, p.result.Lineage, p.result.StateDigest = head.Serial, head.Lineage, head.Digest
	_, err = p.keepSnapshot(state, head.Serial, p.job.Run)
	return err
}

// keepSnapshot keeps an encrypted copy of a state, and returns its name.
func (p *phase) keepSnapshot(state []byte, serial uint64, by string) (string, error) {
	dir := backend.SnapshotsDir(p.job.WorkspaceDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	name := fmt.Sprintf("%08d-%s.tfstate.age", serial, by)
	b, err := encrypt(state, p.job.Recipient)
	if err != nil {
		return "", err
	}
	if err := durable.Write(filepath.Join(dir, name), b); err != nil {
		return "", err
	}
	return name, pruneSnapshots(dir)
}

// pruneSnapshots removes all but the newest. Their time counts, not their
// serial: that begins again when a state is made anew.
func pruneSnapshots(dir string) error {
	paths, err := filepath.Glob(filepath.Join(dir, "*.tfstate.age"))
	if err != nil {
		return err
	}
	type aged struct {
		path string
		time int64
	}
	var all []aged
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil {
			all = append(all, aged{path, info.ModTime().UnixNano()})
		}
	}
	slices.SortFunc(all, func(a, b aged) int { return cmp.Or(cmp.Compare(b.time, a.time), cmp.Compare(b.path, a.path)) })
	for _, old := range all[min(len(all), keepSnapshots):] {
		if err := os.Remove(old.path); err != nil {
			return err
		}
	}
	return nil
}
