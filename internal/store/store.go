// Package store keeps tfops's records in one bbolt file: runs, votes, events,
// locks, workspace records and the audit log. Logs and plans stay in files
// beside it.
//
// Every exported method is one transaction with one time. Functions that take
// a *bbolt.Tx are the steps that transactions are made of.
//
// Buckets (values are JSON, pinned by golden records):
//
//	meta          "schema": version of this layout, decimal
//	runs          run id -> run.Run
//	active        workspace NUL run id -> ""   the runs that have not ended
//	by_workspace  workspace NUL run id -> ""   all runs
//	votes         run id NUL sequence -> approvals.Vote
//	events        run id NUL sequence -> run.Event
//	records       workspace -> workspace.Record
//	locks         key (see package locks) -> locks.Lock
//	audit         sequence -> run.Audit
package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime/debug"
	"strconv"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/tfops/tfops/internal/fault"
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
	now  func() time.Time
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
	if err := s.migrate(o.ReadOnly); err != nil {
		db.Close()
		return nil, err
	}
	return s, nil
}

// Close lets go of the file.
func (s *Store) Close() error { return s.db.Close() }

// ensure creates a new file under another name first, so that a crash never
// leaves a half-made file under this one.
func ensure(path string, readOnly bool) error {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.Size() == 0:
		return damaged(path, errors.New("the file is empty"))
	case err == nil:
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return fault.New(fault.Unavailable, "check the path and its permissions", "the store %s cannot be read: %w", path, err)
	case readOnly:
		return fault.New(fault.NotFound, "check the path: the store lies at tfops.db in the data directory", "there is no store at %s", path)
	}
	fresh := path + ".new"
	if err := os.RemoveAll(fresh); err != nil {
		return err
	}
	db, err := bolt.Open(fresh, 0o600, nil)
	if err != nil {
		return fault.New(fault.Unavailable, "check that the data directory exists, is writable and has space", "the store %s cannot be created: %w", path, err)
	}
	if err := db.Close(); err != nil {
		return err
	}
	return os.Rename(fresh, path)
}

// openChecked opens the file and walks all of it. bbolt panics or faults on
// pages that are not what they should be; both become an error here.
func openChecked(path string, o Options) (db *bolt.DB, err error) {
	old := debug.SetPanicOnFault(true)
	defer debug.SetPanicOnFault(old)
	defer func() {
		if r := recover(); r != nil {
			db, err = nil, damaged(path, fmt.Errorf("%v", r))
		}
	}()
	db, err = bolt.Open(path, 0o600, &bolt.Options{Timeout: o.Wait, ReadOnly: o.ReadOnly, FreelistType: bolt.FreelistMapType})
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return nil, fault.New(fault.Conflict, "stop the other process, or talk to it: tfops status", "the store %s is held by another process, a running `tfops serve` most likely", path)
	case errors.Is(err, fs.ErrPermission):
		return nil, fault.New(fault.Forbidden, "run as the user that owns the data directory", "the store %s cannot be opened: %w", path, err)
	case err != nil:
		return nil, damaged(path, err)
	}
	err = db.View(func(tx *bolt.Tx) error {
		if info, err := os.Stat(path); err != nil {
			return err
		} else if tx.Size() > info.Size() {
			return fmt.Errorf("the file is cut off: it has %d bytes of %d", info.Size(), tx.Size())
		}
		var first error
		for e := range tx.Check() {
			if first == nil {
				first = e
			}
		}
		return first
	})
	if err != nil {
		db.Close()
		return nil, damaged(path, err)
	}
	return db, nil
}

func damaged(path string, cause error) error {
	return fault.New(fault.Internal,
		"keep the file for a look, put the newest `tfops backup` in its place, and start again; without a backup, move it away: "+
			"tfops then begins with an empty history, and managed states in workspaces/ are untouched",
		"the store %s is damaged and was left as it is: %w", path, cause)
}

// migrate brings the schema to this program's version in one transaction.
func (s *Store) migrate(readOnly bool) error {
	version := 0
	err := s.db.View(func(tx *bolt.Tx) error {
		meta := tx.Bucket(bucketMeta)
		if meta == nil {
			return nil
		}
		v, err := strconv.Atoi(string(meta.Get(keySchema)))
		version = v
		return err
	})
	switch {
	case err != nil:
		return damaged(s.path, fmt.Errorf("its schema version cannot be read: %w", err))
	case version > Schema:
		return fault.New(fault.Conflict, "use the tfops that wrote it, or a newer one; or restore a backup of this version",
			"the store %s has schema version %d, and this tfops knows versions up to %d", s.path, version, Schema)
	case version == Schema || readOnly && version > 0:
		return nil
	case readOnly:
		return fault.New(fault.Invalid, "name a tfops.db that `tfops serve` has used", "%s is not a tfops store: it has no schema version", s.path)
	}
	return s.db.Update(func(tx *bolt.Tx) error {
		for _, step := range migrations[version:] {
			if err := step(tx); err != nil {
				return err
			}
		}
		return tx.Bucket(bucketMeta).Put(keySchema, []byte(strconv.Itoa(Schema)))
	})
}
