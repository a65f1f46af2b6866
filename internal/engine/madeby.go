package engine

import (
	"context"
	"time"

	"github.com/tfops/tfops/internal/engine/jobs"

	"github.com/tfops/tfops/internal/engine/outcome"

	"github.com/tfops/tfops/internal/checkout"
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
func (e *Engine) engineGone(ctx context.Context, r run.Run) error {
	if e.Engines == nil || jobs.EngineVersion(r) == "" {
		return nil
	}
	def, known := e.txn.Settings.Get().Find(r.Workspace)
	if !known {
		return nil // the verdict ends it
	}
	env, _ := jobs.Environment(e.txn.Settings.Get(), e.Environ, def.Workspace)
	repo := e.txn.Settings.Get().Repositories[def.Repository]
	tree := checkout.Checkout{Dir: e.checkouts.Path(repo.Named(repo.Name), r.Commit.SHA)} // which may not be there any more
	return e.Engines.HasEngine(ctx, e.jobs.Make(r, def, job.ApplyPhase, tree), env)
}

// keepEngines has plans made anew whose engine was replaced or removed while they wait.
func (e *Engine) keepEngines(ctx context.Context) {
	if e.Engines == nil {
		return
	}
	tick := time.NewTicker(enginesEvery)
	defer tick.Stop()
	for {
		e.checkEngines(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (e *Engine) checkEngines(ctx context.Context) {
	q, err := e.txn.Queue(ctx)
	if err != nil {
		return // the loop says so
	}
	for _, waiting := range []run.Status{run.AwaitingApproval, run.ApplyQueued} {
		for r := range q.In(waiting) {
			if _, err := e.withoutEngine(ctx, *r); err != nil && ctx.Err() == nil {
				e.Log.Warn("a plan whose engine is gone cannot be discarded", "run", r.ID, "error", err)
			}
		}
	}
}

// withoutEngine discards a run that waits for an engine which is gone, and has
// it planned anew. gone says why.
func (e *Engine) withoutEngine(ctx context.Context, r run.Run) (gone, err error) {
	gone = e.engineGone(ctx, r)
	if gone == nil || ctx.Err() != nil {
		return nil, ctx.Err()
	}
	// Who cannot open a file or write one finds no engine either: that says nothing of it.
	if _, lacks := fault.LackOf(gone); lacks || lacksFiles().What != "" {
		return nil, nil
	}
	def, _ := e.txn.Settings.Get().Find(r.Workspace)
	_, err = e.txn.Change(ctx, r.ID, func(d *run.Tx) error {
		if d.Run.Status != run.AwaitingApproval && d.Run.Status != run.ApplyQueued {
			return txn.ErrEnded
		}
		return outcome.Stale(d, gone.Error(), def.Fingerprint)
	})
	return gone, err
}

// mayBeApplied refuses a vote for a plan that nothing can apply.
func (e *Engine) mayBeApplied(ctx context.Context, id string) error {
	d, _, err := e.txn.Load(ctx, id)
	if err != nil || d.Run.Status != run.AwaitingApproval {
		return nil // what is wrong with the run is said by whoever counts the vote
	}
	gone, err := e.withoutEngine(ctx, d.Run)
	if gone == nil {
		return err
	}
	return fault.New(fault.Conflict, "tfops status "+d.Run.Workspace, "run %s cannot be applied, and a fresh plan is queued: %w", id, gone)
}
