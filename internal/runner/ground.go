package runner

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/checkout"
	"github.com/tfops/tfops/internal/datafile"
	"github.com/tfops/tfops/internal/durable"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/pinned"
	"github.com/tfops/tfops/internal/runner/cell"
	"github.com/tfops/tfops/internal/runner/diagnostics"
	"github.com/tfops/tfops/internal/runner/engines"
)

// standing is what a plan stands on besides itself: all that its apply may read.
// Providers are told by the lock file, which is among what was written or in the commit:
// the engine compares each with it whenever it starts one.
type standing struct {
	FormatVersion int               `json:"format_version"`
	Commit        string            `json:"commit"`
	Packages      map[string]string `json:"packages,omitempty"` // of modules: the digest of each, by the name of its directory
	Written       string            `json:"written"`            // digest of what the phase wrote into its tree
	Engine        string            `json:"engine"`             // name, version and digest of the binary
	Backend       job.BackendConfig `json:"backend"`            // names the state that it is about
}

// openGround shows the engine the tree of the run. For an apply it first sees that
// everything is as it was when the plan was made.
func (p *phase) openGround(ctx context.Context) error {
	for _, dir := range []string{p.job.Tree, p.job.Ground} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	if p.job.Phase == job.ApplyPhase {
		if err := p.compareGround(); err != nil {
			return err
		}
	}
	var err error
	if p.view, err = p.openView(ctx); err != nil {
		return err
	}
	if err := p.view.Show(pinned.Files(p.job.Checkout), cell.TreeName, p.job.Tree); err != nil {
		return err
	}
	if p.job.Phase == job.PlanPhase {
		return nil
	}
	root := filepath.Join(p.job.Tree, filepath.FromSlash(p.job.Dir))
	for name, digest := range p.ground.Packages {
		if err := p.view.Show(pinned.Files(p.store().content(digest)), cell.PackageName(name), moduleDir(root, name)); err != nil {
			return err
		}
	}
	return nil
}

func moved(what string, args ...any) *diagnostics.Failure {
	return diagnostics.Refuse(job.CauseStale, "nothing was applied; a fresh plan is made", "what was approved is not there any more: "+what, args...)
}

// compareGround compares what an approved plan stands on with what is there.
func (p *phase) compareGround() error {
	if p.ground.Commit != p.job.Commit {
		return moved("the plan is of commit %s and the tree of %s", p.ground.Commit, p.job.Commit)
	}
	if err := checkout.Check(p.job.Checkout); err != nil {
		return moved("in the checkout, %w", err)
	}
	for name, digest := range p.ground.Packages {
		if err := p.store().check(digest); err != nil {
			return moved("of module %s, %w", name, err)
		}
	}
	written, err := pinned.Digest(filepath.Join(p.job.Ground, "written"))
	if err != nil {
		return err
	}
	if written != p.ground.Written {
		return moved("a file that the plan wrote was changed")
	}
	return nil
}

// readGround reads what an approved plan stands on, and sees that it is what was approved.
func (p *phase) readGround() error {
	b, err := datafile.Read(p.groundFile(), datafile.Record)
	if errors.Is(err, fs.ErrNotExist) {
		return moved("it is not known what the plan stands on")
	}
	if err != nil {
		return err
	}
	if digest := job.ApprovedDigest(p.secrets.Plan, b); len(p.secrets.Plan) == 0 || digest != p.job.PlanDigest {
		return diagnostics.Refuse(job.CauseBadInput, "nothing was applied; make a new plan",
			"the saved plan is not the one that was approved: it is %s, approved is %s", digest, p.job.PlanDigest)
	}
	p.result.PlanDigest = p.job.PlanDigest
	err = json.Unmarshal(b, &p.ground)
	p.result.Backend = p.ground.Backend
	return err
}

func (p *phase) groundFile() string {
	return filepath.Join(filepath.Dir(p.job.PlanFile), job.GroundFile)
}

// keepGround records what the plan stands on, and has it on the disk before the run may
// wait for its apply. It returns what ApprovedDigest takes: nil for a plan that is never
// applied, of which nothing is kept.
func (p *phase) keepGround() ([]byte, error) {
	if !p.job.LockState {
		return nil, nil
	}
	if err := errors.Join(p.backend.unlink(), p.view.Collect()); err != nil {
		return nil, err
	}
	written := filepath.Join(p.job.Ground, "written")
	if err := syncTree(written); err != nil {
		return nil, err
	}
	digest, err := pinned.Digest(written)
	if err != nil {
		return nil, err
	}
	engine, err := p.engineDigest()
	if err != nil {
		return nil, err
	}
	b, err := json.Marshal(standing{FormatVersion: job.FormatVersion, Commit: p.job.Commit, Packages: p.packages, Written: digest, Engine: engine, Backend: p.result.Backend})
	if err != nil {
		return nil, err
	}
	return b, durable.Write(p.groundFile(), b)
}

// checkEngine sees that an apply has the engine that its plan was made by.
func (p *phase) checkEngine(context.Context) error {
	if p.job.Phase != job.ApplyPhase {
		return nil
	}
	engine, err := p.engineDigest()
	if err != nil {
		return err
	}
	if engine != p.ground.Engine {
		return moved("the plan was made by %s, and this is %s", p.ground.Engine, engine)
	}
	return nil
}

// engineDigest names the engine by the content of its binary.
func (p *phase) engineDigest() (string, error) {
	digest, err := fileDigest(filepath.Join(p.job.CacheDir, "digests"), p.engine.Path)
	return p.engine.Name + " " + p.engine.Version + " " + digest, err
}

// fileDigest is the SHA-256 of a file. It is remembered in memory, a directory, as long
// as lstat says the same of the file: an engine has 100 MB.
func fileDigest(memory, path string) (string, error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", err
	}
	var st unix.Stat_t
	if err := unix.Lstat(real, &st); err != nil {
		return "", &fs.PathError{Op: "lstat", Path: real, Err: err}
	}
	name := filepath.Join(memory, keyOf(real, fmt.Sprint(st.Dev, st.Ino, st.Size, st.Mtim, st.Ctim)))
	if b, err := datafile.Read(name, datafile.Record); err == nil && len(b) == 2*sha256.Size {
		return string(b), nil
	}
	b, err := engines.FileSum(real)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(memory, 0o700); err != nil {
		return "", err
	}
	return b, durable.WriteUnlisted(name, []byte(b))
}

// syncTree waits until all that lies below dir is on the disk.
func syncTree(dir string) error {
	var dirs []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			dirs = append(dirs, path)
			return nil
		case !d.Type().IsRegular():
			return nil
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		return errors.Join(f.Sync(), f.Close())
	})
	slices.Reverse(dirs) // what lies below is there before its name is
	for _, d := range dirs {
		err = errors.Join(err, durable.SyncDir(d))
	}
	return err
}
