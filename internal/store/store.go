// Package store keeps tfops's records in one bbolt file: runs, votes, events,
// locks, workspace records and the audit log. Logs and plans stay in files
// beside it.
//
// Every exported method is one transaction with one time. Functions that take
// a *bbolt.Tx are the steps that transactions are made of.
//
// Buckets (values are JSON with a checksum, see signed; pinned by golden records):
//
//	meta          "schema": version of this layout, decimal; "notice": the id that the last notice was given
//	runs          run id -> run.Run
//	active        workspace NUL run id -> ""   the runs that have not ended
//	by_workspace  workspace NUL run id -> ""   all runs
//	votes         run id NUL sequence -> approvals.Vote
//	events        run id NUL sequence -> run.Event
//	records       workspace -> workspace.Record
//	locks         key (see package locks) -> locks.Lock
//	audit         sequence -> run.Audit
//	findings      workspace NUL finding id -> drift.Finding
//	checks        workspace NUL time in milliseconds, sequence -> drift.Check
//	reports       name NUL report id -> run.Report; without an id: since when reports of the name are waited for
//	outbox        delivery id -> run.Delivery   those on their way
//	dead          delivery id -> run.Delivery   those that were given up
//	parked        bucket NUL sequence -> Parked   records that were not what was written
//	pruned        run id -> ""   runs that are gone, the newest ten thousand
package store

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/signal"
)

var (
	bucketMeta        = []byte("meta")
	bucketRuns        = []byte("runs")
	bucketActive      = []byte("active")
	bucketByWorkspace = []byte("by_workspace")
	bucketVotes       = []byte("votes")
	bucketEvents      = []byte("events")
	bucketRecords     = []byte("records")
	bucketLocks       = []byte("locks")
	bucketAudit       = []byte("audit")
	bucketFindings    = []byte("findings")
	bucketChecks      = []byte("checks")
	bucketReports     = []byte("reports")
	bucketPruned      = []byte("pruned")
	bucketParked      = []byte("parked")

	keySchema = []byte("schema")
)

// migrations lead from one schema version to the next: migrations[0] makes
// an empty file version 1. They run in one transaction.
var migrations = []func(*bolt.Tx) error{
	func(tx *bolt.Tx) error {
		for _, b := range [][]byte{bucketMeta, bucketRuns, bucketActive, bucketByWorkspace, bucketVotes, bucketEvents,
			bucketRecords, bucketLocks, bucketAudit} {
			if _, err := tx.CreateBucketIfNotExists(b); err != nil {
				return err
			}
		}
		return nil
	},
	// Runs and records know of generators, order and inputs. Nothing has to be
	// rewritten; a tfops that would lose them is kept out.
	func(*bolt.Tx) error { return nil },
	// What checks found is kept, and followed; and so is what people are told
	// until they have it.
	func(tx *bolt.Tx) error {
		for _, b := range [][]byte{bucketFindings, bucketChecks, bucketReports, bucketOutbox, bucketDead} {
			if _, err := tx.CreateBucketIfNotExists(b); err != nil {
				return err
			}
		}
		return nil
	},
	// What is gone on purpose is told from what was lost, and what was written from
	// what rotted: records have checksums.
	func(tx *bolt.Tx) error {
		for _, b := range [][]byte{bucketPruned, bucketParked} {
			if _, err := tx.CreateBucketIfNotExists(b); err != nil {
				return err
			}
		}
		for _, b := range signedBuckets {
			if err := signAll(tx, b); err != nil {
				return err
			}
		}
		return nil
	},
}

// checksummed is the first schema whose records have checksums.
const checksummed = 4

// signAll gives the records of a bucket their checksums.
func signAll(tx *bolt.Tx, bucket []byte) error {
	b := tx.Bucket(bucket)
	keys, values := [][]byte{}, [][]byte{} // a bucket must not change while it is walked
	err := b.ForEach(func(k, raw []byte) error {
		_, has, err := verified(bucket, string(k), raw)
		if err == nil && !has {
			keys, values = append(keys, bytes.Clone(k)), append(values, signed(bucket, string(k), raw))
		}
		return err
	})
	for i, k := range keys {
		if err == nil {
			err = b.Put(k, values[i])
		}
	}
	return err
}

// Schema is the version of the layout that this program writes.
var Schema = len(migrations)

// Options are what Open may be told.
type Options struct {
	Now      func() time.Time // the clock; time.Now by default
	ReadOnly bool             // for a file of a stopped daemon
	Wait     time.Duration    // for another process to let go of the file; a second by default
}

// Store is an open file.
type Store struct {
	db   *bolt.DB
	path string
	file atomic.Pointer[os.FileInfo] // which one was opened; see Moved
	now  func() time.Time

	longest longest
	told    signal.Signal             // something was put into the outbox
	writing sync.Mutex                // held by the transaction that writes, until live is its outcome
	live    atomic.Pointer[run.Queue] // as of the last transaction that wrote; nil: to be read
}

// Open opens the file at path and brings its schema up to date; a file that
// does not exist is created. A file that is damaged, or comes from a newer
// tfops, is refused and left as it is.
func Open(path string, o Options) (*Store, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Wait == 0 {
		o.Wait = time.Second
	}
	if err := ensure(path, o.ReadOnly); err != nil {
		return nil, err
	}
	db, err := openChecked(path, o)
	if err != nil {
		return nil, err
	}
	s := &Store{db: db, path: path, now: func() time.Time { return o.Now().UTC() }}
	for _, step := range []func() error{s.remember, func() error { return s.migrate(o.ReadOnly) }, func() error { return s.auditAll(o.ReadOnly) }} {
		if err := step(); err != nil {
			db.Close()
			return nil, err
		}
	}
	return s, nil
}

// Close lets go of the file.
func (s *Store) Close() error { return s.db.Close() }

// migrate brings the schema to this program's version in one transaction.
func (s *Store) migrate(readOnly bool) error {
	version, foreign := 0, false
	err := s.db.View(func(tx *bolt.Tx) error {
		meta := tx.Bucket(bucketMeta)
		if meta == nil {
			first, _ := tx.Cursor().First()
			foreign = first != nil
			return nil
		}
		v, err := strconv.ParseUint(string(meta.Get(keySchema)), 10, 31)
		version = int(v)
		return err
	})
	switch {
	case err != nil:
		return damaged(s.path, fmt.Errorf("its schema version cannot be read: %w", err))
	case foreign:
		return fault.New(fault.Invalid, "name a tfops.db that `tfops serve` has used, or move this file away", "%s is not a tfops store: another program wrote it", s.path)
	case version > Schema:
		return fault.New(fault.Conflict, "use the tfops that wrote it, or a newer one; or restore a backup of this version",
			"the store %s has schema version %d, and this tfops knows versions up to %d", s.path, version, Schema)
	case version == Schema || readOnly && version > 0:
		return nil
	case readOnly:
		return fault.New(fault.Invalid, "name a tfops.db that `tfops serve` has used", "%s is not a tfops store: it has no schema version", s.path)
	}
	return s.cause(s.db.Update(func(tx *bolt.Tx) error {
		for _, step := range migrations[version:] {
			if err := step(tx); err != nil {
				return err
			}
		}
		return tx.Bucket(bucketMeta).Put(keySchema, []byte(strconv.Itoa(Schema)))
	}))
}
