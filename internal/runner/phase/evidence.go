package phase

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tfops/tfops/internal/datafile"
	"github.com/tfops/tfops/internal/durable"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/backend"
	"github.com/tfops/tfops/internal/runner/diagnostics"
)

// secure keeps what an apply left behind, however it ended: a state that
// could not be saved, and a snapshot of a managed state. err is how it ended.
func (p *phase) secure(out *diagnostics.Output, err error) error {
	if kept, path := p.secureErrored(out); kept {
		p.result.ErroredState = path
		p.note("the engine could not save the state; it is kept, encrypted, in " + path)
		if err != nil {
			f := diagnostics.FailureOf(p.stop.Ctx, err)
			f.Next = backend.RecoverNext(path)
			err = f
		}
	}
	if err := durable.Remove(filepath.Join(p.dir, backend.EvidenceReserve)); err != nil {
		p.note("space that was kept for a state cannot be given back: " + err.Error())
	}
	if p.work.Managed {
		if snapErr := p.snapshot(); snapErr != nil {
			p.note("no snapshot of the state could be kept: " + snapErr.Error())
		}
	}
	return err
}

func (p *phase) secureErrored(out *diagnostics.Output) (bool, string) {
	path := filepath.Join(p.dir, job.ErroredStateFile)
	plain := filepath.Join(p.work.Root, backend.ErroredState)
	kept, err := out.Emergency != "", error(nil)
	if kept {
		// The engine prints the state when it cannot write the file: what it
		// wrote, if anything, is not the whole.
		if err = backend.SealState([]byte(out.Emergency), path, p.job.Recipient); err == nil {
			err = durable.Remove(plain)
		}
	} else {
		kept, err = backend.SealErrored(p.work.Root, path, p.job.Recipient)
	}
	if err != nil {
		p.result.StateLost = true
		p.note("the engine could not save the state, and neither could tfops: " + err.Error() + "; look for it in " +
			plain)
		return false, ""
	}
	return kept, path
}

// snapshot keeps an encrypted copy of the managed state, the newest few of
// them, and tells its serial and lineage.
func (p *phase) snapshot() error {
	state, err := datafile.Read(backend.ManagedState(p.job.WorkspaceDir, p.job.TerraformWorkspace), datafile.Large)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // the apply failed before there was one
	}
	if err != nil {
		return err
	}
	// The engine makes it as it makes any file; it is the owner's alone.
	for _, name := range []string{"", ".backup"} {
		path := backend.ManagedState(p.job.WorkspaceDir, p.job.TerraformWorkspace) + name
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
	if err := p.keepSealed(filepath.Join(dir, name), state); err != nil {
		return "", err
	}
	return name, backend.PruneSnapshots(dir)
}
