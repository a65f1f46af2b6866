package store

import (
	"bytes"
	"sync"

	bolt "go.etcd.io/bbolt"

	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// memo keeps records as they were decoded, for as long as their bytes stay the
// same. The queue is read at every change of any run, most of it is what it
// was before, and decoding is nearly all that reading it costs.
//
// What it gives out is shared: it may be read and copied, and what it points
// to must not be changed.
type memo[T any] struct {
	mu   sync.Mutex
	kept map[string]decoded[T] // by key
}

type decoded[T any] struct {
	raw   []byte
	value T
}

// get is get of codec.go with a memory.
func (m *memo[T]) get(tx *bolt.Tx, bucket []byte, key string) (v T, ok bool, err error) {
	raw := tx.Bucket(bucket).Get([]byte(key))
	if raw == nil {
		return v, false, nil
	}
	v, err = m.decode(bucket, key, raw)
	return v, err == nil, err
}

// decode decodes what stands under the key, unless it was decoded before.
func (m *memo[T]) decode(bucket []byte, key string, raw []byte) (v T, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if known, ok := m.kept[key]; ok && bytes.Equal(known.raw, raw) {
		return known.value, nil
	}
	if err := decode(bucket, key, raw, &v); err != nil {
		return v, unreadable(bucket, key, err)
	}
	if m.kept == nil {
		m.kept = map[string]decoded[T]{}
	}
	m.kept[key] = decoded[T]{bytes.Clone(raw), v}
	return v, nil
}

// spare is how many records may be kept beyond those that are in use.
const spare = 100

// trim forgets everything once most of it is of no use any more; what is in
// use is decoded once more. It bounds what the memory holds.
func (m *memo[T]) trim(inUse int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.kept) > 2*inUse+spare {
		m.kept = nil
	}
}

// queuedRun is getRun for the queue.
func (s *Store) queuedRun(tx *bolt.Tx, id string) (run.Run, error) {
	r, ok, err := s.runs.get(tx, bucketRuns, id)
	if err == nil && !ok {
		err = noRun(id)
	}
	return r, err
}

// queuedRecord is getRecord for the queue.
func (s *Store) queuedRecord(tx *bolt.Tx, name string) (workspace.Record, error) {
	rec, _, err := s.records.get(tx, bucketRecords, name)
	rec.Name = name
	return rec, err
}

// queuedVotes is getVotes for the queue.
func (s *Store) queuedVotes(tx *bolt.Tx, id string) ([]approvals.Vote, error) {
	var all []approvals.Vote
	prefix := []byte(id + "\x00")
	c := tx.Bucket(bucketVotes).Cursor()
	for k, raw := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, raw = c.Next() {
		v, err := s.votes.decode(bucketVotes, string(k), raw)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}

// latest is the queue as the newest transaction that read it saw it.
type latest struct {
	mu    sync.Mutex
	after int // the transaction that wrote last, by bbolt's number
	queue run.Queue
	known bool
}

// queue reads the queue, unless nothing was written since it was read last:
// after each change several look at it. A writable transaction must call it
// before it writes. All who ask between two changes share what they are given: it
// may be read, and not changed.
func (s *Store) queue(tx *bolt.Tx) (run.Queue, error) {
	after := tx.ID()
	if tx.Writable() {
		after-- // its own number, which no file has yet
	}
	s.latest.mu.Lock()
	defer s.latest.mu.Unlock()
	if !s.latest.known || s.latest.after != after {
		q, err := s.readQueue(tx)
		if err != nil {
			return q, err
		}
		s.latest.queue, s.latest.after, s.latest.known = q.Indexed(), after, true
	}
	q := s.latest.queue
	q.Now = s.now()
	return q, nil
}
