package queue

import (
	"context"
	"time"

	"github.com/tfops/tfops/internal/checkout"
	"github.com/tfops/tfops/internal/engine/jobs"
	"github.com/tfops/tfops/internal/engine/outcome"
	"github.com/tfops/tfops/internal/engine/txn"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/run"
)

// Engines tells whether the engine that made a plan is still there. It is asked
// before anybody's vote and before each apply: an engine refuses the plan of any
// other version, and would do so only after people have approved it.
type Engines interface {
	HasEngine(ctx context.Context, job job.Job, env map[string]string) error
}

// enginesEvery is how often the engines of waiting plans are looked for. A look
// costs a stat for each engine.
const enginesEvery = 15 * time.Second

// engineGone says why the engine that made the run's plan cannot apply it; nil
// where it can, or where only the apply will tell.
func (disp *Dispatcher) engineGone(ctx context.Context, r run.Run) error {
	if disp.engines == nil || jobs.EngineVersion(r) == "" {
		return nil
	}
	def, known := disp.txn.Settings.Get().Find(r.Workspace)
	if !known {
		return nil // its next look in the queue ends it
	}
	env, _ := jobs.Environment(disp.txn.Settings.Get(), disp.phases.Jobs.Environ, def.Workspace)
	repo := disp.txn.Settings.Get().Repositories[def.Repository]
	// which may not be there any more
	tree := checkout.Checkout{Dir: disp.phases.Jobs.Checkouts.Path(repo.Named(repo.Name), r.Commit.SHA)}
	return disp.engines.HasEngine(ctx, disp.phases.Jobs.Make(r, def, job.ApplyPhase, tree), env)
}

// keepEngines has plans made anew whose engine was replaced or removed while they wait.
func (disp *Dispatcher) keepEngines(ctx context.Context) {
	if disp.engines == nil {
		return
	}
	tick := time.NewTicker(enginesEvery)
	defer tick.Stop()
	for {
		disp.checkEngines(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (disp *Dispatcher) checkEngines(ctx context.Context) {
	q, err := disp.txn.Queue(ctx)
	if err != nil {
		return // the loop says so
	}
	for _, waiting := range []run.Status{run.AwaitingApproval, run.ApplyQueued} {
		for r := range q.In(waiting) {
			if _, err := disp.withoutEngine(ctx, *r); err != nil && ctx.Err() == nil {
				disp.log.Warn("a plan whose engine is gone cannot be discarded", "run", r.ID, "error", err)
			}
		}
	}
}

// withoutEngine discards a run that waits for an engine which is gone, and has
// it planned anew. gone says why.
func (disp *Dispatcher) withoutEngine(ctx context.Context, r run.Run) (gone, err error) {
	gone = disp.engineGone(ctx, r)
	if gone == nil || ctx.Err() != nil {
		return nil, ctx.Err()
	}
	// Who cannot open a file or write one finds no engine either: that says nothing of it.
	if _, lacks := fault.LackOf(gone); lacks || lacksFiles().What != "" {
		return nil, nil
	}
	def, _ := disp.txn.Settings.Get().Find(r.Workspace)
	_, err = disp.txn.Change(ctx, r.ID, func(d *run.Tx) error {
		if d.Run.Status != run.AwaitingApproval && d.Run.Status != run.ApplyQueued {
			return txn.ErrEnded
		}
		return outcome.Stale(d, gone.Error(), def.Fingerprint)
	})
	return gone, err
}

// MayBeApplied refuses a vote for a plan that nothing can apply.
func (disp *Dispatcher) MayBeApplied(ctx context.Context, id string) error {
	d, _, err := disp.txn.Load(ctx, id)
	if err != nil || d.Run.Status != run.AwaitingApproval {
		return nil // what is wrong with the run is said by whoever counts the vote
	}
	gone, err := disp.withoutEngine(ctx, d.Run)
	if gone == nil {
		return err
	}
	return fault.New(fault.Conflict, "tfops status "+d.Run.Workspace,
		"run %s cannot be applied, and a fresh plan is queued: %w", id, gone)
}
