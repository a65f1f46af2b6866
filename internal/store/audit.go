package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	bolt "go.etcd.io/bbolt"

	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// A start audits the file: each record against its checksum, the indexes against
// the runs, sequences against what was numbered by them. A wrong record is parked:
// its bytes go to a bucket of their own, what depended on it is held until a
// person has looked, and it is never used.

// Parked is a record that was not what was written.
type Parked struct {
	Bucket string    `json:"bucket"`
	Key    []byte    `json:"key"`
	Raw    []byte    `json:"raw"`
	Why    string    `json:"why"`
	At     time.Time `json:"at"`
}

// Name is the key as people read it.
func (p Parked) Name() string {
	if utf8.Valid(p.Key) && !bytes.ContainsFunc(p.Key, func(r rune) bool { return r < ' ' }) {
		return string(p.Key)
	}
	return strconv.Quote(string(p.Key))
}

// parkedFor is how long a parked record is kept and spoken of.
const parkedFor = 30 * 24 * time.Hour

// signedBuckets are those whose values are records.
var signedBuckets = [][]byte{bucketRuns, bucketVotes, bucketEvents, bucketRecords, bucketLocks, bucketAudit, bucketFindings,
	bucketChecks, bucketReports, bucketOutbox, bucketDead, bucketParked}

var indexBuckets = [][]byte{bucketActive, bucketByWorkspace, bucketPruned}

// audit is what is wrong with a file whose pages are in order.
type audit struct {
	bad       []Parked
	sequences map[string]uint64 // too low: what was numbered would be written over
	indexes   bool              // the indexes are not those of the runs
	missing   bool              // a workspace has runs and no record
	old       bool              // of parked records, some are past their time
}

func (a audit) clean() bool {
	return len(a.bad) == 0 && len(a.sequences) == 0 && !a.indexes && !a.missing && !a.old
}

// auditOf walks all records. An error means that the file as a whole is not to be
// trusted.
func auditOf(tx *txn, now time.Time) (a audit, err error) {
	a.sequences = map[string]uint64{}
	for _, bucket := range append(append([][]byte{bucketMeta}, signedBuckets...), indexBuckets...) {
		b := tx.Bucket(bucket)
		if b == nil {
			return a, fmt.Errorf("its bucket %s is gone", bucket)
		}
		c := tx.Bucket(bucket).Cursor()
		for k, v := c.First(); k != nil; k, v = c.Next() {
			if found, value := b.Cursor().Seek(k); !bytes.Equal(found, k) || !bytes.Equal(value, v) || v == nil {
				return a, fmt.Errorf("the record %q in %s is not found by its key", k, bucket)
			}
		}
	}
	for _, bucket := range signedBuckets {
		if err := a.records(tx, bucket, now); err != nil {
			return a, err
		}
	}
	active, byWorkspace, err := indexesOf(tx)
	if err != nil {
		return a, nil // a run cannot be read, which is known, and parked first
	}
	a.indexes = !sameKeys(tx.Bucket(bucketActive), active) || !sameKeys(tx.Bucket(bucketByWorkspace), byWorkspace)
	for name := range workspacesIn(byWorkspace) {
		a.missing = a.missing || tx.Bucket(bucketRecords).Get([]byte(name)) == nil && ranFor(tx, name)
	}
	return a, nil
}

func (a *audit) records(tx *txn, bucket []byte, now time.Time) error {
	b := tx.Bucket(bucket)
	var highest uint64
	err := b.ForEach(func(k, raw []byte) error {
		if len(k) == 0 { // which nobody writes, and nobody can take out again
			return fmt.Errorf("bucket %s has a record without a key", bucket)
		}
		text, has, err := verified(bucket, string(k), raw)
		if err == nil && !has {
			err = fmt.Errorf("it has no checksum")
		}
		if err != nil {
			a.bad = append(a.bad, Parked{Bucket: string(bucket), Key: bytes.Clone(k), Raw: bytes.Clone(raw), Why: err.Error(), At: now})
			return nil
		}
		if numbered(bucket) && len(k) >= 8 {
			highest = max(highest, binary.BigEndian.Uint64(k[len(k)-8:]))
		}
		var p Parked
		if bytes.Equal(bucket, bucketParked) && json.Unmarshal(text, &p) == nil && now.Sub(p.At) > parkedFor {
			a.old = true
		}
		return nil
	})
	if b.Sequence() < highest {
		a.sequences[string(bucket)] = highest
	}
	return err
}

// numbered reports whether the keys of a bucket end in its sequence.
func numbered(bucket []byte) bool {
	for _, b := range [][]byte{bucketVotes, bucketEvents, bucketAudit, bucketChecks, bucketParked} {
		if bytes.Equal(bucket, b) {
			return true
		}
	}
	return false
}

// indexesOf reckons what the indexes should hold.
func indexesOf(tx *txn) (active, byWorkspace map[string]bool, err error) {
	active, byWorkspace = map[string]bool{}, map[string]bool{}
	err = tx.Bucket(bucketRuns).ForEach(func(k, raw []byte) error {
		var r run.Run
		if err := decode(bucketRuns, string(k), raw, &r); err != nil {
			return unreadable(bucketRuns, string(k), err)
		}
		byWorkspace[r.Workspace+"\x00"+r.ID] = true
		if !r.Status.Terminal() {
			active[r.Workspace+"\x00"+r.ID] = true
		}
		return nil
	})
	return active, byWorkspace, err
}

func sameKeys(b *bolt.Bucket, want map[string]bool) bool {
	n, same := 0, true
	c := b.Cursor()
	for k, _ := c.First(); k != nil; k, _ = c.Next() {
		n++
		same = same && want[string(k)]
	}
	return same && n == len(want)
}

func workspacesIn(byWorkspace map[string]bool) map[string]bool {
	names := map[string]bool{}
	for key := range byWorkspace {
		name, _, _ := bytes.Cut([]byte(key), []byte{0})
		names[string(name)] = true
	}
	return names
}

// ranFor reports whether a workspace has a run that went beyond waiting: every
// such run leaves a record of the workspace.
func ranFor(tx *txn, name string) bool {
	for id := range newestFirst(tx.Bucket(bucketByWorkspace), name+"\x00", "") {
		if r, err := getRun(tx, id); err == nil && r.Kind.Applies() {
			return true
		}
	}
	return false
}

// ParkedRecords lists what was set aside, oldest first.
func (s *Store) ParkedRecords(ctx context.Context) (all []Parked, err error) {
	err = s.view(ctx, func(tx *txn) error {
		return each(tx, bucketParked, func(k, raw, _ []byte) error {
			var p Parked
			if err := decode(bucketParked, string(k), raw, &p); err != nil {
				return unreadable(bucketParked, string(k), err)
			}
			all = append(all, p)
			return nil
		})
	})
	return all, err
}

// auditAll audits the file, and repairs it where it may be written. A file that is
// only read keeps what is wrong in it: reading such a record is an error.
func (s *Store) auditAll(readOnly bool) error {
	var a audit
	version := 0
	err := s.guarded(func() error {
		return s.db.View(func(b *bolt.Tx) (err error) {
			tx := &txn{Tx: b}
			if version = schemaOf(tx); version < checksummed {
				return nil // only read, and of before records had checksums
			}
			a, err = auditOf(tx, s.now())
			return err
		})
	})
	if err != nil {
		return damaged(s.path, err)
	}
	if torn, err := torn(s.path); err != nil {
		return openFault(s.path, err)
	} else if torn {
		a.bad = append(a.bad, Parked{Bucket: string(bucketMeta), Why: "one of the two heads of the file was damaged: the last change may be lost", At: s.now()})
	}
	if a.clean() || readOnly {
		return nil
	}
	return s.cause(s.guarded(func() error { return s.db.Update(func(tx *bolt.Tx) error { return s.repair(&txn{Tx: tx}, a) }) }))
}

func schemaOf(tx *txn) int {
	b := tx.Bucket(bucketMeta)
	if b == nil {
		return 0
	}
	v, _ := strconv.Atoi(string(b.Get(keySchema)))
	return v
}

// repair parks what is wrong and holds what depended on it.
func (s *Store) repair(tx *txn, a audit) error {
	now := s.now()
	for bucket, seq := range a.sequences {
		if err := tx.Bucket([]byte(bucket)).SetSequence(seq); err != nil {
			return err
		}
	}
	lost := map[string]bool{} // buckets that lost a record
	for _, p := range a.bad {
		if err := tx.Bucket([]byte(p.Bucket)).Delete(p.Key); err != nil {
			return err
		}
		if lost[p.Bucket] = true; p.Bucket != string(bucketParked) {
			if err := add(tx, bucketParked, p.Bucket, p); err != nil {
				return err
			}
		}
	}
	held, err := replaceRuns(tx, a.bad, now)
	if err != nil {
		return err
	}
	if err := s.rebuildIndexes(tx, a); err != nil {
		return err
	}
	if err := dropParked(tx, now); err != nil {
		return err
	}
	return holdAfter(tx, held, lost, now)
}

// rebuildIndexes makes the indexes anew of the runs.
func (s *Store) rebuildIndexes(tx *txn, a audit) error {
	active, byWorkspace, err := indexesOf(tx)
	if err != nil {
		return err
	}
	for _, index := range []struct {
		bucket []byte
		keys   map[string]bool
	}{{bucketActive, active}, {bucketByWorkspace, byWorkspace}} {
		if sameKeys(tx.Bucket(index.bucket), index.keys) {
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
		if a.indexes { // not only for want of runs that were parked
			p := Parked{Bucket: string(index.bucket), Why: "it did not list the runs that there are, and was made again", At: s.now()}
			if err := add(tx, bucketParked, p.Bucket, p); err != nil {
				return err
			}
		}
	}
	return nil
}

func dropParked(tx *txn, now time.Time) error {
	old, err := those(tx, bucketParked, func(k, raw, _ []byte) (bool, error) {
		var p Parked
		err := decode(bucketParked, string(k), raw, &p)
		return now.Sub(p.At) > parkedFor, err
	})
	if err != nil {
		return err
	}
	return remove(tx, bucketParked, old...)
}

// replaceRuns puts something that people can see, and close, in the place of runs
// whose record is wrong: the index tells whose they were, and a lock that is held
// by one tells that its apply had begun. It returns their workspaces.
func replaceRuns(tx *txn, bad []Parked, now time.Time) (held map[string]bool, err error) {
	held = map[string]bool{}
	all, err := allLocks(tx)
	if err != nil {
		return nil, err
	}
	applying := map[string]string{}
	for _, l := range all {
		if l.Run != "" {
			applying[l.Run] = l.State
		}
	}
	err = tx.Bucket(bucketByWorkspace).ForEach(func(k, _ []byte) error {
		name, id, found := bytes.Cut(k, []byte{0})
		if !found || len(bad) == 0 || tx.Bucket(bucketRuns).Get(id) != nil {
			return nil
		}
		r := run.Run{ID: string(id), Workspace: string(name), Kind: run.Sync, Status: run.Errored, Attempt: 1, CreatedAt: now, FinishedAt: now,
			Failure: &run.Failure{Message: "its record in the store was damaged and was set aside", Next: "tfops logs " + string(id)}}
		if state, ok := applying[r.ID]; ok {
			r.Status, r.FinishedAt, r.ApplyStartedAt, r.State = run.Interrupted, time.Time{}, now, state
			r.Failure.Message += " while it applied: how that ended is not known"
			r.Failure.Next = "look at the log and at the real world, then: tfops resolve " + r.ID + " -m WHAT_WAS_FOUND"
		}
		held[r.Workspace] = true
		return put(tx, bucketRuns, r.ID, r)
	})
	return held, err
}

// holdAfter suspends the workspaces of what was lost. Where a lock or a
// workspace's record is among it, nobody can tell by a damaged key whose it was:
// then all are held.
func holdAfter(tx *txn, held, lost map[string]bool, now time.Time) error {
	_, byWorkspace, err := indexesOf(tx)
	if err != nil {
		return err
	}
	names := workspacesIn(byWorkspace)
	_ = tx.Bucket(bucketRecords).ForEach(func(k, _ []byte) error { names[string(k)] = true; return nil })
	for name := range names {
		rec, known, err := get[workspace.Record](tx, bucketRecords, name)
		if err != nil {
			return err
		}
		rec.Name = name
		if !known && ranFor(tx, name) {
			runs, err := runsOf(tx, name)
			if err != nil {
				return err
			}
			rec = run.RecoverRecord(rec, name, runs, true, now)
		} else if !known {
			continue
		}
		if lost[string(bucketFindings)] {
			rec.Drift.Status, rec.Drift.Why = workspace.DriftUnknown, "a finding in the store was damaged, and no check was made since"
		}
		if (!known || held[name] || lost[string(bucketLocks)] || lost[string(bucketRecords)]) && !rec.Suspended(now) {
			rec.Suspension = &workspace.Suspension{By: "tfops", At: now,
				Reason: "records of the store were damaged and set aside (tfops status); compare what is applied with its state first"}
		}
		if err := put(tx, bucketRecords, name, rec); err != nil {
			return err
		}
	}
	return nil
}

func runsOf(tx *txn, name string) (runs []run.Run, err error) {
	for id := range newestFirst(tx.Bucket(bucketByWorkspace), name+"\x00", "") {
		r, err := getRun(tx, id)
		if err != nil {
			return nil, err
		}
		runs = append([]run.Run{r}, runs...)
	}
	return runs, nil
}
