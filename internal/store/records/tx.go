package records

import (
	"bytes"
	"iter"
	"strings"

	bolt "go.etcd.io/bbolt"

	"github.com/tfops/tfops/internal/audit"
)

// Tx is one transaction. It notes what it changes of the queue, so that the queue
// need not be read again after it.
type Tx struct {
	*bolt.Tx
	runs, records, locks map[string]bool // the keys that were written or removed
	outbox               bool            // something was put into it
}

// note remembers that a record is not what it was.
func (tx *Tx) note(bucket []byte, key string) {
	noted := func(set *map[string]bool, key string) {
		if *set == nil {
			*set = map[string]bool{}
		}
		(*set)[key] = true
	}
	switch string(bucket) {
	case string(Outbox):
		tx.outbox = true
	case string(Runs):
		noted(&tx.runs, key)
	case string(Votes):
		id, _, _ := bytes.Cut([]byte(key), []byte{0})
		noted(&tx.runs, string(id))
	case string(Workspaces):
		noted(&tx.records, key)
	case string(Locks):
		noted(&tx.locks, key)
	}
}

// Put stores a record.
func (tx *Tx) Put(bucket []byte, key string, v any) error {
	raw, err := encode(bucket, []byte(key), v)
	if err != nil {
		return err
	}
	tx.note(bucket, key)
	return tx.Bucket(bucket).Put([]byte(key), raw)
}

// PutChanged is Put for one of many records, most of which are as they were.
func (tx *Tx) PutChanged(bucket []byte, key string, v any) error {
	raw, err := encode(bucket, []byte(key), v)
	if err != nil || bytes.Equal(tx.Bucket(bucket).Get([]byte(key)), raw) {
		return err
	}
	tx.note(bucket, key)
	return tx.Bucket(bucket).Put([]byte(key), raw)
}

// Add appends a record to those whose keys begin with prefix.
func (tx *Tx) Add(bucket []byte, prefix string, v any) error {
	seq, err := tx.Bucket(bucket).NextSequence()
	if err != nil {
		return err
	}
	return tx.Put(bucket, Number(prefix, seq), v)
}

// Remove removes records; those that are not there are no error.
func (tx *Tx) Remove(bucket []byte, keys ...string) error {
	for _, key := range keys {
		tx.note(bucket, key)
		if err := tx.Bucket(bucket).Delete([]byte(key)); err != nil {
			return err
		}
	}
	return nil
}

// RemoveOwned removes all records of an owner. Deleting under a cursor makes it
// skip keys, so the keys are collected first.
func (tx *Tx) RemoveOwned(bucket []byte, owner string) error {
	var keys []string
	for r := range tx.Walk(bucket, Owned(owner)) {
		keys = append(keys, string(r.Key))
	}
	return tx.Remove(bucket, keys...)
}

// Index adds a key to an index.
func (tx *Tx) Index(bucket []byte, key string) error { return tx.Bucket(bucket).Put([]byte(key), nil) }

// Has reports whether there is a record, or a key of an index. A file of an older
// schema that is only read may lack the bucket.
func (tx *Tx) Has(bucket []byte, key string) bool {
	b := tx.Bucket(bucket)
	if b == nil {
		return false
	}
	k, _ := b.Cursor().Seek([]byte(key))
	return string(k) == key
}

// Get reads a record; the zero value and false when there is none.
func Get[T any](tx *Tx, bucket []byte, key string) (v T, ok bool, err error) {
	raw := tx.Bucket(bucket).Get([]byte(key))
	if raw == nil {
		return v, false, nil
	}
	if err := decode(bucket, []byte(key), raw, &v); err != nil {
		var none T
		return none, false, err
	}
	return v, true, nil
}

// List reads every record whose key begins with prefix, in order.
func List[T any](tx *Tx, bucket []byte, prefix string) ([]T, error) {
	var all []T
	for r := range tx.Walk(bucket, prefix) {
		var v T
		if err := r.Decode(&v); err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}

// Record is one that is walked by. It is good until the walk goes on.
type Record struct {
	Key    []byte
	Next   []byte // the key that follows in the bucket
	bucket []byte
	raw    []byte
}

// Decode reads the record.
func (r Record) Decode(v any) error { return decode(r.bucket, r.Key, r.raw, v) }

// Walk goes by all records whose keys begin with prefix, in order. A file of an
// older schema that is only read may lack the bucket.
func (tx *Tx) Walk(bucket []byte, prefix string) iter.Seq[Record] {
	return tx.WalkFrom(bucket, prefix, prefix)
}

// WalkFrom is Walk that begins at a key, or after it.
func (tx *Tx) WalkFrom(bucket []byte, prefix, from string) iter.Seq[Record] {
	return func(yield func(Record) bool) {
		b := tx.Bucket(bucket)
		if b == nil {
			return
		}
		c := b.Cursor()
		for k, raw := c.Seek([]byte(from)); bytes.HasPrefix(k, []byte(prefix)) && k != nil; {
			next, following := c.Next()
			if !yield(Record{k, next, bucket, raw}) {
				return
			}
			k, raw = next, following
		}
	}
}

// Backward goes by the records whose keys are prefix and what is less than before
// ("" for all), from the last to the first. None of these has 0xff after prefix.
func (tx *Tx) Backward(bucket []byte, prefix, before string) iter.Seq[Record] {
	return func(yield func(Record) bool) {
		c := tx.Bucket(bucket).Cursor()
		end := prefix + before
		if before == "" {
			end = prefix + "\xff"
		}
		back := c.Prev
		if k, _ := c.Seek([]byte(end)); k == nil {
			back = c.Last
		}
		for k, raw := back(); k != nil && bytes.HasPrefix(k, []byte(prefix)); k, raw = c.Prev() {
			if !yield(Record{Key: k, bucket: bucket, raw: raw}) {
				return
			}
		}
	}
}

// Last is the last record whose key begins with prefix; false when there is none.
func (tx *Tx) Last(bucket []byte, prefix string) (Record, bool) {
	for r := range tx.Backward(bucket, prefix, "") {
		return r, true
	}
	return Record{}, false
}

// NewestFirst goes by the ids whose keys are prefix and id, from the newest that is
// older than before ("" for all) to the oldest.
func (tx *Tx) NewestFirst(bucket []byte, prefix, before string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for r := range tx.Backward(bucket, prefix, before) {
			if !yield(strings.TrimPrefix(string(r.Key), prefix)) {
				return
			}
		}
	}
}

// LastNotice is the id that the last notice was given.
func (tx *Tx) LastNotice() string { return string(tx.Bucket(Meta).Get(keyNotice)) }

// SetLastNotice remembers it.
func (tx *Tx) SetLastNotice(id string) error { return tx.Bucket(Meta).Put(keyNotice, []byte(id)) }

// AddAudits appends to the audit log.
func (tx *Tx) AddAudits(audits []audit.Record) error {
	for _, a := range audits {
		if err := tx.Add(Audit, "", a.Bounded()); err != nil {
			return err
		}
	}
	return nil
}
