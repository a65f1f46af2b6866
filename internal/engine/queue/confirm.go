package queue

import (
	"context"
	"time"

	"github.com/tfops/tfops/internal/engine/settings"
	"github.com/tfops/tfops/internal/engine/txn"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

const (
	lookTimeout  = time.Minute      // for a poll, when the branch moved
	ConfirmEvery = 15 * time.Second // while the remote does not answer
)

// confirm asks the remote once more, before an apply begins, whether the commit
// is still part of its branch: between two polls it may have been forced away.
// It returns false when the run is not to be applied now; what has changed is
// stored by then. No transaction is open meanwhile.
//
// Where the remote does not answer, the workspace's apply_offline decides.
func (disp *Dispatcher) confirm(ctx context.Context, r run.Run) (bool, error) {
	s := disp.txn.Settings.Get()
	def, known := s.Find(r.Workspace)
	repo, ok := s.Repositories[def.Repository]
	if r.Kind != run.Sync || !known || !ok || def.Commit != "" || def.Follow() == "" {
		return true, nil // it is pinned, of what was applied, or decide.About sees to it
	}
	head, err := disp.phases.Jobs.Sources.Head(ctx, repo, def)
	if err == nil && head == r.Commit.SHA {
		return true, nil
	}
	if err == nil || fault.Is(err, fault.NotFound) {
		err = disp.moveOn(ctx, r, def, repo, head)
	}
	switch {
	case ctx.Err() != nil:
		return false, ctx.Err()
	case err == nil:
		return true, nil
	case fault.Is(err, fault.Conflict):
		return false, nil // another run is in its place now
	case def.ApplyOffline && !fault.Is(err, fault.NotFound):
		disp.log.Warn("an apply begins although the remote does not answer: apply_offline is true", "run", r.ID,
			"workspace", r.Workspace, "error", err)
		return true, nil
	}
	return false, disp.unconfirmed(ctx, r, err)
}

// moveOn follows a branch that is elsewhere than the run's commit. A newer
// commit that touches the workspace takes the run's place by the poll. nil says
// that the commit is still part of the branch; a Conflict, that another run took
// its place.
func (disp *Dispatcher) moveOn(ctx context.Context, r run.Run, def fleet.Definition, repo settings.Repository,
	head string) error {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	err := disp.watcher.Poll(ctx, def.Repository)
	if head == "" {
		return fault.New(fault.NotFound, "push it", "%s: it is not there any more", def.Follows(""))
	}
	if !repo.Has(head) {
		if err == nil {
			err = fault.New(fault.Unavailable, "", "%s moved again", def.Follows(""))
		}
		return err
	}
	within, err := repo.Contains(ctx, head, r.Commit.SHA)
	if err != nil || within {
		return err
	}
	return disp.replace(ctx, r, def, repo, head)
}

// replace plans the head of a branch in the place of a run whose commit was
// forced away, also where nothing differs for the workspace: what is applied
// must be on the branch.
func (disp *Dispatcher) replace(ctx context.Context, r run.Run, def fleet.Definition, repo settings.Repository,
	head string) error {
	q, err := disp.txn.Queue(ctx)
	if err != nil {
		return err
	}
	gone := elsewhereNow(r, def)
	if q.Record(def.Name).Desired != r.Commit.SHA {
		return gone // the poll has seen to it
	}
	if problem := q.Record(def.Name).Obstacle.Err(); problem != nil {
		return problem
	}
	c, err := settings.Commit(ctx, repo, head)
	if err != nil {
		return err
	}
	batch := run.Batch{Heads: map[string]string{def.Name: head},
		Runs: []run.Run{{Workspace: def.Name, Kind: run.Sync, Commit: c,
			Fingerprint: def.Fingerprint, Trigger: run.Trigger{Cause: run.ByCommit}}}}
	if err := disp.order.Arrange(ctx, disp.txn.Settings.Get(), &batch); err != nil {
		return err
	}
	if _, err := disp.txn.Enqueue(ctx, batch); err != nil {
		return err
	}
	return gone
}

// unconfirmed has a run wait, and says why.
func (disp *Dispatcher) unconfirmed(ctx context.Context, r run.Run, why error) error {
	_, err := disp.txn.Change(ctx, r.ID, func(d *run.Tx) error {
		if d.Run.Status != run.ApplyQueued {
			return txn.ErrEnded
		}
		if d.Run.Unconfirmed != why.Error() {
			d.Note("", "the apply waits: the remote does not say that the commit is still on its branch")
		}
		d.Run.Unconfirmed, d.Run.NotBefore = why.Error(), d.Now.Add(ConfirmEvery)
		return nil
	})
	if err == txn.ErrEnded || fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}

// elsewhereNow says that a workspace does not lead to a run's commit any more.
func elsewhereNow(r run.Run, d fleet.Definition) error {
	return fault.New(fault.Conflict, "", "commit %s is not on %s any more", workspace.ShortCommit(r.Commit.SHA),
		d.Follows(r.Tag))
}
