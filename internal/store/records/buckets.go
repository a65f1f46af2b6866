// Package records keeps records in the buckets of a bbolt file: how each is
// encoded, under which key it lies, which version of the layout a file has, and
// how one leads to the next. A transaction notes what it changes of the queue,
// which is in memory and never older than the last transaction.
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
//	parked        bucket NUL sequence -> repair.Parked   records that were not what was written
//	pruned        run id -> ""   runs that are gone, the newest ten thousand
package records

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	bolt "go.etcd.io/bbolt"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/store/boltfile"
)

// The buckets.
var (
	Meta        = []byte("meta")
	Runs        = []byte("runs")
	Active      = []byte("active")
	ByWorkspace = []byte("by_workspace")
	Votes       = []byte("votes")
	Events      = []byte("events")
	Workspaces  = []byte("records")
	Locks       = []byte("locks")
	Audit       = []byte("audit")
	Findings    = []byte("findings")
	Checks      = []byte("checks")
	Reports     = []byte("reports")
	Outbox      = []byte("outbox")
	Dead        = []byte("dead")
	Parked      = []byte("parked")
	Pruned      = []byte("pruned")
)

// Buckets by what is in them.
var (
	// Signed are those whose values are records.
	Signed = [][]byte{Runs, Votes, Events, Workspaces, Locks, Audit, Findings, Checks, Reports, Outbox, Dead, Parked}
	// Numbered are those whose keys end in the bucket's sequence.
	Numbered = [][]byte{Votes, Events, Audit, Checks, Parked}
	// Indexes have no values.
	Indexes = [][]byte{Active, ByWorkspace, Pruned}
)

// The keys in Meta.
var (
	keySchema = []byte("schema")
	keyNotice = []byte("notice")
)

// migrations lead from one schema version to the next: migrations[0] makes
// an empty file version 1. They run in one transaction.
var migrations = []func(*bolt.Tx) error{
	func(tx *bolt.Tx) error {
		return create(tx, Meta, Runs, Active, ByWorkspace, Votes, Events, Workspaces, Locks, Audit)
	},
	// Runs and records know of generators, order and inputs. Nothing has to be
	// rewritten; a tfops that would lose them is kept out.
	func(*bolt.Tx) error { return nil },
	// What checks found is kept, and followed; and so is what people are told
	// until they have it.
	func(tx *bolt.Tx) error { return create(tx, Findings, Checks, Reports, Outbox, Dead) },
	// What is gone on purpose is told from what was lost, and what was written from
	// what rotted: records have checksums.
	func(tx *bolt.Tx) error {
		err := create(tx, Pruned, Parked)
		for _, b := range Signed {
			if err == nil {
				err = signAll(tx, b)
			}
		}
		return err
	},
}

// Schema is the version of the layout that this program writes.
var Schema = len(migrations)

// Checksummed is the first schema whose records have checksums.
const Checksummed = 4

func create(tx *bolt.Tx, buckets ...[]byte) error {
	for _, b := range buckets {
		if _, err := tx.CreateBucketIfNotExists(b); err != nil {
			return err
		}
	}
	return nil
}

// signAll gives the records of a bucket their checksums.
func signAll(tx *bolt.Tx, bucket []byte) error {
	b := tx.Bucket(bucket)
	keys, values := [][]byte{}, [][]byte{} // a bucket must not change while it is walked
	err := b.ForEach(func(k, raw []byte) error {
		_, has, err := Verify(bucket, k, raw)
		if err == nil && !has {
			keys, values = append(keys, bytes.Clone(k)), append(values, signed(bucket, k, raw))
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

var errForeign = errors.New("another program wrote it")

// SchemaOf is the version of a file's layout; 0 of an empty file.
func SchemaOf(tx *bolt.Tx) (int, error) {
	meta := tx.Bucket(Meta)
	if meta == nil {
		if first, _ := tx.Cursor().First(); first != nil {
			return 0, errForeign
		}
		return 0, nil
	}
	v, err := strconv.ParseUint(string(meta.Get(keySchema)), 10, 31)
	return int(v), err
}

// Migrate brings the schema of a file to this program's version, in one
// transaction. A file of a newer tfops, or of another program, is refused.
func Migrate(f *boltfile.File, readOnly bool) error {
	version := 0
	err := f.View(func(tx *bolt.Tx) (err error) { version, err = SchemaOf(tx); return err })
	const used = "name a tfops.db that `tfops serve` has used"
	switch {
	case errors.Is(err, errForeign):
		return fault.New(fault.Invalid, used+", or move this file away", "%s is not a tfops store: %w", f.Path(), err)
	case err != nil:
		return f.Damaged(fmt.Errorf("its schema version cannot be read: %w", err))
	case version > Schema:
		return fault.New(fault.Conflict, "use the tfops that wrote it, or a newer one; or restore a backup of this "+
			"version",
			"the store %s has schema version %d, and this tfops knows versions up to %d", f.Path(), version, Schema)
	case version == Schema || readOnly && version > 0:
		return nil
	case readOnly:
		return fault.New(fault.Invalid, used, "%s is not a tfops store: it has no schema version", f.Path())
	}
	return f.Update(func(tx *bolt.Tx) error {
		for _, step := range migrations[version:] {
			if err := step(tx); err != nil {
				return err
			}
		}
		return tx.Bucket(Meta).Put(keySchema, []byte(strconv.Itoa(Schema)))
	})
}
