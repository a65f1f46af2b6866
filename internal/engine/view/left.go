package view

import (
	"context"

	"github.com/tfops/tfops/internal/workspace"
)

// LeftBehind lists, by name, what is known of workspaces that the configuration
// has no more, or has by another name now, while what they applied is, or
// may be, still there: nobody plans them, checks them or has them in a report. What a
// workspaces block made of something that is gone is orphaned instead.
func (view *View) LeftBehind(ctx context.Context) ([]workspace.Record, error) {
	records, err := view.txn.Records(ctx)
	if err != nil {
		return nil, err
	}
	return view.txn.Settings.Get().Removed(records), nil
}
