package store

import (
	"context"

	"github.com/tfops/tfops/internal/run"
)

// Rebuild stores what was recovered over what is there, in one transaction. It
// is for a file that no daemon uses.
func (s *Store) Rebuild(ctx context.Context, r run.Recovery) error {
	return s.update(ctx, func(tx *txn) error {
		for _, k := range r.Runs {
			if err := saveRun(tx, k); err != nil {
				return err
			}
			if err := tx.Bucket(bucketByWorkspace).Put([]byte(k.Workspace+"\x00"+k.ID), nil); err != nil {
				return err
			}
			if votes := r.Votes[k.ID]; len(votes) > 0 {
				if err := saveVotes(tx, k.ID, votes); err != nil {
					return err
				}
			}
		}
		for _, rec := range r.Records {
			if err := put(tx, bucketRecords, rec.Name, rec); err != nil {
				return err
			}
		}
		for _, l := range r.Locks {
			if err := put(tx, bucketLocks, l.State, l); err != nil {
				return err
			}
		}
		return addAudits(tx, r.Audits)
	})
}
