package store

import (
	"cmp"
	"context"
	"time"

	"github.com/tfops/tfops/internal/audit"
	"github.com/tfops/tfops/internal/locks"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/store/journal"
	"github.com/tfops/tfops/internal/store/outbox"
	"github.com/tfops/tfops/internal/store/records"
	"github.com/tfops/tfops/internal/workspace"
)

// Queue is everything that has not ended, with every record and every lock. It is in memory:
// asking for it costs nothing.
func (s *Store) Queue(ctx context.Context) (run.Queue, error) { return s.db.Queue(ctx) }

// Empty reports whether nothing was ever recorded in the store.
func (s *Store) Empty() (empty bool, err error) {
	return empty, s.db.View(context.Background(), func(tx *records.Tx) error {
		empty = true
		for _, b := range [][]byte{records.Runs, records.Workspaces, records.Audit} {
			for range tx.Walk(b, "") {
				empty = false
				break
			}
		}
		return nil
	})
}

// Records is what is remembered of every workspace, by name. What it points to must not be changed.
func (s *Store) Records(ctx context.Context) (map[string]workspace.Record, error) {
	q, err := s.db.Queue(ctx)
	if err != nil {
		return nil, err
	}
	all := map[string]workspace.Record{}
	for rec := range q.Records() {
		all[rec.Name] = *rec
	}
	return all, nil
}

// ChangeWorkspace lets fn decide about the locks and the suspension of one
// workspace, in one transaction. When fn returns an error nothing is stored.
func (s *Store) ChangeWorkspace(ctx context.Context, name string, fn func(*run.WorkspaceTx) error) error {
	return s.db.Update(ctx, func(tx *records.Tx) error {
		rec, err := tx.Workspace(name)
		if err != nil {
			return err
		}
		keys := locks.Keys(name, rec.State)
		h := &run.WorkspaceTx{Record: rec, FindingsTx: journal.Of(tx, name), Now: s.db.Now()}
		if h.Locks, err = heldOn(tx, keys); err != nil {
			return err
		}
		if err := fn(h); err != nil {
			return err
		}
		if err := saveLocks(tx, keys, h.Locks); err != nil {
			return err
		}
		if err := tx.Put(records.Workspaces, name, h.Record); err != nil {
			return err
		}
		if err := journal.Save(tx, name, h.FindingsTx); err != nil {
			return err
		}
		if err := tx.AddAudits(h.Audits); err != nil {
			return err
		}
		_, err = outbox.Add(tx, h.Now, h.Notices)
		return err
	})
}

// Record appends to the audit log what concerns no run and no workspace.
func (s *Store) Record(ctx context.Context, a audit.Record) error {
	return s.db.Decide(ctx, a, func(*records.Tx) error { return nil })
}

// Audits reads the newest records of the audit log, without their numbers; limit 0 reads all.
func (s *Store) Audits(ctx context.Context, limit int) ([]audit.Record, error) {
	found, err := s.AuditLog(ctx, audit.Query{Limit: limit})
	for i := range found {
		found[i].Number = 0
	}
	return found, err
}

// AuditLog reads what is selected of the audit log, newest first; a limit of 0 reads all.
func (s *Store) AuditLog(ctx context.Context, q audit.Query) (found []audit.Record, err error) {
	before := ""
	if q.Before > 0 {
		before = records.Number("", q.Before)
	}
	err = s.db.View(ctx, func(tx *records.Tx) error {
		for r := range tx.Backward(records.Audit, "", before) {
			if err := ctx.Err(); err != nil || q.Limit > 0 && len(found) == q.Limit {
				return err
			}
			a, err := audited(r)
			if err != nil {
				return err
			}
			if q.Matches(a) {
				found = append(found, a)
			}
		}
		return nil
	})
	return found, err
}

func audited(r records.Record) (a audit.Record, err error) {
	err = r.Decode(&a)
	a.Number = records.NumberOf(r.Key)
	return a, err
}

// prunedAudits is how many records of the audit log go in one transaction.
const prunedAudits = 1000

// PruneAudits removes records of the audit log, the oldest first, up to the first that is not
// older than a time.
func (s *Store) PruneAudits(ctx context.Context, before time.Time) error {
	for {
		var gone []string
		err := s.db.View(ctx, func(tx *records.Tx) error {
			for r := range tx.Walk(records.Audit, "") {
				a, err := audited(r)
				if err != nil || !a.At.Before(before) || len(gone) == prunedAudits {
					return err
				}
				gone = append(gone, string(r.Key))
			}
			return nil
		})
		if err != nil || len(gone) == 0 {
			return err
		}
		err = s.db.Update(ctx, func(tx *records.Tx) error { return tx.Remove(records.Audit, gone...) })
		if err != nil {
			return err
		}
	}
}

// Prune removes the ended runs that are past their workspace's retention, with
// their votes and events, and returns their ids, with an error too. Workspaces
// that keep does not know are left alone. It is one transaction per workspace:
// what has ended never changes, and others can write in between.
func (s *Store) Prune(ctx context.Context, keep map[string]run.Retention) (pruned []string, err error) {
	for name, k := range keep {
		if few, err := s.atMost(ctx, name, k.Runs); err != nil || few {
			if err != nil {
				return pruned, err
			}
			continue
		}
		runs, err := s.Runs(ctx, run.Query{Workspace: name})
		if err != nil {
			return pruned, err
		}
		ids := k.Expendable(runs, s.db.Now())
		if len(ids) == 0 {
			continue
		}
		if err := s.db.Update(ctx, func(tx *records.Tx) error { return drop(tx, name, ids) }); err != nil {
			return pruned, err
		}
		pruned = append(pruned, ids...)
	}
	return pruned, nil
}

// atMost reports whether a workspace has no more runs than so many: then none of
// them is expendable, and none has to be read to know that.
func (s *Store) atMost(ctx context.Context, name string, n int) (few bool, err error) {
	err = s.db.View(ctx, func(tx *records.Tx) error {
		for range tx.Backward(records.ByWorkspace, records.Owned(name), "") {
			if n--; n < 0 {
				return nil
			}
		}
		few = true
		return nil
	})
	return few, err
}

// prunedMost is how many pruned runs are remembered, for a daemon that died before
// it had removed their directories.
const prunedMost = 10000

func drop(tx *records.Tx, workspace string, ids []string) error {
	for _, id := range ids {
		err := cmp.Or(tx.Index(records.Pruned, id), tx.Remove(records.Runs, id),
			tx.Remove(records.ByWorkspace, records.Owned(workspace)+id),
			tx.RemoveOwned(records.Votes, id), tx.RemoveOwned(records.Events, id))
		if err != nil {
			return err
		}
	}
	n, old := 0, []string{}
	for id := range tx.NewestFirst(records.Pruned, "", "") {
		if n++; n > prunedMost {
			old = append(old, id)
		}
	}
	return tx.Remove(records.Pruned, old...)
}
