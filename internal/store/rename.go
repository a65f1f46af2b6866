package store

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/locks"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// rename gives all that is known of one workspace to another name. A crash finds
// it done or not begun: it is one transaction, and no file has to be moved.
func (s *Store) rename(tx *txn, r run.Rename) (dropped []run.Run, err error) {
	if tx.Bucket(bucketRecords).Get([]byte(r.From)) == nil {
		return nil, nil
	}
	active, err := both(tx, r)
	if err != nil {
		return nil, err
	}
	if err := r.InTheWay(active); err != nil {
		return nil, err
	}
	// What was planned under the new name is on a state that is not its own any more.
	own := func(a run.Run) bool { return a.Workspace == r.To }
	dropped, err = s.endAll(tx, active, own, func(d *run.Tx) error { return d.GoStale("the workspace goes on with what is known of " + r.From) })
	if err != nil {
		return nil, err
	}
	if err := renameLocks(tx, r); err != nil {
		return nil, err
	}
	ids, err := renameFindings(tx, r)
	if err != nil {
		return nil, err
	}
	if err := renameRuns(tx, r, ids); err != nil {
		return nil, err
	}
	if err := cmp.Or(renameChecks(tx, r), s.renameRecords(tx, r)); err != nil {
		return nil, err
	}
	return dropped, addAudits(tx, []run.Audit{{At: s.now(), Actor: "tfops", Via: "config", Action: "rename", Workspace: r.To, Reason: r.String()}})
}

// both are the runs of both names that have not ended.
func both(tx *txn, r run.Rename) ([]run.Run, error) {
	old, err := activeRuns(tx, r.From+"\x00")
	if err != nil {
		return nil, err
	}
	own, err := activeRuns(tx, r.To+"\x00")
	return append(old, own...), err
}

func renameLocks(tx *txn, r run.Rename) error {
	all, err := allLocks(tx)
	if err != nil {
		return err
	}
	of := func(name string) (some []locks.Lock) {
		for _, l := range all {
			if l.Workspace == name {
				some = append(some, l)
			}
		}
		return some
	}
	old := of(r.From)
	renamed, err := r.Locks(old, of(r.To))
	if err != nil {
		return err
	}
	for _, l := range old {
		if err := remove(tx, bucketLocks, l.State); err != nil {
			return err
		}
	}
	for _, l := range renamed {
		if err := put(tx, bucketLocks, l.State, l); err != nil {
			return err
		}
	}
	return nil
}

func renameRuns(tx *txn, r run.Rename, ids map[string]string) error {
	for _, id := range slices.Collect(newestFirst(tx.Bucket(bucketByWorkspace), r.From+"\x00", "")) {
		old, err := getRun(tx, id)
		if err != nil {
			return err
		}
		key := []byte(r.From + "\x00" + id)
		for _, index := range [][]byte{bucketByWorkspace, bucketActive} {
			if err := tx.Bucket(index).Delete(key); err != nil {
				return err
			}
		}
		if err := saveRun(tx, r.Taken(old, ids)); err != nil {
			return err
		}
		if err := tx.Bucket(bucketByWorkspace).Put([]byte(r.To+"\x00"+id), nil); err != nil {
			return err
		}
	}
	rest, err := activeRuns(tx, "")
	if err != nil {
		return err
	}
	for _, o := range rest {
		if slices.Contains(o.Upstream, r.From) {
			if err := saveRun(tx, r.Follows(o)); err != nil {
				return err
			}
		}
	}
	return nil
}

// renameFindings returns the ids of the findings as they are now, by those before.
func renameFindings(tx *txn, r run.Rename) (map[string]string, error) {
	old, err := prefixed[drift.Finding](tx, bucketFindings, r.From)
	if err != nil {
		return nil, err
	}
	ids := map[string]string{}
	for _, f := range old {
		now := r.Finding(f)
		ids[f.ID] = now.ID
		if err := put(tx, bucketFindings, r.To+"\x00"+now.ID, now); err != nil {
			return nil, err
		}
	}
	return ids, dropPrefixed(tx, bucketFindings, r.From)
}

func renameChecks(tx *txn, r run.Rename) error {
	prefix := []byte(r.From + "\x00")
	moved := map[string]drift.Check{}
	c := tx.Bucket(bucketChecks).Cursor()
	for k, raw := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, raw = c.Next() {
		var check drift.Check
		if err := decode(bucketChecks, string(k), raw, &check); err != nil {
			return unreadable(bucketChecks, string(k), err)
		}
		check.Workspace = r.To
		moved[r.To+"\x00"+string(k[len(prefix):])] = check
	}
	for key, check := range moved {
		if err := put(tx, bucketChecks, key, check); err != nil {
			return err
		}
	}
	return dropPrefixed(tx, bucketChecks, r.From)
}

// renameRecords is the last step: from here on the old name is a former one.
func (s *Store) renameRecords(tx *txn, r run.Rename) error {
	old, err := getRecord(tx, r.From)
	if err != nil {
		return err
	}
	own, err := getRecord(tx, r.To)
	if err != nil {
		return err
	}
	if old.Former() {
		return fault.New(fault.Conflict, "tfops status", "workspace %s is called %s already", r.From, old.Renamed.To)
	}
	heir, former := workspace.TakenOver(old, own, r.Origin, s.now())
	for _, rec := range []workspace.Record{heir, former} {
		if err := put(tx, bucketRecords, rec.Name, rec); err != nil {
			return err
		}
	}
	return heldBackBy(tx, r)
}

// heldBackBy has the records that name the old name name the new one.
func heldBackBy(tx *txn, r run.Rename) error {
	var some []workspace.Record
	err := each(tx, bucketRecords, func(k, raw, _ []byte) error {
		var rec workspace.Record
		if err := decode(bucketRecords, string(k), raw, &rec); err != nil {
			return unreadable(bucketRecords, string(k), err)
		}
		if rec.HeldBack == r.From {
			rec.Name, rec.HeldBack = string(k), r.To
			some = append(some, rec)
		}
		return nil
	})
	for _, rec := range some {
		if err == nil {
			err = put(tx, bucketRecords, rec.Name, rec)
		}
	}
	return err
}
