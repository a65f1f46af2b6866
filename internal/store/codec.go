package store

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"sync"
	"syscall"

	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/locks"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

func put(tx *txn, bucket []byte, key string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	tx.note(bucket, key)
	return tx.Bucket(bucket).Put([]byte(key), signed(bucket, key, b))
}

// A record is its JSON, a line feed, and the CRC-32C in hex of bucket, key and
// JSON: bytes that rot, under their own key or another's, are told from what was
// written. Files of schema 3 and older have none of that.
const sumLength = 1 + 8

// castagnoli takes longer to make than most of a start does, and a runner has no records.
var castagnoli = sync.OnceValue(func() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) })

func sum(bucket []byte, key string, text []byte) string {
	c := crc32.Update(0, castagnoli(), bucket)
	c = crc32.Update(c, castagnoli(), []byte("\x00"+key+"\x00"))
	return fmt.Sprintf("\n%08x", crc32.Update(c, castagnoli(), text))
}

func signed(bucket []byte, key string, text []byte) []byte {
	return append(bytes.Clone(text), sum(bucket, key, text)...)
}

var errSum = errors.New("its checksum does not fit")

// verified is the JSON of a record. One without a checksum is of an older schema,
// unless the whole file was verified (see audit).
func verified(bucket []byte, key string, raw []byte) (text []byte, has bool, err error) {
	at := len(raw) - sumLength
	if at < 0 || raw[at] != '\n' {
		return raw, false, nil
	}
	if string(raw[at:]) != sum(bucket, key, raw[:at]) {
		return nil, true, errSum
	}
	return raw[:at], true, nil
}

// decode reads a record as it lies under its key.
func decode(bucket []byte, key string, raw []byte, v any) error {
	text, _, err := verified(bucket, key, raw)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, v)
}

// get reads a record; the zero value and false when there is none.
func get[T any](tx *txn, bucket []byte, key string) (v T, ok bool, err error) {
	b := tx.Bucket(bucket).Get([]byte(key))
	if b == nil {
		return v, false, nil
	}
	if err := decode(bucket, key, b, &v); err != nil {
		return v, false, unreadable(bucket, key, err)
	}
	return v, true, nil
}

// unreadable says that a record is not what was written.
func unreadable(bucket []byte, key string, err error) error {
	return fault.New(fault.Internal, "start `tfops serve` again: it sets the record aside, holds what depends on it, and says so in tfops status",
		"the record %q in %s of the store cannot be read: %w", key, bucket, err)
}

// prefixed reads every record whose key begins with owner and NUL, in order. A
// file of an older schema that is only read may lack the bucket.
func prefixed[T any](tx *txn, bucket []byte, owner string) ([]T, error) {
	var all []T
	if tx.Bucket(bucket) == nil {
		return nil, nil
	}
	prefix := []byte(owner + "\x00")
	c := tx.Bucket(bucket).Cursor()
	for k, b := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, b = c.Next() {
		var v T
		if err := decode(bucket, string(k), b, &v); err != nil {
			return nil, unreadable(bucket, string(k), err)
		}
		all = append(all, v)
	}
	return all, nil
}

// dropPrefixed removes what prefixed reads. Deleting under a cursor makes it
// skip keys, so the keys are collected first.
func dropPrefixed(tx *txn, bucket []byte, owner string) error {
	prefix := []byte(owner + "\x00")
	var keys []string
	c := tx.Bucket(bucket).Cursor()
	for k, _ := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, _ = c.Next() {
		keys = append(keys, string(k))
	}
	return remove(tx, bucket, keys...)
}

// add appends a record to those of an owner.
func add(tx *txn, bucket []byte, owner string, v any) error {
	seq, err := tx.Bucket(bucket).NextSequence()
	if err != nil {
		return err
	}
	return put(tx, bucket, owner+"\x00"+string(binary.BigEndian.AppendUint64(nil, seq)), v)
}

func addAudits(tx *txn, audits []run.Audit) error {
	for _, a := range audits {
		seq, err := tx.Bucket(bucketAudit).NextSequence()
		if err != nil {
			return err
		}
		if err := put(tx, bucketAudit, string(binary.BigEndian.AppendUint64(nil, seq)), a); err != nil {
			return err
		}
	}
	return nil
}

func getRun(tx *txn, id string) (run.Run, error) {
	r, ok, err := get[run.Run](tx, bucketRuns, id)
	if err == nil && !ok {
		err = noRun(id)
		if b := tx.Bucket(bucketPruned); b != nil {
			if k, _ := b.Cursor().Seek([]byte(id)); string(k) == id {
				err = fault.New(fault.NotFound, "tfops runs", "there is no run %s any more: %w", id, run.ErrPruned)
			}
		}
	}
	return r, err
}

func noRun(id string) error {
	return fault.New(fault.NotFound, "tfops runs", "there is no run %s", id)
}

func getRecord(tx *txn, name string) (workspace.Record, error) {
	rec, _, err := get[workspace.Record](tx, bucketRecords, name)
	rec.Name = name
	return rec, err
}

// heldOn reads the locks under the keys of a workspace's state.
func heldOn(tx *txn, keys []string) ([]locks.Lock, error) {
	var held []locks.Lock
	for _, key := range keys {
		l, ok, err := get[locks.Lock](tx, bucketLocks, key)
		if err != nil {
			return nil, err
		}
		if ok {
			held = append(held, l)
		}
	}
	return held, nil
}

// saveLocks makes what lies under the keys equal to held. One key holds one
// lock: a second one would be lost, so it is refused.
func saveLocks(tx *txn, keys []string, held []locks.Lock) error {
	taken := map[string]bool{}
	for _, l := range held {
		if taken[l.State] || !slices.Contains(keys, l.State) {
			return fmt.Errorf("a lock on %q cannot be kept under %q", l.State, keys)
		}
		taken[l.State] = true
	}
	if err := remove(tx, bucketLocks, keys...); err != nil {
		return err
	}
	for _, l := range held {
		if err := put(tx, bucketLocks, l.State, l); err != nil {
			return err
		}
	}
	return nil
}

func getVotes(tx *txn, id string) ([]approvals.Vote, error) {
	return prefixed[approvals.Vote](tx, bucketVotes, id)
}

// cause turns an error of the file into one that says what to do.
func (s *Store) cause(err error) error {
	if l, ok := fault.LackOf(err); ok {
		return fault.New(fault.Unavailable, l.Next, "the store %s cannot be written: %s: %w", s.path, l.What, err)
	}
	if errors.Is(err, syscall.EACCES) {
		return fault.New(fault.Unavailable, "look at the data directory's disk", "the store %s cannot be written: %w", s.path, err)
	}
	return err
}
