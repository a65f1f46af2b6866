package engine

import (
	"context"
	"strings"

	"github.com/tfops/tfops/internal/engine/decide"

	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// MetLock is a lock in a backend that a workspace's run met.
type MetLock struct {
	workspace.MetLock
	Workspace string
	State     string // identity; empty where no run has come as far
}

// noteLock remembers the lock in the backend that kept a run from its state, and forgets
// it once one has had the lock itself: what only reads takes none.
func noteLock(d *run.Tx, res job.Result) {
	switch l := res.Lock; {
	case l != nil:
		d.Record.MetLock = &workspace.MetLock{Run: d.Run.ID, At: d.Now, ID: l.ID, Who: l.Who, Operation: l.Operation, Created: l.Created,
			Next: goOn(d.Run, res.Next)}
	case res.Outcome == job.Succeeded && d.Run.Kind.Applies():
		d.Record.MetLock = nil
	}
}

// goOn ends what to do about a lock with the command that begins again: a plan that met
// one is tried again a few times by itself, a plan to look at and an apply are not.
func goOn(r run.Run, next string) string {
	return strings.TrimSuffix(next, ".") + "; then: " + decide.RetryCommand(r)
}

// MetLocks lists the locks in backends that runs met, by workspace.
func (e *Engine) MetLocks(ctx context.Context) ([]MetLock, error) {
	q, err := e.txn.Queue(ctx)
	if err != nil {
		return nil, err
	}
	var all []MetLock
	for r := range q.Records() { // by name
		if r.MetLock != nil {
			all = append(all, MetLock{MetLock: *r.MetLock, Workspace: r.Name, State: r.State})
		}
	}
	return all, nil
}
