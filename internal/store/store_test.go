package store

import (
	"bytes"
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/store/storetest"
)

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T, now func() time.Time) storetest.Store {
		return open(t, filepath.Join(t.TempDir(), "tfops.db"), Options{Now: now})
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
	if s.db.Path() == "" {
		return // closed by the test itself
	}
	if err := s.db.View(check(s.path)); err != nil {
		t.Errorf("the file is damaged: %v", err)
	}
	err := s.view(context.Background(), func(tx *txn) error { // also at the end of a test
		active, all := map[string]bool{}, map[string]bool{}
		err := tx.Bucket(bucketRuns).ForEach(func(k, _ []byte) error {
			r, err := getRun(tx, string(k))
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
		indexed(t, tx, bucketByWorkspace, all)
		indexed(t, tx, bucketActive, active)
		for _, bucket := range [][]byte{bucketVotes, bucketEvents} {
			c := tx.Bucket(bucket).Cursor()
			for k, _ := c.First(); k != nil; k, _ = c.Next() {
				id, _, _ := bytes.Cut(k, []byte{0})
				if tx.Bucket(bucketRuns).Get(id) == nil {
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

func indexed(t testing.TB, tx *txn, bucket []byte, want map[string]bool) {
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
