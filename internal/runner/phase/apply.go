package phase

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hashicorp/terraform-exec/tfexec"
	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/durable"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/backend"
	"github.com/tfops/tfops/internal/runner/cell"
	"github.com/tfops/tfops/internal/runner/deadline"
	"github.com/tfops/tfops/internal/runner/diagnostics"
	"github.com/tfops/tfops/internal/runner/memfile"
	"github.com/tfops/tfops/internal/runner/module"
)

// checkPlan sees that what would be applied is what was approved. It is the
// last check before the engine and depends on nothing that the daemon decided.
func (p *phase) checkPlan(context.Context) error {
	switch p.job.Phase {
	case job.PlanPhase:
		return nil
	case job.ApplyPhase:
	default:
		return diagnostics.Refuse(job.CauseRunner, "", "there is no phase %q", p.job.Phase)
	}
	return p.readGround()
}

// apply carries out the saved plan. It always takes the backend's lock.
func (p *phase) apply(ctx context.Context) error {
	if err := errors.Join(p.checkRoom(), p.work.CheckKept(p.ground.Backend.Type, p.ground.Backend.Config)); err != nil {
		return err
	}
	// Whatever lies there now was committed, and is no evidence of this apply.
	if err := os.RemoveAll(filepath.Join(p.work.Root, backend.ErroredState)); err != nil {
		return err
	}
	if err := durable.Reserve(filepath.Join(p.dir, backend.EvidenceReserve),
		room+unpacked*int64(len(p.secrets.Plan))); err != nil {
		return diagnostics.DiskFailure(err)
	}
	saved, err := memfile.Sealed("tfops-plan", p.secrets.Plan)
	if err != nil {
		return err
	}
	defer saved.Close()
	p.work.Names[memfile.Path(saved)] = "the saved plan"
	opts := []tfexec.ApplyOption{tfexec.Lock(true), tfexec.LockTimeout(p.job.LockTimeout.String()),
		tfexec.DirOrPlan(memfile.Path(saved))}
	if p.job.Parallelism > 0 {
		opts = append(opts, tfexec.Parallelism(p.job.Parallelism))
	}
	root, dir, variables := p.work.Module, p.work.Root, p.secrets.Variables
	again, err := deadline.Within(ctx, deadline.Reading, "the variables", func() (*os.File, error) {
		return root.EphemeralValues(p.job, dir, variables)
	})
	if err != nil {
		return err
	}
	if again != nil {
		defer again.Close()
		p.work.Names[memfile.Path(again)] = module.WorkspaceVariables
		opts = append(opts, tfexec.VarFile(memfile.Path(again)))
	}
	out, err := p.work.RunPrepared(ctx, "apply", func(ctx context.Context, tf *tfexec.Terraform,
		out *diagnostics.Output) error {
		if err := cell.Outside(p.markStarted); err != nil {
			return err
		}
		return tf.ApplyJSON(ctx, diagnostics.Stdout{Output: out}, opts...)
	})
	if out == nil { // the engine was not started for it
		return errors.Join(err, os.Remove(filepath.Join(p.dir, backend.EvidenceReserve)))
	}
	if err = p.secure(out, err); err == nil {
		if err := p.appliedOutputs(ctx); err != nil { // the apply itself went well
			p.note("the outputs could not be read for the workspaces that use them: " + err.Error())
		}
	}
	p.leave(ctx, err == nil)
	return err
}

// room is how much space an apply wants to find, in bytes, besides room for
// twice its managed state.
const room = 1 << 20

// unpacked is how many times the size of a saved plan, which holds the state
// in packed form, is kept free for the state.
const unpacked = 16

// checkRoom refuses to begin an apply whose state could not be saved.
func (p *phase) checkRoom() error {
	need := int64(room)
	if p.work.Managed {
		info, err := os.Stat(backend.ManagedState(p.job.WorkspaceDir, p.job.TerraformWorkspace))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err == nil {
			need += 2 * info.Size()
		}
	}
	for _, dir := range []string{p.job.WorkspaceDir, p.dir} {
		var s unix.Statfs_t
		if err := unix.Statfs(dir, &s); err != nil {
			return err
		}
		if free := int64(s.Bavail) * int64(s.Bsize); free < need {
			return diagnostics.DiskFailure(fmt.Errorf("%s has %d KiB left and the apply wants %d, so it was not "+
				"begun: %w",
				dir, free>>10, need>>10, unix.ENOSPC))
		}
	}
	return nil
}
