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
	opts, vars, err := p.planOptions(saved)
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

func (p *phase) planOptions(saved *os.File) ([]tfexec.PlanOption, *os.File, error) {
	opts := []tfexec.PlanOption{tfexec.Out(memfile.Path(saved)), tfexec.Lock(p.job.LockState),
		tfexec.LockTimeout(p.job.LockTimeout.String()), tfexec.Destroy(p.job.Destroy),
		tfexec.RefreshOnly(p.job.RefreshOnly)}
	if p.job.Parallelism > 0 {
		opts = append(opts, tfexec.Parallelism(p.job.Parallelism))
	}
	for _, name := range p.job.VarFiles {
		opts = append(opts, tfexec.VarFile(filepath.FromSlash(name)))
	}
	// The last file wins, so the workspace's variables come last.
	vars, err := memfile.Sealed("tfops-variables", []byte(p.secrets.Variables))
	if err != nil {
		return nil, nil, err
	}
	p.work.Names[memfile.Path(vars)] = module.WorkspaceVariables
	return append(opts, tfexec.VarFile(memfile.Path(vars))), vars, nil
}

// keepPlan reads the saved plan and puts it on the disk: encrypted while the
// engine is busy showing it, redacted after that.
func (p *phase) keepPlan(ctx context.Context, saved *os.File) error {
	raw, err := memfile.Final(saved, limits.Whole())
	if errors.Is(err, memfile.ErrTooLarge) {
		return diagnostics.TooLong("the saved plan", limits.Whole())
	}
	if err != nil {
		return err
	}
	if len(raw) == 0 {
		return diagnostics.Refuse(job.CauseEngine, "", "%s plan ended well and left no plan", p.work.Name)
	}
	sealed := make(chan error, 1)
	go func() { sealed <- p.keepSealed(p.job.PlanFile, raw) }()
	shown, err := p.Show(ctx, saved)
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
	made, hidden, err := plan.Read(shown, job.ApprovedDigest(raw, ground), plan.Known{
		Schemas: func(providers []string) values.Schemas { return p.schemas(ctx, providers) },
		Earlier: p.earlier()})
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
	made.EngineName, made.RefreshOnly = p.work.Name, p.job.RefreshOnly
	if !p.work.OwnLock {
		made.Providers = p.result.Providers
	}
	made.Modules, made.State = p.work.Floating(), backend.PlannedOn(raw)
	if made.Rewritten, made.MoreRewritten, err = p.work.Rewritten(); err != nil {
		return err
	}
	made.Mask(p.secrets.Mask, p.secrets.MaskWhole...)
	b, err := json.Marshal(made)
	if err != nil {
		return err
	}
	p.result.PlanDigest = made.Digest
	return durable.Write(p.job.PlanJSON, append(b, '\n'))
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

// Show gives the plan as JSON. It holds secrets in plain text and goes
// nowhere but into memory.
func (p *phase) Show(ctx context.Context, saved *os.File) ([]byte, error) {
	return p.work.Document(ctx, "the plan as JSON", "show", func(ctx context.Context, tf *tfexec.Terraform) error {
		_, err := tf.ShowPlanFile(ctx, memfile.Path(saved))
		return err
	})
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
