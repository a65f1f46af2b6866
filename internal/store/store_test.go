package store

import (
	"errors"

	"bytes"
	"context"
	"path/filepath"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/tfops/tfops/internal/store/records"
	"github.com/tfops/tfops/internal/store/storetest"
)

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T, now func() time.Time) storetest.Store {
		s := open(t, filepath.Join(t.TempDir(), "tfops.db"), Options{Now: now})
		return storetest.Store{Store: s, Log: s, Outbox: s, Journal: s}
	})
}

// open opens a store that is checked and closed when the test ends.
func open(t testing.TB, path string, o Options) *Store {
	t.Helper()
	s, err := Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		sound(t, s)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// sound holds a store against what must always be true of its file: bbolt's
// own check, and that the indexes say what the runs do.
func sound(t testing.TB, s *Store) {
	t.Helper()
	err := s.file.View(func(tx *bolt.Tx) error {
		for err := range tx.Check() {
			t.Errorf("the file is damaged: %v", err)
		}
		return nil
	})
	if errors.Is(err, berrors.ErrDatabaseNotOpen) {
		return // closed by the test itself
	}
	err = s.db.View(context.Background(), func(tx *records.Tx) error { // also at the end of a test
		active, all := map[string]bool{}, map[string]bool{}
		err := tx.Bucket(records.Runs).ForEach(func(k, _ []byte) error {
			r, err := tx.Run(string(k))
			if err != nil {
				return err
			}
			if r.ID != string(k) {
				t.Errorf("run %s lies under %s", r.ID, k)
			}
			all[r.Workspace+"\x00"+r.ID] = true
			if !r.Status.Terminal() {
				active[r.Workspace+"\x00"+r.ID] = true
			}
			return nil
		})
		indexed(t, tx, records.ByWorkspace, all)
		indexed(t, tx, records.Active, active)
		for _, bucket := range [][]byte{records.Votes, records.Events} {
			c := tx.Bucket(bucket).Cursor()
			for k, _ := c.First(); k != nil; k, _ = c.Next() {
				id, _, _ := bytes.Cut(k, []byte{0})
				if tx.Bucket(records.Runs).Get(id) == nil {
					t.Errorf("%s has a record of %s, which is no run", bucket, id)
				}
			}
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// stats are what bbolt counts.
func stats(t testing.TB, s *Store) (stats bolt.Stats) {
	t.Helper()
	var db *bolt.DB
	if err := s.file.View(func(tx *bolt.Tx) error { db = tx.DB(); return nil }); err != nil {
		t.Fatal(err)
	}
	return db.Stats()
}

func indexed(t testing.TB, tx *records.Tx, bucket []byte, want map[string]bool) {
	t.Helper()
	n := 0
	c := tx.Bucket(bucket).Cursor()
	for k, _ := c.First(); k != nil; k, _ = c.Next() {
		n++
		if !want[string(k)] {
			t.Errorf("%s has %q, which is none of the runs", bucket, k)
		}
	}
	if n != len(want) {
		t.Errorf("%s has %d of %d runs", bucket, n, len(want))
	}
}
