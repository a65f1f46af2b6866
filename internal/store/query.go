package store

import (
	"bytes"
	"context"
	"iter"
	"strings"

	bolt "go.etcd.io/bbolt"

	"github.com/tfops/tfops/internal/locks"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// newestFirst walks the ids in a bucket whose keys are prefix and id, from the
// newest that is older than before ("" for all) to the oldest.
func newestFirst(b *bolt.Bucket, prefix, before string) iter.Seq[string] {
	return func(yield func(string) bool) {
		c := b.Cursor()
		// The end of the range: 0xff is greater than any character of an id.
		end := prefix + before
		if before == "" {
			end = prefix + "\xff"
		}
		k, _ := c.Seek([]byte(end))
		if k == nil {
			k, _ = c.Last()
		} else {
			k, _ = c.Prev()
		}
		for ; k != nil && bytes.HasPrefix(k, []byte(prefix)); k, _ = c.Prev() {
			if !yield(strings.TrimPrefix(string(k), prefix)) {
				return
			}
		}
	}
}

func allLocks(tx *txn) ([]locks.Lock, error) {
	var all []locks.Lock
	err := tx.Bucket(bucketLocks).ForEach(func(k, b []byte) error {
		var l locks.Lock
		if err := decode(bucketLocks, string(k), b, &l); err != nil {
			return unreadable(bucketLocks, string(k), err)
		}
		all = append(all, l)
		return nil
	})
	return all, err
}

// Records is what is remembered of every workspace, by name. What it points to must not be changed.
func (s *Store) Records(ctx context.Context) (map[string]workspace.Record, error) {
	q, err := s.Queue(ctx)
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
	return s.update(ctx, func(tx *txn) error {
		rec, err := getRecord(tx, name)
		if err != nil {
			return err
		}
		keys := locks.Keys(name, rec.State)
		h := &run.WorkspaceTx{Record: rec, FindingsTx: findingsTx(tx, name), Now: s.now()}
		if h.Locks, err = heldOn(tx, keys); err != nil {
			return err
		}
		if err := fn(h); err != nil {
			return err
		}
		if err := saveLocks(tx, keys, h.Locks); err != nil {
			return err
		}
		if err := put(tx, bucketRecords, name, h.Record); err != nil {
			return err
		}
		if err := saveFindingsTx(tx, name, h.FindingsTx); err != nil {
			return err
		}
		if err := addAudits(tx, h.Audits); err != nil {
			return err
		}
		return putDeliveries(tx, h.Now, h.Notices)
	})
}

// Record appends to the audit log what concerns no run and no workspace.
func (s *Store) Record(ctx context.Context, a run.Audit) error {
	return s.decided(ctx, a, func(*txn) error { return nil })
}

// decided is update for what somebody decided, which is recorded with it.
func (s *Store) decided(ctx context.Context, by run.Audit, fn func(*txn) error) error {
	by.At = s.now()
	return s.update(ctx, func(tx *txn) error {
		if err := fn(tx); err != nil {
			return err
		}
		return addAudits(tx, []run.Audit{by})
	})
}

// Audits reads the audit log, newest first; limit 0 reads all of it.
func (s *Store) Audits(ctx context.Context, limit int) (audits []run.Audit, err error) {
	err = s.view(ctx, func(tx *txn) error {
		c := tx.Bucket(bucketAudit).Cursor()
		for k, b := c.Last(); k != nil && (limit == 0 || len(audits) < limit); k, b = c.Prev() {
			var a run.Audit
			if err := decode(bucketAudit, string(k), b, &a); err != nil {
				return unreadable(bucketAudit, string(k), err)
			}
			audits = append(audits, a)
		}
		return nil
	})
	return audits, err
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
		ids := k.Expendable(runs, s.now())
		if len(ids) == 0 {
			continue
		}
		if err := s.update(ctx, func(tx *txn) error { return drop(tx, name, ids) }); err != nil {
			return pruned, err
		}
		pruned = append(pruned, ids...)
	}
	return pruned, nil
}

// atMost reports whether a workspace has no more runs than so many: then none of
// them is expendable, and none has to be read to know that.
func (s *Store) atMost(ctx context.Context, name string, n int) (few bool, err error) {
	err = s.view(ctx, func(tx *txn) error {
		for range newestFirst(tx.Bucket(bucketByWorkspace), name+"\x00", "") {
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

func drop(tx *txn, workspace string, ids []string) error {
	for _, id := range ids {
		if err := tx.Bucket(bucketPruned).Put([]byte(id), nil); err != nil {
			return err
		}
		if err := remove(tx, bucketRuns, id); err != nil {
			return err
		}
		if err := tx.Bucket(bucketByWorkspace).Delete([]byte(workspace + "\x00" + id)); err != nil {
			return err
		}
		for _, b := range [][]byte{bucketVotes, bucketEvents} {
			if err := dropPrefixed(tx, b, id); err != nil {
				return err
			}
		}
	}
	n, old := 0, []string{}
	for id := range newestFirst(tx.Bucket(bucketPruned), "", "") {
		if n++; n > prunedMost {
			old = append(old, id)
		}
	}
	return remove(tx, bucketPruned, old...)
}
