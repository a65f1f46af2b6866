package store

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/audit"
	"github.com/tfops/tfops/internal/ids"
	"github.com/tfops/tfops/internal/locks"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/store/journal"
	"github.com/tfops/tfops/internal/store/outbox"
	"github.com/tfops/tfops/internal/store/records"
)

// Enqueue stores new runs and moves heads, all or nothing. A run that may
// apply supersedes the workspace's older ones that have not begun to; they are
// returned beside the new runs, and so are those that are dropped or belong to a name
// that another workspace takes. A drift run is left out while another of the
// workspace has not ended, and a refresh while a sync or a destroy has not.
func (s *Store) Enqueue(ctx context.Context, b run.Batch) (created, superseded []run.Run, err error) {
	err = s.db.Update(ctx, func(tx *records.Tx) error {
		created, superseded = nil, nil
		for _, r := range b.Renames {
			old, err := s.rename(tx, r)
			if err != nil {
				return err
			}
			superseded = append(superseded, old...)
		}
		for _, name := range b.Looked() {
			rec, err := tx.Workspace(name)
			if err != nil {
				return err
			}
			b.Look(&rec)
			if err := tx.Put(records.Workspaces, name, rec); err != nil {
				return err
			}
		}
		for name, why := range b.Dropped {
			active, err := activeRuns(tx, name)
			if err != nil {
				return err
			}
			old, err := s.endAll(tx, active, run.Run.Dropped, func(d *run.Tx) error { return d.Drop(why) })
			if err != nil {
				return err
			}
			superseded = append(superseded, old...)
		}
		for _, r := range b.Runs {
			made, old, err := s.enqueue(tx, r)
			if err != nil {
				return err
			}
			created, superseded = append(created, made...), append(superseded, old...)
			if b.By != nil && len(made) > 0 {
				if err := tx.AddAudits([]audit.Record{made[0].Audited(*b.By, s.db.Now())}); err != nil {
					return err
				}
			}
		}
		if err := journal.AddReports(tx, b.Reports); err != nil {
			return err
		}
		_, err = outbox.Add(tx, s.db.Now(), b.Notices)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	return created, superseded, nil
}

func (s *Store) enqueue(tx *records.Tx, r run.Run) (created, superseded []run.Run, err error) {
	active, err := activeRuns(tx, r.Workspace)
	if err != nil || r.LeftOut(active) {
		return nil, nil, err
	}
	last, _ := tx.Last(records.Runs, "")
	r, event := run.New(r, ids.New(s.db.Now(), string(last.Key)), s.db.Now())
	superseded, err = s.endAll(tx, active, r.Supersedes, func(d *run.Tx) error { return d.Supersede(r.ID) })
	if err != nil {
		return nil, nil, err
	}
	rec, err := tx.Workspace(r.Workspace)
	if err == nil && r.Want(&rec) {
		err = tx.Put(records.Workspaces, r.Workspace, rec)
	}
	if err == nil {
		err = tx.PutRun(r)
	}
	if err == nil {
		err = tx.Index(records.ByWorkspace, records.Owned(r.Workspace)+r.ID)
	}
	if err != nil {
		return nil, nil, err
	}
	return []run.Run{r}, superseded, tx.Add(records.Events, records.Owned(r.ID), event)
}

// endAll ends those of some runs that are meant, and returns them.
func (s *Store) endAll(
	tx *records.Tx, runs []run.Run, meant func(run.Run) bool, end func(*run.Tx) error,
) (ended []run.Run, err error) {
	for _, r := range runs {
		if !meant(r) {
			continue
		}
		d, err := s.load(tx, r.ID)
		if err != nil {
			return nil, err
		}
		if err := end(d); err != nil {
			return nil, err
		}
		if err := s.save(tx, d, d.Run.LockKeys()); err != nil {
			return nil, err
		}
		ended = append(ended, d.Run)
	}
	return ended, nil
}

// activeRuns reads the runs of a workspace, or of all (""), that have not ended, oldest first.
func activeRuns(tx *records.Tx, name string) (runs []run.Run, err error) {
	for _, id := range tx.ActiveIDs(name) {
		r, err := tx.Run(id)
		if err != nil {
			return nil, err
		}
		runs = append(runs, r)
	}
	slices.SortFunc(runs, func(a, b run.Run) int { return cmp.Compare(a.ID, b.ID) })
	return runs, nil
}

// load reads a run with all that is decided together with it.
func (s *Store) load(tx *records.Tx, id string) (*run.Tx, error) {
	r, err := tx.Run(id)
	if err != nil {
		return nil, err
	}
	d := &run.Tx{Run: r, Now: s.db.Now()}
	if d.Votes, err = records.List[approvals.Vote](tx, records.Votes, records.Owned(id)); err != nil {
		return nil, err
	}
	if d.Record, err = tx.Workspace(r.Workspace); err != nil {
		return nil, err
	}
	d.FindingsTx = journal.Of(tx, r.Workspace)
	d.Others = func() ([]run.Run, error) {
		active, err := activeRuns(tx, r.Workspace)
		return slices.DeleteFunc(active, func(o run.Run) bool { return o.ID == r.ID }), err
	}
	d.Locks, err = heldOn(tx, r.LockKeys())
	return d, err
}

// save stores a Tx that was read in the same transaction and changed.
// keys are those that its locks may lie under, now and when it was read.
func (s *Store) save(tx *records.Tx, d *run.Tx, keys []string) error {
	id := d.Run.ID
	if err := tx.PutRun(d.Run); err != nil {
		return err
	}
	if err := saveVotes(tx, id, d.Votes); err != nil {
		return err
	}
	if err := saveLocks(tx, keys, d.Locks); err != nil {
		return err
	}
	if err := tx.Put(records.Workspaces, d.Run.Workspace, d.Record); err != nil {
		return err
	}
	if err := journal.Save(tx, d.Run.Workspace, d.FindingsTx); err != nil {
		return err
	}
	for _, e := range d.Events {
		if err := tx.Add(records.Events, records.Owned(id), e); err != nil {
			return err
		}
	}
	if err := tx.AddAudits(d.Audits); err != nil {
		return err
	}
	for _, f := range d.Follows {
		if _, _, err := s.enqueue(tx, f); err != nil {
			return err
		}
	}
	_, err := outbox.Add(tx, d.Now, d.Notices)
	return err
}

func saveVotes(tx *records.Tx, id string, votes []approvals.Vote) error {
	old, err := records.List[approvals.Vote](tx, records.Votes, records.Owned(id))
	if err != nil || slices.Equal(old, votes) {
		return err
	}
	if err := tx.RemoveOwned(records.Votes, id); err != nil {
		return err
	}
	for _, v := range votes {
		if err := tx.Add(records.Votes, records.Owned(id), v); err != nil {
			return err
		}
	}
	return nil
}

// Change lets fn decide about one run, in one transaction. When fn returns an
// error nothing is stored. fn may be called with the store locked, and any store may
// call it twice: it must be quick, must not call the store, and must touch nothing
// but what it is given.
func (s *Store) Change(ctx context.Context, id string, fn func(*run.Tx) error) (run.Run, error) {
	var r run.Run
	err := s.db.Update(ctx, func(tx *records.Tx) (err error) {
		r, err = s.decide(tx, id, fn)
		return err
	})
	if err != nil {
		return run.Run{}, err
	}
	return r, nil
}

// decide reads a run's Tx, lets fn change it, and stores it.
func (s *Store) decide(tx *records.Tx, id string, fn func(*run.Tx) error) (run.Run, error) {
	d, err := s.load(tx, id)
	if err != nil {
		return run.Run{}, err
	}
	keys, err := d.Decide(fn, func(key string) (locks.Lock, bool, error) {
		return records.Get[locks.Lock](tx, records.Locks, key)
	})
	if err != nil {
		return run.Run{}, err
	}
	return d.Run, s.save(tx, d, keys)
}

// errNothing rolls a claim back that chose nothing: a commit would cost a
// write to the disk.
var errNothing = errors.New("nothing to claim")

// Claim offers the queue to pick, which names a run and what to do with it, or
// "" for nothing; both happen in the same transaction, so that no two
// claims can choose the same.
func (s *Store) Claim(ctx context.Context, pick func(run.Queue) (string, func(*run.Tx) error)) (run.Run, bool, error) {
	var r run.Run
	err := s.db.Update(ctx, func(tx *records.Tx) error {
		q, err := s.db.QueueIn(tx)
		if err != nil {
			return err
		}
		id, fn := pick(q)
		if id == "" {
			return errNothing
		}
		r, err = s.decide(tx, id, fn)
		return err
	})
	switch {
	case errors.Is(err, errNothing):
		return run.Run{}, false, nil
	case err != nil:
		return run.Run{}, false, err
	}
	return r, true, nil
}

// Load reads one run, with its events so far.
func (s *Store) Load(ctx context.Context, id string) (d run.Tx, events []run.Event, err error) {
	err = s.db.View(ctx, func(tx *records.Tx) error {
		read, err := s.load(tx, id)
		if err != nil {
			return err
		}
		d = *read
		d.FindingsTx, d.Others = run.FindingsTx{}, nil // they would read after the transaction
		events, err = records.List[run.Event](tx, records.Events, records.Owned(id))
		return err
	})
	return d, events, err
}

// newestActive answers a query for runs that have not ended without reading
// the others, of which there may be a hundred thousand.
func newestActive(tx *records.Tx, q run.Query) ([]run.Run, error) {
	active, err := activeRuns(tx, q.Workspace)
	var runs []run.Run
	for _, r := range slices.Backward(active) {
		if q.Matches(r) && (q.Before == "" || r.ID < q.Before) && (q.Limit == 0 || len(runs) < q.Limit) {
			runs = append(runs, r)
		}
	}
	return runs, err
}

// Runs lists runs, newest first.
func (s *Store) Runs(ctx context.Context, q run.Query) (runs []run.Run, err error) {
	err = s.db.View(ctx, func(tx *records.Tx) error {
		if q.OnlyActive() {
			runs, err = newestActive(tx, q)
			return err
		}
		bucket, prefix := records.Runs, ""
		if q.Workspace != "" {
			bucket, prefix = records.ByWorkspace, records.Owned(q.Workspace)
		}
		for id := range tx.NewestFirst(bucket, prefix, q.Before) {
			r, err := tx.Run(id)
			if err != nil {
				return err
			}
			if q.Matches(r) {
				runs = append(runs, r)
			}
			if q.Limit > 0 && len(runs) == q.Limit {
				return nil
			}
		}
		return nil
	})
	return runs, err
}
