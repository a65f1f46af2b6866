package phases

import (
	"context"
	"slices"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/drift/classify"
	"github.com/tfops/tfops/internal/drift/places"
	"github.com/tfops/tfops/internal/engine/outcome"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// sight classifies what a drift run planned. It reads other plans and the
// code, so it is done before the transaction that stores the outcome.
func (ph *Worker) sight(ctx context.Context, r run.Run, def fleet.Definition, p *plan.Plan) (outcome.Observation,
	error) {
	d, _, err := ph.Txn.Load(ctx, r.ID)
	if err != nil {
		return outcome.Observation{}, err
	}
	s := outcome.Observation{Plan: p, Check: drift.Check{Workspace: r.Workspace, Run: r.ID, Commit: r.Commit.SHA,
		Outcome:   drift.Clean,
		Resources: p.Compared, Blind: classify.Blinds(p)}}
	ev := classify.Evidence{Applied: p, Tree: ph.Txn.Files.Workspace(r.Workspace).Tree()}
	applies, err := ph.applied(ctx, r.Workspace)
	if err != nil {
		return s, err
	}
	if i := slices.IndexFunc(applies, func(a run.Run) bool { return a.Status == run.Applied }); i >= 0 {
		s.Check.LastApply, s.Check.LastApplyAt = applies[i].ID, applies[i].FinishedAt
	}
	// A refresh changes nothing in the world, so it is neither what a difference
	// came back after nor what touched a resource last.
	applies = slices.DeleteFunc(applies, func(a run.Run) bool { return a.Kind == run.Refresh })
	if err := ph.writers(ctx, &ev, d.Record, applies); err != nil {
		return s, err
	}
	if i := slices.IndexFunc(applies, func(a run.Run) bool { return a.Status == run.Applied }); i >= 0 {
		if ev.LastApply, err = ph.unsettled(ctx, applies[i]); err != nil {
			return s, err
		}
	}
	if head := d.Record.Desired; head != "" && head != r.Commit.SHA {
		s.Check.Head = head
		if ev.Head, err = ph.planAt(ctx, r.Workspace, head); err != nil {
			return s, err
		}
		s.Check.HeadPlanned = ev.Head != nil
	}
	s.Found = classify.Differences(ev)
	if slices.ContainsFunc(s.Found, func(f drift.Difference) bool { return f.Class == drift.Unchecked }) {
		s.Check.Outcome, s.Check.Why = drift.NotChecked, s.Found[0].Problems[0]
	}
	s.Notes, err = ph.annotate(ctx, def, commits{applied: r.Commit.SHA, newest: d.Record.Head}, s.Found, applies)
	return s, err
}

// writers adds what is known of who wrote the state: the last run that ended well, and those since that ended
// halfway. applies are newest first, without refreshes.
func (ph *Worker) writers(ctx context.Context, ev *classify.Evidence, rec workspace.Record, applies []run.Run) error {
	if rec.LeftOf != "" {
		if d, _, err := ph.Txn.Load(ctx, rec.LeftOf); err == nil {
			ev.Wrote = drift.Written{Run: d.Run.ID, After: d.Run.FinishedAt}
			checks, err := ph.Journal.ChecksOf(ctx, d.Run.Workspace, d.Run.FinishedAt)
			if err != nil {
				return err
			}
			for _, c := range checks {
				if (c.Outcome == drift.Clean || c.Outcome == drift.Drifted) && c.Counts[drift.AppliedElsewhere] == 0 &&
					c.At.After(ev.Wrote.After) {
					ev.Wrote.After = c.At
				}
			}
		}
	}
	for _, a := range applies {
		if a.Status == run.Applied || rec.HalfDone == "" {
			break
		}
		p, err := ph.Txn.Files.Run(a.ID).ReadPlan()
		if err != nil {
			ph.Log.Warn("the plan of a run that ended halfway cannot be read, so what it left is told less exactly",
				"run", a.ID, "error", err)
		}
		ev.Halfway = append(ev.Halfway, classify.Halfway{Run: a.ID, At: a.FinishedAt, Plan: p,
			Left: rec.LeftHalf == a.ID})
	}
	return nil
}

// unsettled is the plan that an apply carried out, as long as what differs now
// may have come back right after it: nil once a check has found that it lasts.
func (ph *Worker) unsettled(ctx context.Context, apply run.Run) (*plan.Plan, error) {
	checks, err := ph.Journal.ChecksOf(ctx, apply.Workspace, apply.FinishedAt)
	if err != nil {
		return nil, err
	}
	lasts := func(c drift.Check) bool {
		return c.Run != apply.ID && (c.Outcome == drift.Clean || c.Outcome == drift.Drifted) &&
			c.Counts[drift.Perpetual]+c.Counts[drift.Input] == 0
	}
	if slices.ContainsFunc(checks, lasts) {
		return nil, nil
	}
	p, err := ph.Txn.Files.Run(apply.ID).ReadPlan()
	if err != nil {
		ph.Log.Warn("the plan that was applied last cannot be read, so perpetual differences look like others", "run",
			apply.ID, "error", err)
		return nil, nil
	}
	return p, nil
}

// planAt finds the newest plan that was made of a workspace at a commit; nil
// when there is none, since its run has not come so far, or failed.
func (ph *Worker) planAt(ctx context.Context, name, sha string) (*plan.Plan, error) {
	runs, err := ph.Txn.Runs(ctx, run.Query{Workspace: name, Kinds: []run.Kind{run.Sync, run.Plan}})
	if err != nil {
		return nil, err
	}
	for _, r := range runs {
		if r.Commit.SHA != sha || r.Plan == nil || r.Codify != "" {
			continue
		}
		p, err := ph.Txn.Files.Run(r.ID).ReadPlan()
		if err != nil {
			ph.Log.Warn("the plan of a commit that waits cannot be read, so a check cannot tell what the commit "+
				"explains", "run", r.ID, "error", err)
			return nil, nil
		}
		if p != nil && p.Complete && !p.Errored {
			return p, nil
		}
	}
	return nil, nil
}

// applied are the runs of a workspace that began to apply, newest first.
func (ph *Worker) applied(ctx context.Context, name string) ([]run.Run, error) {
	runs, err := ph.Txn.Runs(ctx, run.Query{Workspace: name, Statuses: []run.Status{run.Applied, run.Errored,
		run.Interrupted}})
	return slices.DeleteFunc(runs, func(r run.Run) bool { return !r.Kind.Applies() || r.ApplyStartedAt.IsZero() }), err
}

// commits are those that people want to know of a finding by.
type commits struct{ applied, newest string }

// annotate finds where what differs is written at the applied commit, who owns
// that as the newest commit has it, and which apply touched it last.
func (ph *Worker) annotate(ctx context.Context, def fleet.Definition, at commits, found []drift.Difference,
	applies []run.Run) (map[string]outcome.Note, error) {
	notes := map[string]outcome.Note{}
	if len(found) == 0 {
		return notes, nil
	}
	var addresses []string
	for _, f := range found {
		addresses = append(addresses, f.Address)
	}
	places, owners := ph.owned(def, at, addresses)
	approvers := map[string][]string{}
	for _, address := range addresses {
		n := outcome.Note{Place: places[address], Owners: owners.Of(places[address].File)}
		for _, r := range applies {
			if r.Plan == nil || !slices.Contains(r.Plan.Addresses, address) {
				continue
			}
			if _, known := approvers[r.ID]; !known {
				var err error
				if approvers[r.ID], err = ph.approvers(ctx, r.ID); err != nil {
					return nil, err
				}
			}
			n.LastRun, n.Approvers = r.ID, approvers[r.ID]
			break
		}
		notes[address] = n
	}
	return notes, nil
}

// owned reads places and owners. What cannot be read is left out: a finding
// without an owner is better than none.
func (ph *Worker) owned(def fleet.Definition, at commits, addresses []string) (map[string]places.Place, places.Owners) {
	repo := ph.Txn.Settings.Get().Repositories[def.Repository]
	if repo.Objects == nil {
		return nil, places.Owners{}
	}
	tree, err := repo.Tree(at.applied)
	if err != nil {
		ph.Log.Warn("the code of what is applied cannot be read, so findings have no place in it", "workspace",
			def.Name, "error", err)
		return nil, places.Owners{}
	}
	located := places.Locate(tree, def.Dir, def.Engine == "tofu", addresses)
	if at.newest != "" && at.newest != at.applied && repo.Has(at.newest) {
		if newest, err := repo.Tree(at.newest); err == nil {
			tree = newest
		}
	}
	owners, err := places.ReadOwners(tree)
	if err != nil {
		ph.Log.Warn("owners cannot be read, so findings have none", "workspace", def.Name, "error", err, "next",
			fault.Next(err))
	}
	return located, owners
}

// approvers are who said yes to a run.
func (ph *Worker) approvers(ctx context.Context, id string) ([]string, error) {
	d, _, err := ph.Txn.Load(ctx, id)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, v := range d.Votes {
		if v.Yes && !slices.Contains(names, v.Voter) {
			names = append(names, v.Voter)
		}
	}
	return names, nil
}
