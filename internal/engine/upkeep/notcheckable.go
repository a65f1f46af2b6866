package upkeep

import (
	"context"

	"github.com/tfops/tfops/internal/engine/outcome"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// notCheckable records that a check could not even be begun, of a workspace as
// its record was: what was applied meanwhile is another ground.
func (u *Keeper) notCheckable(ctx context.Context, rec workspace.Record, why error) error {
	return u.txn.ChangeWorkspace(ctx, rec.Name, func(h *run.WorkspaceTx) error {
		if h.Record.Applied != rec.Applied || h.Record.AppliedFingerprint != rec.AppliedFingerprint {
			return nil
		}
		s := outcome.NotLooked(rec.Name, "", "the check could not be made: "+why.Error())
		s.Check.At = h.Now
		return outcome.By(u.txn.Settings).Enter(&h.FindingsTx, &h.Record, s, h.Now)
	})
}
