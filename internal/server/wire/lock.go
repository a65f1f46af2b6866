package wire

import (
	"cmp"
	"slices"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/engine/view"
	"github.com/tfops/tfops/internal/locks"
)

// Locks are the locks of states, and then those in backends that runs met.
func Locks(held []locks.Lock, met []view.MetLock, queued []view.Run) []api.Lock {
	out := each(held, func(l locks.Lock) api.Lock { return lock(l, queued) })
	return append(out, each(met, metLock)...)
}

// lock shows a lock with who waits for it, of the runs that wait to apply.
func lock(l locks.Lock, queued []view.Run) api.Lock {
	out := api.Lock{State: l.State, Workspace: l.Workspace, Holder: l.Holder(), Run: l.Run, Person: l.Person,
		Reason: l.Reason, Since: l.Since.UTC(), Waiting: []string{}}
	for _, q := range queued {
		if q.ID != l.Run && slices.Contains(locks.Keys(q.Workspace, q.State), l.State) {
			out.Waiting = append(out.Waiting, q.ID)
		}
	}
	return out
}

// ByTurn sorts runs that wait to apply as the engine takes them.
func ByTurn(a, b view.Run) int {
	return cmp.Or(a.QueuedAt.Compare(b.QueuedAt), cmp.Compare(a.ID, b.ID))
}

// metLock shows a lock in a backend. Since is when it was taken, or else when it was met.
func metLock(l view.MetLock) api.Lock {
	since := l.Created
	if since.IsZero() {
		since = l.At
	}
	return api.Lock{State: l.State, Workspace: l.Workspace, Holder: cmp.Or(l.Who, "unknown"), Since: since.UTC(),
		Waiting: []string{},
		Reason:  "lock in the backend, met by run " + l.Run, Backend: true, ID: l.ID, Operation: l.Operation,
		MetBy: l.Run, Next: l.Next}
}
