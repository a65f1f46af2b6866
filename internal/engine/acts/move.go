package acts

import (
	"cmp"
	"context"
	"errors"

	"github.com/tfops/tfops/internal/access"
	"github.com/tfops/tfops/internal/engine/settings"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// A move is a run that copies the state from where it was applied to where the
// configuration wants it, and plans on it. It changes nothing in the world and
// may be repeated, so it is planned and never applied; it holds the locks of
// both states while it works. A sync follows, which proves it by its plan.

// MoveState asks for the state of a workspace to be copied.
func (act *Actions) MoveState(ctx context.Context, a access.Actor, name string) (run.Run, error) {
	def, rec, err := act.mover(ctx, name)
	if err != nil {
		return run.Run{}, err
	}
	old, _ := act.Jobs.OldState(rec, def)
	move, err := movable(rec, old)
	if err != nil {
		return run.Run{}, err
	}
	return act.startMove(ctx, a, def, rec, "move-state", move.String(), func() (run.StateMove, error) {
		return move,
			nil
	})
}

// mover is a workspace whose state is to be moved, with what is known of it.
func (act *Actions) mover(ctx context.Context, name string) (fleet.Definition, workspace.Record, error) {
	def, err := act.Txn.Settings.Get().Workspace(name)
	if err != nil {
		return def, workspace.Record{}, err
	}
	q, err := act.Txn.Queue(ctx)
	return def, *q.Record(name), err
}

// startMove queues the run that moves a state. What is to be moved is staged once the audit
// log has it: a move that is not in there is not made.
func (act *Actions) startMove(ctx context.Context, a access.Actor, def fleet.Definition, rec workspace.Record, action,
	reason string, stage func() (run.StateMove, error)) (run.Run, error) {
	repo, ok := act.Txn.Settings.Get().Repositories[def.Repository]
	if !ok {
		return run.Run{}, fault.New(fault.NotFound, "tfops validate", "there is no repository %q", def.Repository)
	}
	c, err := settings.Commit(ctx, repo, cmp.Or(rec.Desired, rec.Head))
	if err != nil {
		return run.Run{}, err
	}
	err = act.Txn.ChangeWorkspace(ctx, def.Name, func(h *run.WorkspaceTx) error {
		h.Audit(a, action, reason)
		return nil
	})
	if err != nil {
		return run.Run{}, err
	}
	moving, err := stage()
	if err != nil {
		return run.Run{}, err
	}
	created, err := act.Txn.Enqueue(ctx, run.Batch{Runs: []run.Run{{Workspace: def.Name, Kind: run.Move, Commit: c,
		Fingerprint: def.Fingerprint,
		State:       moving.To.Identity, Moving: &moving, Trigger: run.Trigger{Cause: run.ByPerson, Actor: a.Name}}}})
	if err != nil || len(created) > 0 {
		return append(created, run.Run{})[0], err
	}
	err = fault.New(fault.Conflict, "tfops runs --workspace "+def.Name+" --kind move",
		"the state of workspace %s is being moved already", def.Name)
	return run.Run{}, errors.Join(err, act.Txn.DropImport(run.Run{Workspace: def.Name, Moving: &moving}))
}

// movable says from where to where the state of a workspace is to be copied.
func movable(rec workspace.Record, old *workspace.AppliedState) (run.StateMove, error) {
	switch {
	case old == nil:
		return run.StateMove{}, fault.New(fault.Conflict, "tfops status "+rec.Name,
			"workspace %s has applied nothing: there is no state to move", rec.Name)
	case rec.State == old.Identity:
		return run.StateMove{}, fault.New(fault.Conflict,
			"if the configuration has just changed, plan it first: tfops sync "+rec.Name,
			"the state of workspace %s is where it was applied: %s", rec.Name, old)
	}
	return run.StateMove{From: old.StateRef, To: workspace.StateRef{Identity: rec.State, Place: rec.StatePlace}}, nil
}
