package store

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"syscall"

	bolt "go.etcd.io/bbolt"

	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/locks"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

func put(tx *bolt.Tx, bucket []byte, key string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return tx.Bucket(bucket).Put([]byte(key), b)
}

// get reads a record; the zero value and false when there is none.
func get[T any](tx *bolt.Tx, bucket []byte, key string) (v T, ok bool, err error) {
	b := tx.Bucket(bucket).Get([]byte(key))
	if b == nil {
		return v, false, nil
	}
	if err := json.Unmarshal(b, &v); err != nil {
		return v, false, unreadable(bucket, key, err)
	}
	return v, true, nil
}

// unreadable says that a record is not what was written.
func unreadable(bucket []byte, key string, err error) error {
	return fault.New(fault.Internal, "stop `tfops serve`, keep tfops.db for a look, and put the newest `tfops backup` in its place",
		"the record %q in %s of the store cannot be read: %w", key, bucket, err)
}

// prefixed reads every record whose key begins with owner and NUL, in order. A
// file of an older schema that is only read may lack the bucket.
func prefixed[T any](tx *bolt.Tx, bucket []byte, owner string) ([]T, error) {
	var all []T
	if tx.Bucket(bucket) == nil {
		return nil, nil
	}
	prefix := []byte(owner + "\x00")
	c := tx.Bucket(bucket).Cursor()
	for k, b := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, b = c.Next() {
		var v T
		if err := json.Unmarshal(b, &v); err != nil {
			return nil, unreadable(bucket, string(k), err)
		}
		all = append(all, v)
	}
	return all, nil
}

// dropPrefixed removes what prefixed reads. Deleting under a cursor makes it
// skip keys, so the keys are collected first.
func dropPrefixed(tx *bolt.Tx, bucket []byte, owner string) error {
	b := tx.Bucket(bucket)
	prefix := []byte(owner + "\x00")
	var keys [][]byte
	c := b.Cursor()
	for k, _ := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, _ = c.Next() {
		keys = append(keys, bytes.Clone(k))
	}
	for _, k := range keys {
		if err := b.Delete(k); err != nil {
			return err
		}
	}
	return nil
}

// add appends a record to those of an owner.
func add(tx *bolt.Tx, bucket []byte, owner string, v any) error {
	seq, err := tx.Bucket(bucket).NextSequence()
	if err != nil {
		return err
	}
	return put(tx, bucket, owner+"\x00"+string(binary.BigEndian.AppendUint64(nil, seq)), v)
}

func addAudits(tx *bolt.Tx, audits []run.Audit) error {
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

func getRun(tx *bolt.Tx, id string) (run.Run, error) {
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

func getRecord(tx *bolt.Tx, name string) (workspace.Record, error) {
	rec, _, err := get[workspace.Record](tx, bucketRecords, name)
	rec.Name = name
	return rec, err
}

// heldOn reads the locks under the keys of a workspace's state.
func heldOn(tx *bolt.Tx, keys []string) ([]locks.Lock, error) {
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
func saveLocks(tx *bolt.Tx, keys []string, held []locks.Lock) error {
	taken := map[string]bool{}
	for _, l := range held {
		if taken[l.State] || !slices.Contains(keys, l.State) {
			return fmt.Errorf("a lock on %q cannot be kept under %q", l.State, keys)
		}
		taken[l.State] = true
	}
	for _, key := range keys {
		if err := tx.Bucket(bucketLocks).Delete([]byte(key)); err != nil {
			return err
		}
	}
	for _, l := range held {
		if err := put(tx, bucketLocks, l.State, l); err != nil {
			return err
		}
	}
	return nil
}

func getVotes(tx *bolt.Tx, id string) ([]approvals.Vote, error) {
	return prefixed[approvals.Vote](tx, bucketVotes, id)
}

// cause turns an error of the file into one that says what to do.
func (s *Store) cause(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fault.New(fault.Unavailable, "free space on the data directory's disk", "the store %s cannot be written: %w", s.path, err)
	case errors.Is(err, syscall.EROFS), errors.Is(err, syscall.EIO), errors.Is(err, syscall.EACCES):
		return fault.New(fault.Unavailable, "look at the data directory's disk", "the store %s cannot be written: %w", s.path, err)
	}
	return err
}
