package acts

import (
	"context"

	"github.com/tfops/tfops/internal/access"
	"github.com/tfops/tfops/internal/audit"
	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/engine/patches"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/run"
)

// Codify proposes a patch for a finding, against the newest commit of the
// workspace's branch, and asks for a plan of it. Nothing is pushed.
func (act *Actions) Codify(ctx context.Context, a access.Actor, finding string) (patches.Patch, error) {
	f, err := act.Journal.Finding(ctx, finding)
	if err != nil {
		return patches.Patch{}, err
	}
	def, err := act.Txn.Settings.Get().Workspace(f.Workspace)
	if err != nil {
		return patches.Patch{}, err
	}
	if f.Life == drift.Resolved {
		return patches.Patch{}, fault.New(fault.Conflict, drift.CheckCommand(f.Workspace),
			"finding %s is resolved: there is nothing to codify", f.ID)
	}
	r, err := act.ordered(ctx, def, Order{Workspace: def.Name, Kind: run.Plan},
		run.Trigger{Cause: run.ByPerson, Actor: a.Name})
	if err != nil {
		return patches.Patch{}, err
	}
	p, _, err := act.Patches.Propose(ctx, def, r.Commit.SHA, f)
	if err != nil || len(p.Done) == 0 {
		return p, err
	}
	r.Codify = f.ID
	by := audit.By(a, "codify "+f.ID, "")
	created, err := act.Txn.Enqueue(ctx, run.Batch{Runs: []run.Run{r}, By: &by})
	if err != nil {
		return patches.Patch{}, err
	}
	p.Run = created[0].ID
	return p, nil
}
