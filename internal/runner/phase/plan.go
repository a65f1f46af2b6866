package phase

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/hashicorp/terraform-exec/tfexec"

	"github.com/tfops/tfops/internal/datafile"
	"github.com/tfops/tfops/internal/durable"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/plan/baseline"
	"github.com/tfops/tfops/internal/plan/values"
	"github.com/tfops/tfops/internal/runner/backend"
	"github.com/tfops/tfops/internal/runner/cell"
	"github.com/tfops/tfops/internal/runner/diagnostics"
	"github.com/tfops/tfops/internal/runner/limits"
	"github.com/tfops/tfops/internal/runner/memfile"
	"github.com/tfops/tfops/internal/runner/module"
	"github.com/tfops/tfops/internal/seal"
)

// plan makes a plan. The plain plan, which holds secrets, is in memory only:
// the engine writes it there and reads it from there, and what reaches the
// disk is encrypted (PlanFile) or redacted (PlanJSON).
func (p *phase) plan(ctx context.Context) error {
	saved, err := memfile.New("tfops-plan", nil)
	if err != nil {
		return err
	}
	defer saved.Close()
	p.work.Names[memfile.Path(saved)] = "the saved plan"
	opts, vars, err := p.work.PlanOptions(saved, p.job.LockState, p.job.RefreshOnly)
	if err != nil {
		return err
	}
	defer vars.Close()
	_, err = p.work.RunPrepared(ctx, "plan", func(ctx context.Context, tf *tfexec.Terraform,
		out *diagnostics.Output) error {
		if err := cell.Outside(p.markStarted); err != nil {
			return err
		}
		_, err := tf.PlanJSON(ctx, diagnostics.Stdout{Output: out}, opts...)
		return err
	})
	if err != nil {
		return err
	}
	if ctx.Err() != nil { // interrupted, and yet it said that it was done
		return context.Cause(ctx)
	}
	return p.keepPlan(ctx, saved)
}

// keepPlan reads the saved plan and puts it on the disk: encrypted while the
// engine is busy showing it, redacted after that.
func (p *phase) keepPlan(ctx context.Context, saved *os.File) error {
	raw, err := p.taken(saved)
	if err != nil {
		return err
	}
	sealed := make(chan error, 1)
	go func() { sealed <- p.keepSealed(p.job.PlanFile, raw) }()
	shown, err := p.work.Show(ctx, saved)
	if sealErr := <-sealed; sealErr != nil {
		return sealErr
	}
	if err != nil {
		return err
	}
	ground, err := p.keepGround(ctx)
	if err != nil {
		return err
	}
	found, inWorld := baseline.InPlan(raw)
	made, hidden, err := plan.Read(shown, job.ApprovedDigest(raw, ground), plan.Known{
		Schemas: func(providers []string) values.Schemas { return p.work.Schemas(ctx, providers) },
		Earlier: p.earlier(), Left: &baseline.Known{Left: baseline.Unpack(p.secrets.Left),
			Half: baseline.Unpack(p.secrets.LeftHalf), Found: found, InWorld: inWorld}})
	if err != nil {
		return fmt.Errorf("the plan cannot be read: %w", err)
	}
	p.hidden = hidden
	if err := p.keepHidden(hidden); err != nil {
		return err
	}
	if err := p.plannedOutputs(shown); err != nil {
		return err
	}
	made.EngineName, made.RefreshOnly, made.Destroy = p.work.Name, p.job.RefreshOnly, made.Destroy || p.job.Destroy
	if !p.work.OwnLock {
		made.Providers = p.result.Providers
	}
	made.Modules, made.State = p.work.Floating(), backend.PlannedOn(found)
	if made.Rewritten, made.MoreRewritten, err = p.work.Rewritten(); err != nil {
		return err
	}
	made.Mask(p.secrets.Mask, p.secrets.MaskWhole...)
	made.Ignore(func(addresses []string) map[string][]string {
		return module.Ignored(raw, p.work.Name == "tofu", addresses)
	})
	if p.job.Baseline && found != nil && !made.HasChanges() {
		p.keepLeft(baseline.Seen(found, inWorld))
	}
	b, err := json.Marshal(made)
	if err != nil {
		return err
	}
	p.result.PlanDigest = made.Digest
	return durable.Write(p.job.PlanJSON, append(b, '\n'))
}

// taken is the saved plan as the engine left it.
func (p *phase) taken(saved *os.File) ([]byte, error) {
	raw, err := memfile.Final(saved, limits.Whole())
	switch {
	case errors.Is(err, memfile.ErrTooLarge):
		return nil, diagnostics.TooLong("the saved plan", limits.Whole())
	case err == nil && len(raw) == 0:
		return nil, diagnostics.Refuse(job.CauseEngine, "", "%s plan ended well and left no plan", p.work.Name)
	}
	return raw, err
}

// keepHidden keeps, encrypted, what the engine calls sensitive, for the run's
// apply and for the workspace's next phases: a provider may well repeat it in
// an error, and only who knows it can mask it then.
func (p *phase) keepHidden(hidden []string) error {
	if len(hidden) == 0 {
		return nil
	}
	b, err := json.Marshal(hidden)
	if err != nil {
		return err
	}
	speculative := p.job.Speculative
	for _, path := range []string{filepath.Join(filepath.Dir(p.job.PlanFile), job.HiddenFile),
		job.HiddenCopy(p.job.WorkspaceDir, p.job.Run, speculative)} {
		if err := p.keepSealed(path, b); err != nil {
			return err
		}
	}
	job.PruneHidden(p.job.WorkspaceDir, speculative)
	return nil
}

// keepSealed puts something on the disk, encrypted.
func (p *phase) keepSealed(path string, plain []byte) error {
	b, err := seal.Encrypt(plain, p.job.Recipient)
	if err != nil {
		return err
	}
	return durable.Write(path, b)
}

// markStarted leaves the mark that the engine was started for the phase's own
// command. For an apply it must be on the disk before the engine is: without
// it the apply would count as never begun.
func (p *phase) markStarted() error {
	f, err := datafile.OpenFile(filepath.Join(p.dir, job.StartedFile), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if p.job.Phase != job.ApplyPhase {
		return nil
	}
	return durable.Sync(p.dir)
}
