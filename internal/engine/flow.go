package engine

import (
	"context"
	"time"

	"github.com/tfops/tfops/internal/engine/txn"
)

// keepFlowing enqueues what flowing finds, each time a workspace was applied
// that others come after.
func (e *Engine) keepFlowing(ctx context.Context) {
	txn.UntilDone(ctx, &e.txn.Moved.Signal, func() (time.Time, bool) {
		if names := e.txn.Moved.Take(); len(names) > 0 {
			e.RenameLater(ctx)
			if err := e.order.FlowAfter(ctx, names); err != nil && ctx.Err() == nil {
				e.Log.Error("workspaces that come after others cannot be enqueued; the next poll tries again", "error", err)
			}
		}
		return time.Time{}, false
	})
}
