package store

import (
	"cmp"
	"slices"

	"github.com/tfops/tfops/internal/audit"
	"github.com/tfops/tfops/internal/locks"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/store/journal"
	"github.com/tfops/tfops/internal/store/records"
	"github.com/tfops/tfops/internal/workspace"
)

// rename gives all that is known of one workspace to another name. A crash finds
// it done or not begun: it is one transaction, and no file has to be moved.
func (s *Store) rename(tx *records.Tx, r run.Rename) (dropped []run.Run, err error) {
	if !tx.Has(records.Workspaces, r.From) {
		return nil, nil
	}
	active, err := both(tx, r)
	if err != nil {
		return nil, err
	}
	if err := r.InTheWay(active); err != nil {
		return nil, err
	}
	own := func(a run.Run) bool { return a.Workspace == r.To }
	if dropped, err = s.endAll(tx, active, own, r.Stale); err != nil {
		return nil, err
	}
	if err := renameLocks(tx, r); err != nil {
		return nil, err
	}
	ids, err := journal.Rename(tx, r)
	if err != nil {
		return nil, err
	}
	if err := renameRuns(tx, r, ids); err != nil {
		return nil, err
	}
	if err := s.renameRecords(tx, r); err != nil {
		return nil, err
	}
	return dropped, tx.AddAudits([]audit.Record{r.Audit(s.db.Now())})
}

// both are the runs of both names that have not ended.
func both(tx *records.Tx, r run.Rename) ([]run.Run, error) {
	old, err := activeRuns(tx, r.From)
	if err != nil {
		return nil, err
	}
	own, err := activeRuns(tx, r.To)
	return append(old, own...), err
}

func renameLocks(tx *records.Tx, r run.Rename) error {
	all, err := records.List[locks.Lock](tx, records.Locks, "")
	if err != nil {
		return err
	}
	old, renamed, err := r.Locks(slices.Values(all))
	if err != nil {
		return err
	}
	for _, l := range old {
		if err := tx.Remove(records.Locks, l.State); err != nil {
			return err
		}
	}
	return putLocks(tx, renamed)
}

func renameRuns(tx *records.Tx, r run.Rename, ids map[string]string) error {
	runs, err := tx.RunsOf(r.From)
	if err != nil {
		return err
	}
	for _, old := range runs {
		key := records.Owned(r.From) + old.ID
		err := cmp.Or(tx.Remove(records.ByWorkspace, key), tx.Remove(records.Active, key), tx.PutRun(r.Taken(old, ids)),
			tx.Index(records.ByWorkspace, records.Owned(r.To)+old.ID))
		if err != nil {
			return err
		}
	}
	rest, err := activeRuns(tx, "")
	if err != nil {
		return err
	}
	for _, o := range rest {
		if slices.Contains(o.Upstream, r.From) {
			if err := tx.PutRun(r.Follows(o)); err != nil {
				return err
			}
		}
	}
	return nil
}

// renameRecords is the last step: from here on the old name is a former one.
func (s *Store) renameRecords(tx *records.Tx, r run.Rename) error {
	old, err := tx.Workspace(r.From)
	if err != nil {
		return err
	}
	own, err := tx.Workspace(r.To)
	if err != nil {
		return err
	}
	heir, former, err := r.Records(old, own, s.db.Now())
	if err != nil {
		return err
	}
	for _, rec := range []workspace.Record{heir, former} {
		if err := tx.Put(records.Workspaces, rec.Name, rec); err != nil {
			return err
		}
	}
	return heldBackBy(tx, r)
}

// heldBackBy has the records that name the old name name the new one.
func heldBackBy(tx *records.Tx, r run.Rename) error {
	var some []workspace.Record
	for k := range tx.Walk(records.Workspaces, "") {
		var rec workspace.Record
		if err := k.Decode(&rec); err != nil {
			return err
		}
		if rec.HeldBack == r.From {
			rec.Name, rec.HeldBack = string(k.Key), r.To
			some = append(some, rec)
		}
	}
	for _, rec := range some {
		if err := tx.Put(records.Workspaces, rec.Name, rec); err != nil {
			return err
		}
	}
	return nil
}
