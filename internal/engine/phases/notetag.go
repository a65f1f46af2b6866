package phases

import (
	"context"

	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/run"
)

// noteTag has a run know the tag that it is of, and a person look at one that is
// not as tags should be.
func (ph *Worker) noteTag(ctx context.Context, r run.Run, def fleet.Definition) error {
	if def.Tag == "" {
		return nil
	}
	_, err := ph.Txn.Change(ctx, r.ID, func(d *run.Tx) error {
		t := d.Record.Tag
		if t == nil || t.Wanted != def.Follow() || t.Commit != r.Commit.SHA {
			return nil
		}
		d.Run.Tag = t.Name
		if text, why := t.Unusual(); text != "" && r.Kind == run.Sync && d.Record.Applied != t.Commit {
			d.Run.Warn(text)
			d.Run.HoldBack(why)
		}
		return nil
	})
	return err
}
