package view

import (
	"context"

	"github.com/tfops/tfops/internal/workspace"
)

// MetLock is a lock in a backend that a workspace's run met.
type MetLock struct {
	workspace.MetLock
	Workspace string
	State     string // identity; empty where no run has come as far
}

// MetLocks lists the locks in backends that runs met, by workspace.
func (view *View) MetLocks(ctx context.Context) ([]MetLock, error) {
	q, err := view.txn.Queue(ctx)
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
