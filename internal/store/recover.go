package store

import (
	"context"

	"github.com/tfops/tfops/internal/run/recovery"
	"github.com/tfops/tfops/internal/store/records"
)

// Rebuild stores what was recovered over what is there, in one transaction. It
// is for a file that no daemon uses.
func (s *Store) Rebuild(ctx context.Context, c recovery.Contents) error {
	return s.db.Update(ctx, func(tx *records.Tx) error {
		for _, r := range c.Runs {
			if err := tx.PutRun(r); err != nil {
				return err
			}
			if err := tx.Index(records.ByWorkspace, records.Owned(r.Workspace)+r.ID); err != nil {
				return err
			}
			if votes := c.Votes[r.ID]; len(votes) > 0 {
				if err := saveVotes(tx, r.ID, votes); err != nil {
					return err
				}
			}
		}
		for _, rec := range c.Records {
			if err := tx.Put(records.Workspaces, rec.Name, rec); err != nil {
				return err
			}
		}
		if err := putLocks(tx, c.Locks); err != nil {
			return err
		}
		return tx.AddAudits(c.Audits)
	})
}
