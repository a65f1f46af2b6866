package view

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/tfops/tfops/internal/artifacts"
	"github.com/tfops/tfops/internal/drift/codify/changes"
	"github.com/tfops/tfops/internal/engine/patches"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/run"
)

// Patch shows the patch that a run checks, and what the check came to.
func (view *View) Patch(ctx context.Context, id string) (patches.Patch, error) {
	d, _, err := view.txn.Load(ctx, id)
	if err != nil {
		return patches.Patch{}, err
	}
	if d.Run.Codify == "" {
		return patches.Patch{}, fault.New(fault.Conflict, "tfops show "+id, "run %s checks no patch", id)
	}
	var p patches.Patch
	b, err := view.txn.Files.Run(id).Read(artifacts.Patch)
	if errors.Is(err, fs.ErrNotExist) {
		return patches.Patch{}, fault.New(fault.NotFound, "tfops show "+id, "run %s has no patch: it is %s", id,
			d.Run.Status)
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
	made, err := view.txn.Files.Run(id).ReadPlan()
	if err != nil {
		return p, err
	}
	p.Why, p.Gone = changes.Gone(p.Difference, made, p.Known)
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
