package store

import (
	"bytes"
	"encoding/json"
	"sync"

	bolt "go.etcd.io/bbolt"

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
	m.mu.Lock()
	defer m.mu.Unlock()
	if known, ok := m.kept[key]; ok && bytes.Equal(known.raw, raw) {
		return known.value, true, nil
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		return v, false, unreadable(bucket, key, err)
	}
	if m.kept == nil {
		m.kept = map[string]decoded[T]{}
	}
	m.kept[key] = decoded[T]{bytes.Clone(raw), v}
	return v, true, nil
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
