package upkeep

import (
	"context"
	"os"
	"time"

	"github.com/tfops/tfops/internal/engine/jobs"
	"github.com/tfops/tfops/internal/engine/txn"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/runner/ground"
)

// maxSwept is how many trees may wait to be removed. A tree is as large as the
// repository: no more of them than this may take room that nobody needs.
const maxSwept = 64

// moduleRest is how long a package of a module stays that no run needs.
const moduleRest = 14 * 24 * time.Hour

// Surplus moves aside the checkouts that no run needs, and leaves them to be swept.
func (u *Keeper) Surplus(ctx context.Context) {
	q, err := u.txn.Queue(ctx)
	if err != nil {
		return // it is asked for again
	}
	needed := map[string]bool{}
	for r := range q.Active() {
		needed[r.Commit.SHA] = true
		if r.Kind != run.Move || r.Moving.Import != nil {
			continue
		}
		def, _ := u.txn.Settings.Get().Find(r.Workspace)
		rec := *q.Record(r.Workspace)
		if old, _ := u.jobs.OldState(rec, def); old != nil {
			needed[jobs.LeadsTo(rec, old)] = true // it reads the old state with the code of then
		}
	}
	gone, err := u.jobs.Checkouts.Surplus(time.Now(), func(_, sha string) bool { return needed[sha] })
	if err != nil {
		u.log.Warn("checkouts that no run needs cannot be removed", "error", err)
	}
	for _, tree := range gone {
		u.discardTree(tree)
	}
}

// pruneTrees gives back the room of what was fetched for runs that have ended: packages of modules, by
// what the plans of those that go on stand on.
func (u *Keeper) pruneTrees(ctx context.Context) {
	q, err := u.txn.Queue(ctx)
	if err != nil {
		return
	}
	keep := map[string]bool{}
	for r := range q.Active() {
		digests, err := u.txn.Files.Run(r.ID).Packages()
		if err != nil {
			u.log.Warn("it is not known which modules a run needs, so all are kept", "run", r.ID, "error", err)
			return
		}
		for _, d := range digests {
			keep[d] = true
		}
	}
	if err := ground.PruneModules(u.txn.Files.Cache(), keep, time.Now().Add(-moduleRest)); err != nil {
		u.log.Warn("modules that nobody uses any more cannot be removed", "error", err)
	}
}

// sweepTrees removes trees once no runner is at work: removing one costs as much as all
// else that the daemon does for a run, and the engines should not wait for it. What is
// left when the daemon stops the next one finds (see checkout.Open).
func (u *Keeper) sweepTrees(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case tree := <-u.trees:
			txn.UntilDone(ctx, &u.txn.Changed, func() (time.Time, bool) { return time.Time{}, u.txn.Use.Idle() })
			u.removeTree(tree) // also when the daemon stops: it is one
		}
	}
}

// discardTree leaves a tree to be swept, or removes it at once where too many
// wait for that.
func (u *Keeper) discardTree(tree string) {
	select {
	case u.trees <- tree:
	default:
		u.removeTree(tree)
	}
}

func (u *Keeper) removeTree(tree string) {
	if err := os.RemoveAll(tree); err != nil {
		u.log.Warn("a checkout that no run needs cannot be removed", "tree", tree, "error", err)
	}
}
