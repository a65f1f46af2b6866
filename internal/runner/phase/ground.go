package phase

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tfops/tfops/internal/checkout"
	"github.com/tfops/tfops/internal/datafile"
	"github.com/tfops/tfops/internal/durable"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/pinned"
	"github.com/tfops/tfops/internal/runner/cell"
	"github.com/tfops/tfops/internal/runner/diagnostics"
	"github.com/tfops/tfops/internal/runner/ground"
)

// openGround shows the engine the tree of the run. For an apply it first sees that
// everything is as it was when the plan was made.
func (p *phase) openGround(ctx context.Context) error {
	for _, dir := range []string{p.job.Tree, p.job.Ground} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	if p.job.Phase == job.ApplyPhase {
		if err := p.compareGround(ctx); err != nil {
			return err
		}
	}
	var err error
	if err = p.work.ClearScratch(p.job); err != nil {
		return err
	}
	if p.work.View, err = p.openView(ctx); err != nil {
		return err
	}
	if err := p.work.View.Show(pinned.Files(p.job.Checkout), cell.TreeName, p.job.Tree); err != nil {
		return err
	}
	if p.job.Phase == job.PlanPhase {
		return nil
	}
	root := filepath.Join(p.job.Tree, filepath.FromSlash(p.job.Dir))
	for name, digest := range p.ground.Packages {
		if err := p.work.View.Show(pinned.Files(p.work.Store().Content(digest)), cell.PackageName(name),
			ground.ModuleDir(root, name)); err != nil {
			return err
		}
	}
	return nil
}

// compareGround compares what an approved plan stands on with what is there.
func (p *phase) compareGround(ctx context.Context) error {
	if p.ground.Commit != p.job.Commit {
		return ground.Moved("the plan is of commit %s and the tree of %s", p.ground.Commit, p.job.Commit)
	}
	if err := checkout.Check(p.job.Checkout); err != nil {
		return ground.Moved("in the checkout, %w", err)
	}
	for name, digest := range p.ground.Packages {
		if err := p.work.Store().Check(digest); err != nil {
			return ground.Moved("of module %s, %w", name, err)
		}
	}
	written, err := pinned.Digest(ctx, filepath.Join(p.job.Ground, "written"))
	if err != nil {
		return err
	}
	if written != p.ground.Written {
		return ground.Moved("a file that the plan wrote was changed")
	}
	return nil
}

// readGround reads what an approved plan stands on, and sees that it is what was approved.
func (p *phase) readGround() error {
	b, err := datafile.Read(p.groundFile(), datafile.Record)
	if errors.Is(err, fs.ErrNotExist) {
		return ground.Moved("it is not known what the plan stands on")
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

const wrote = "what the plan wrote into its tree"

// keepGround records what the plan stands on, and has it on the disk before the run may
// wait for its apply. It returns what ApprovedDigest takes: nil for a plan that is never
// applied, of which nothing is kept.
func (p *phase) keepGround(ctx context.Context) ([]byte, error) {
	if err := errors.Join(p.work.Unlink(), ground.TooMuch(wrote, p.work.View.Collect(ctx))); err != nil {
		return nil, err
	}
	if !p.job.LockState {
		return nil, nil
	}
	written := filepath.Join(p.job.Ground, "written")
	digest, err := pinned.Digest(ctx, written)
	if err != nil {
		return nil, ground.TooMuch(wrote, err)
	}
	if err := ground.SyncTree(written); err != nil {
		return nil, err
	}
	engine, err := p.engineDigest()
	if err != nil {
		return nil, err
	}
	b, err := json.Marshal(ground.Standing{FormatVersion: job.FormatVersion, Commit: p.job.Commit,
		Packages: p.work.Packages,
		Written:  digest, Engine: engine, Backend: p.result.Backend})
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
		return ground.Moved("the plan was made by %s, and this is %s", p.ground.Engine, engine)
	}
	return nil
}

// engineDigest names the engine by the content of its binary.
func (p *phase) engineDigest() (string, error) {
	digest, err := ground.FileDigest(filepath.Join(p.job.CacheDir, "digests"), p.work.Path)
	return p.work.Name + " " + p.work.Version + " " + digest, err
}
