package engine

import (
	"context"
	"os"
	"time"
)

// maxSwept is how many trees may wait to be removed. A tree is as large as the
// repository: no more of them than this may take room that nobody needs.
const maxSwept = 64

// sweepTrees removes the trees of ended runs once no runner is at work:
// removing one costs as much as all else that the daemon does for a run, and
// the engines should not wait for it. What is left when the daemon stops the
// next one finds (see sweep).
func (e *Engine) sweepTrees(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case tree := <-e.trees:
			e.untilDone(ctx, func() (time.Time, bool) { return time.Time{}, e.idle() })
			e.removeTree(tree) // also when the daemon stops: it is one
		}
	}
}

// discardTree leaves a tree to be swept, or removes it at once where too many
// wait for that.
func (e *Engine) discardTree(tree string) {
	select {
	case e.trees <- tree:
	default:
		e.removeTree(tree)
	}
}

func (e *Engine) removeTree(tree string) {
	if err := os.RemoveAll(tree); err != nil {
		e.Log.Warn("the tree of an ended run cannot be removed", "tree", tree, "error", err)
	}
}

// idle reports whether no runner is at work.
func (e *Engine) idle() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.following) == 0
}
