package view

import (
	"context"
	"sync"

	"github.com/tfops/tfops/internal/run"
)

// newest keeps the newest runs of workspaces, so that the status of everything reads those alone that
// changed since it was asked for last. It is a cache: a change of a queue names the workspaces whose
// runs are others.
type newest struct {
	mu      sync.Mutex
	version uint64 // of the queue that it is of
	of      map[string]newestRuns
}

// newestRuns are the newest run of a workspace that is no check, and the newest that applies a commit
// or destroys; nil for none.
type newestRuns struct{ last, sync *run.Run }

// maxCached bounds the message of a commit in runs that are kept, in bytes.
const maxCached = 4 << 10

// newestOf are those of a workspace in a queue.
func (view *View) newestOf(ctx context.Context, name string, q run.Queue) (newestRuns, error) {
	if found, ok := view.newest.get(name, q); ok {
		return found, nil
	}
	var found newestRuns
	var err error
	if found.last, err = view.first(ctx, name, run.Sync, run.Destroy, run.Refresh, run.Move, run.Plan); err != nil {
		return found, err
	}
	switch found.sync = found.last; {
	case found.last == nil, found.last.Kind == run.Sync, found.last.Kind == run.Destroy:
	default:
		if found.sync, err = view.first(ctx, name, run.Sync, run.Destroy); err != nil {
			return found, err
		}
	}
	view.newest.put(name, q, found)
	return found, nil
}

// first is the newest run of some kinds.
func (view *View) first(ctx context.Context, workspace string, kinds ...run.Kind) (*run.Run, error) {
	found, err := view.txn.Runs(ctx, run.Query{Workspace: workspace, Kinds: kinds, Limit: 1})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

func (n *newest) get(name string, q run.Queue) (newestRuns, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch version := q.Version(); {
	case version < n.version: // somebody asked later
		return newestRuns{}, false
	case version > n.version:
		changes, known := q.Since(n.version)
		if !known || n.of == nil {
			n.of = map[string]newestRuns{}
		}
		for _, c := range changes {
			for _, w := range c.Workspaces {
				delete(n.of, w)
			}
		}
		n.version = version
	}
	found, ok := n.of[name]
	return found, ok
}

// put keeps what was read after the queue. Where a newer queue was seen meanwhile it may be old.
func (n *newest) put(name string, q run.Queue, found newestRuns) {
	for _, r := range []*run.Run{found.last, found.sync} {
		if r != nil && len(r.Commit.Message) > maxCached {
			return
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.version == q.Version() && n.of != nil {
		n.of[name] = found
	}
}
