package workdir

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/hashicorp/terraform-exec/tfexec"

	"github.com/tfops/tfops/internal/datafile"
	"github.com/tfops/tfops/internal/plan/baseline"
	"github.com/tfops/tfops/internal/runner/backend"
	"github.com/tfops/tfops/internal/runner/diagnostics"
	"github.com/tfops/tfops/internal/runner/limits"
	"github.com/tfops/tfops/internal/runner/memfile"
	"github.com/tfops/tfops/internal/runner/module"
)

// PlanOptions are those of a plan that is written to a file. The file of variables is to be closed.
func (d *Dir) PlanOptions(saved *os.File, lock, refreshOnly bool) ([]tfexec.PlanOption, *os.File, error) {
	opts := []tfexec.PlanOption{tfexec.Out(memfile.Path(saved)), tfexec.Lock(lock),
		tfexec.LockTimeout(d.Job.LockTimeout.String()), tfexec.Destroy(d.Job.Destroy), tfexec.RefreshOnly(refreshOnly)}
	if d.Job.Parallelism > 0 {
		opts = append(opts, tfexec.Parallelism(d.Job.Parallelism))
	}
	for _, name := range d.Job.VarFiles {
		opts = append(opts, tfexec.VarFile(filepath.FromSlash(name)))
	}
	// The last file wins, so the workspace's variables come last.
	vars, err := memfile.Sealed("tfops-variables", []byte(d.Secrets.Variables))
	if err != nil {
		return nil, nil, err
	}
	d.Names[memfile.Path(vars)] = module.WorkspaceVariables
	return append(opts, tfexec.VarFile(memfile.Path(vars))), vars, nil
}

// Show gives the plan as JSON. It holds secrets in plain text and goes
// nowhere but into memory.
func (d *Dir) Show(ctx context.Context, saved *os.File) ([]byte, error) {
	return d.Document(ctx, "the plan as JSON", "show", func(ctx context.Context, tf *tfexec.Terraform) error {
		_, err := tf.ShowPlanFile(ctx, memfile.Path(saved))
		return err
	})
}

// Pull reads the state of the root module, whatever its backend is; nothing
// where there is none yet. It goes nowhere but into memory.
func (d *Dir) Pull(ctx context.Context) ([]byte, error) {
	var state string
	_, err := d.RunPrepared(ctx, "state pull", func(ctx context.Context, tf *tfexec.Terraform,
		_ *diagnostics.Output) error {
		var err error
		state, err = tf.StatePull(ctx)
		return err
	})
	if most := int64(datafile.Large); int64(len(state)) > most {
		return nil, diagnostics.TooLong("the state", most)
	}
	if backend.NeverWritten([]byte(state)) {
		return nil, err
	}
	return []byte(state), err
}

// Left is the state as it is now, with a look at the world where that is asked for.
func (d *Dir) Left(ctx context.Context, look bool) (*baseline.Baseline, error) {
	if d.HidesBackend() && (look || !d.Managed) { // which is known to this phase alone
		if err := d.InitAgain(ctx); err != nil {
			return nil, err
		}
	}
	if look {
		seen, err := d.look(ctx)
		if seen != nil || ctx.Err() != nil {
			return seen, err
		}
		d.Log.Say("warn", "the world could not be looked at after the apply: %v", err)
	}
	state, err := d.stateNow(ctx)
	if err != nil {
		return nil, err
	}
	s := baseline.ReadState(state)
	if s == nil {
		return nil, errors.New("the state cannot be read")
	}
	return baseline.Of(s), nil
}

func (d *Dir) stateNow(ctx context.Context) ([]byte, error) {
	if d.Managed {
		return datafile.Read(backend.ManagedState(d.Job.WorkspaceDir, d.Job.TerraformWorkspace), datafile.Large)
	}
	return d.Pull(ctx)
}

// look plans once more, to refresh alone: so what the apply itself changed elsewhere is known, and what is gone at
// once by its nature.
func (d *Dir) look(ctx context.Context) (*baseline.Baseline, error) {
	saved, err := memfile.New("tfops-look", nil)
	if err != nil {
		return nil, err
	}
	defer saved.Close()
	opts, vars, err := d.PlanOptions(saved, false, true)
	if err != nil {
		return nil, err
	}
	defer vars.Close()
	_, err = d.Run(ctx, "plan -refresh-only", func(ctx context.Context, tf *tfexec.Terraform,
		_ *diagnostics.Output) error {
		tf.SetStdout(io.Discard) // it holds values in plain text
		_, err := tf.Plan(ctx, opts...)
		return err
	})
	if err != nil {
		return nil, err
	}
	raw, err := memfile.Final(saved, limits.Whole())
	if err != nil {
		return nil, err
	}
	found, refreshed := baseline.InPlan(raw)
	if found == nil {
		return nil, errors.New("the engine keeps no state in its plan that can be read")
	}
	seen := baseline.Seen(found, refreshed)
	if !seen.Moved() {
		return seen, nil
	}
	shown, err := d.Show(ctx, saved)
	if err != nil {
		return nil, err
	}
	return seen, seen.ReadOutputs(shown)
}
