package repair

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/tfops/tfops/internal/locks"
	"github.com/tfops/tfops/internal/run/recovery"
	"github.com/tfops/tfops/internal/store/boltfile"
	"github.com/tfops/tfops/internal/store/records"
	"github.com/tfops/tfops/internal/workspace"
)

// Records inspects the records of a file, and repairs them where it may be written. A
// file that is only read keeps what is wrong in it: reading such a record is an error.
func Records(f *boltfile.File, db *records.DB, readOnly bool) error {
	ctx, now := context.Background(), db.Now()
	var d damage
	err := db.View(ctx, func(tx *records.Tx) error {
		version, err := records.SchemaOf(tx.Tx)
		if err != nil || version < records.Checksummed {
			return err // only read, and of before records had checksums
		}
		d, err = inspect(tx, now)
		return err
	})
	if err != nil {
		return f.Damaged(err)
	}
	torn, err := f.Torn()
	if err != nil {
		return err
	}
	if torn {
		d.bad = append(d.bad, Parked{Bucket: string(records.Meta), At: now,
			Why: "one of the two heads of the file was damaged: the last change may be lost"})
	}
	if d.none() || readOnly {
		return nil
	}
	return db.Update(ctx, func(tx *records.Tx) error { return repair(tx, d, now) })
}

// repair parks what is wrong and holds what depended on it.
func repair(tx *records.Tx, d damage, now time.Time) error {
	for bucket, seq := range d.sequences {
		if err := tx.Bucket([]byte(bucket)).SetSequence(seq); err != nil {
			return err
		}
	}
	lost := map[string]bool{} // buckets that lost a record
	for _, p := range d.bad {
		if err := tx.Bucket([]byte(p.Bucket)).Delete(p.Key); err != nil {
			return err
		}
		if lost[p.Bucket] = true; p.Bucket != string(records.Parked) {
			if err := park(tx, p); err != nil {
				return err
			}
		}
	}
	held := map[string]bool{}
	if len(d.bad) > 0 {
		var err error
		if held, err = replaceRuns(tx, now); err != nil {
			return err
		}
	}
	want, err := indexesOf(tx)
	if err != nil {
		return err
	}
	if err := rebuildIndexes(tx, want, d.indexes, now); err != nil {
		return err
	}
	if err := dropOutdated(tx, now); err != nil {
		return err
	}
	names := want.byWorkspace.owners()
	for r := range tx.Walk(records.Workspaces, "") {
		names[string(r.Key)] = true
	}
	for name := range names {
		if err := hold(tx, name, held[name], lost, now); err != nil {
			return err
		}
	}
	return nil
}

// replaceRuns puts something that people can see, and close, in the place of runs
// whose record is wrong: the index tells whose they were, and a lock that is held
// by one tells that its apply had begun. It returns their workspaces.
func replaceRuns(tx *records.Tx, now time.Time) (held map[string]bool, err error) {
	held = map[string]bool{}
	all, err := records.List[locks.Lock](tx, records.Locks, "")
	if err != nil {
		return nil, err
	}
	states := map[string]string{}
	for _, l := range all {
		if l.Run != "" {
			states[l.Run] = l.State
		}
	}
	for r := range tx.Walk(records.ByWorkspace, "") {
		name, id, found := bytes.Cut(r.Key, []byte{0})
		if !found || tx.Has(records.Runs, string(id)) {
			continue
		}
		lost := recovery.Placeholder(string(id), string(name), states[string(id)], now)
		held[lost.Workspace] = true
		if err := tx.Put(records.Runs, lost.ID, lost); err != nil {
			return nil, err
		}
	}
	return held, nil
}

// rebuildIndexes makes the indexes again of the runs. It says so where they were wrong
// by themselves, and not only for want of runs that were parked.
func rebuildIndexes(tx *records.Tx, want indexes, wrong bool, now time.Time) error {
	for _, index := range []struct {
		bucket []byte
		keys   keys
	}{{records.Active, want.active}, {records.ByWorkspace, want.byWorkspace}} {
		if index.keys.is(tx, index.bucket) {
			continue
		}
		if err := tx.DeleteBucket(index.bucket); err != nil {
			return err
		}
		b, err := tx.CreateBucket(index.bucket)
		if err != nil {
			return err
		}
		for key := range index.keys {
			if err := b.Put([]byte(key), nil); err != nil {
				return err
			}
		}
		if wrong {
			if err := park(tx, Parked{Bucket: string(index.bucket), At: now,
				Why: "it did not list the runs that there are, and was made again"}); err != nil {
				return err
			}
		}
	}
	return nil
}

// hold suspends a workspace that lost something, as held says. Where a lock or a
// workspace's record is among what is lost, nobody can tell by a damaged key whose it
// was: then each is held.
func hold(tx *records.Tx, name string, held bool, lost map[string]bool, now time.Time) error {
	rec, known, err := records.Get[workspace.Record](tx, records.Workspaces, name)
	if err != nil {
		return err
	}
	rec.Name = name
	switch {
	case known:
	case ranFor(tx, name):
		runs, err := tx.RunsOf(name)
		if err != nil {
			return err
		}
		slices.Reverse(runs)
		rec = recovery.Workspace(rec, runs, true, now)
	default:
		return nil
	}
	if lost[string(records.Findings)] {
		rec.Drift.Status = workspace.DriftUnknown
		rec.Drift.Why = "a finding in the store was damaged, and no check was made since"
	}
	if !known || held || lost[string(records.Locks)] || lost[string(records.Workspaces)] {
		recovery.Hold(&rec, now)
	}
	return tx.Put(records.Workspaces, name, rec)
}
