package queue

import (
	"context"
	"time"

	"github.com/tfops/tfops/internal/engine/txn"
)

// keepFlowing enqueues what flowing finds, each time a workspace was applied
// that others come after.
func (disp *Dispatcher) keepFlowing(ctx context.Context) {
	txn.UntilDone(ctx, &disp.txn.Moved.Signal, func() (time.Time, bool) {
		if names := disp.txn.Moved.Take(); len(names) > 0 {
			disp.watcher.RenameLater(ctx)
			if err := disp.order.FlowAfter(ctx, names); err != nil && ctx.Err() == nil {
				disp.log.Error("workspaces that come after others cannot be enqueued; the next poll tries again",
					"error", err)
			}
		}
		return time.Time{}, false
	})
}
