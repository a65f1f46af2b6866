package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/tfops/tfops/internal/engine/patches"

	"github.com/tfops/tfops/internal/access"

	"github.com/tfops/tfops/internal/artifacts"
	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/drift/codify"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/run"
)

// Codify proposes a patch for a finding, against the newest commit of the
// workspace's branch, and asks for a plan of it. Nothing is pushed.
func (e *Engine) Codify(ctx context.Context, a access.Actor, finding string) (patches.Patch, error) {
	f, err := e.Journal.Finding(ctx, finding)
	if err != nil {
		return patches.Patch{}, err
	}
	def, err := e.txn.Settings.Get().Workspace(f.Workspace)
	if err != nil {
		return patches.Patch{}, err
	}
	if f.Life == drift.Resolved {
		return patches.Patch{}, fault.New(fault.Conflict, "tfops drift "+f.Workspace, "finding %s is resolved: there is nothing to codify", f.ID)
	}
	r, err := e.ordered(ctx, def, Order{Workspace: def.Name, Kind: run.Plan}, run.Trigger{Cause: run.ByPerson, Actor: a.Name})
	if err != nil {
		return patches.Patch{}, err
	}
	p, _, err := e.patches.Propose(ctx, def, r.Commit.SHA, f)
	if err != nil || len(p.Done) == 0 {
		return p, err
	}
	r.Codify = f.ID
	created, err := e.txn.Enqueue(ctx, run.Batch{Runs: []run.Run{r}})
	if err != nil {
		return patches.Patch{}, err
	}
	p.Run = created[0].ID
	return p, nil
}

// Patch shows the patch that a run checks, and what the check came to.
func (e *Engine) Patch(ctx context.Context, id string) (patches.Patch, error) {
	d, _, err := e.txn.Load(ctx, id)
	if err != nil {
		return patches.Patch{}, err
	}
	if d.Run.Codify == "" {
		return patches.Patch{}, fault.New(fault.Conflict, "tfops show "+id, "run %s checks no patch", id)
	}
	var p patches.Patch
	b, err := e.txn.Files.Run(id).Read(artifacts.Patch)
	if errors.Is(err, fs.ErrNotExist) {
		return patches.Patch{}, fault.New(fault.NotFound, "tfops show "+id, "run %s has no patch: it is %s", id, d.Run.Status)
	}
	if err == nil {
		err = json.Unmarshal(b, &p)
	}
	if err != nil || !d.Run.Status.Terminal() {
		return p, err
	}
	p.Checked = true
	if d.Run.Status != run.PlannedAndFinished {
		p.Why = fmt.Sprintf("the plan with the patch is %s: %s", d.Run.Status, failureOf(d.Run))
		return p, nil
	}
	made, err := e.txn.Files.Run(id).ReadPlan()
	if err != nil {
		return p, err
	}
	p.Why, p.Gone = codify.Gone(p.Difference, made)
	p.Also = others(made, p.Difference.Address)
	return p, nil
}

func failureOf(r run.Run) string {
	if r.Failure != nil {
		return r.Failure.Message
	}
	return r.Comment
}

// others are the addresses that a plan changes besides one.
func others(p *plan.Plan, address string) []string {
	out := []string{}
	if p == nil {
		return out
	}
	for _, c := range p.Changes {
		if c.Address != address && c.Action != plan.ReadData && !slices.Contains(out, c.Address) {
			out = append(out, c.Address)
		}
	}
	return out
}
