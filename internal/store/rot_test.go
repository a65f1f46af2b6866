package store

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/locks"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/store/records"
	"github.com/tfops/tfops/internal/testrig"
	"github.com/tfops/tfops/internal/workspace"
)

// view is all that can be read of a store.
type view struct {
	Runs    []run.Run
	Active  []run.Run
	Records map[string]workspace.Record
	Locks   map[string]locks.Lock
	Rest    []any
}

func seen(s *Store) (v view, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("PANIC: %v", r)
		}
	}()
	ctx := context.Background()
	q, err := s.Queue(ctx)
	if err != nil {
		return v, err
	}
	v.Active, v.Locks = q.List().Active, q.List().Locks
	if v.Runs, err = s.Runs(ctx, run.Query{}); err != nil {
		return v, err
	}
	if v.Records, err = s.Records(ctx); err != nil {
		return v, err
	}
	audits, err1 := s.Audits(ctx, 0)
	findings, err2 := s.Findings(ctx, "")
	checks, err3 := s.Checks(ctx, time.Time{})
	reports, err4 := s.Reports(ctx)
	v.Rest = []any{audits, findings, checks, reports}
	for _, err := range []error{err1, err2, err3, err4} {
		if err != nil {
			return v, err
		}
	}
	for _, r := range v.Runs {
		d, events, err := s.Load(ctx, r.ID)
		if err != nil {
			return v, err
		}
		byName, err := s.Runs(ctx, run.Query{Workspace: r.Workspace})
		if err != nil {
			return v, err
		}
		v.Rest = append(v.Rest, d.Votes, d.Locks, events, byName)
	}
	return v, nil
}

// sampleFile is a store with a record of every kind, in several transactions.
func sampleFile(t *testing.T) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tfops.db")
	s := open(t, path, Options{})
	if err := s.db.Update(t.Context(), fixture().write); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if _, _, err := s.Enqueue(t.Context(),
			run.Batch{Runs: []run.Run{{Workspace: fmt.Sprintf("w%d", i), Kind: run.Sync,
				Commit: run.Commit{SHA: "c"}}}}); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if err := s.Backup(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A flipped bit anywhere in the file: it is refused, or parked and said, or nobody
// can see a difference; never silently another history, and never a panic.
// TFOPS_LONG=1 flips every seventh bit, and so all eight of a byte in turn.
func TestRottenBitsAreNeverSilent(t *testing.T) {
	content := sampleFile(t)
	open := func(b []byte) (*Store, error) {
		path := filepath.Join(t.TempDir(), "tfops.db")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return Open(path, Options{})
	}
	s, err := open(content)
	if err != nil {
		t.Fatal(err)
	}
	want, err := seen(s)
	if s.Close(); err != nil {
		t.Fatal(err)
	}
	step := 7
	if os.Getenv("TFOPS_LONG") == "" {
		step = 197 * testrig.Every(t, 5) // prime to a byte: every bit of a byte gets its turn
		t.Logf("every %dth bit is flipped; make test-soak flips every seventh", step)
	}
	count := map[string]int{}
	for bit := 0; bit < 8*len(content); bit += step {
		if content[bit/8] == 0 && allZero(content, bit/8) {
			continue // in space that nothing was written to
		}
		broken := bytes.Clone(content)
		broken[bit/8] ^= 1 << (bit % 8)
		s, err := open(broken)
		if err != nil {
			if fault.Next(err) == "" {
				t.Errorf("bit %d: refused without a next step: %v", bit, err)
			}
			count["refused"]++
			continue
		}
		got, err := seen(s)
		switch {
		case said(t, s):
			count["said"]++
			if err != nil {
				t.Errorf("bit %d: parked, and still cannot be read: %v", bit, err)
			}
		case err != nil || !reflect.DeepEqual(got, want):
			t.Errorf("bit %d (byte %d of page %d) is silently different: %v", bit, bit/8%os.Getpagesize(),
				bit/8/os.Getpagesize(), err)
		default:
			count["same"]++
		}
		s.Close()
	}
	t.Logf("%v", count)
	if count["refused"] == 0 || count["said"] == 0 || count["same"] == 0 {
		t.Errorf("not every kind of end was met: %v", count)
	}
}

// allZero reports whether nothing is around a byte.
func allZero(b []byte, at int) bool {
	around := b[max(0, at-64):min(len(b), at+64)]
	return len(bytes.Trim(around, "\x00")) == 0
}

// flip damages one record as rot does, without telling its checksum.
func flip(t *testing.T, s *Store, bucket []byte, key string) {
	t.Helper()
	err := s.db.Update(t.Context(), func(tx *records.Tx) error {
		raw := bytes.Clone(tx.Bucket(bucket).Get([]byte(key)))
		raw[len(raw)/2] ^= 4
		return tx.Bucket(bucket).Put([]byte(key), raw)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// What depended on a wrong record is held, and not treated as never applied.
func TestWhatDependedOnARottenRecordIsHeld(t *testing.T) {
	f := fixture()
	for name, c := range map[string]struct {
		bucket []byte
		key    string
		check  func(*testing.T, *Store)
	}{
		"a workspace's record": {records.Workspaces, "net", func(t *testing.T, s *Store) {
			recs, err := s.Records(t.Context())
			if rec := recs["net"]; err != nil || !rec.MayStand() || !rec.Suspended(time.Now()) ||
				rec.State != f.ended.State {
				t.Errorf("%+v, %v", rec, err)
			}
		}},
		"a run that applied": {records.Runs, f.ended.ID, func(t *testing.T, s *Store) {
			d, _, err := s.Load(t.Context(), f.ended.ID)
			if err != nil || d.Run.Status != run.Interrupted || d.Record.Suspension == nil ||
				d.Record.Applied != f.record.Applied {
				t.Errorf("%+v, %v", d.Run, err)
			}
		}},
		"a run that waited": {records.Runs, f.active.ID, func(t *testing.T, s *Store) {
			d, _, err := s.Load(t.Context(), f.active.ID)
			q, _ := s.Queue(t.Context())
			if err != nil || d.Run.Status != run.Errored || q.Len() != 0 {
				t.Errorf("%+v, %v, %v", d.Run, q.List().Active, err)
			}
		}},
		"a lock": {records.Locks, f.lock.State, func(t *testing.T, s *Store) {
			recs, err := s.Records(t.Context())
			if err != nil || recs["net"].Suspension == nil {
				t.Errorf("%+v, %v", recs, err)
			}
		}},
		"a finding": {records.Findings, "net\x00" + f.finding.ID, func(t *testing.T, s *Store) {
			recs, err := s.Records(t.Context())
			if err != nil || recs["net"].Drift.Status != workspace.DriftUnknown {
				t.Errorf("%+v, %v", recs, err)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "tfops.db")
			s := open(t, path, Options{})
			if err := s.db.Update(t.Context(), f.write); err != nil {
				t.Fatal(err)
			}
			flip(t, s, c.bucket, c.key)
			s.Close()
			s = open(t, path, Options{})
			parked, err := s.ParkedRecords(t.Context())
			if err != nil || len(parked) != 1 || string(parked[0].Key) != c.key || len(parked[0].Raw) == 0 {
				t.Fatalf("%+v, %v", parked, err)
			}
			c.check(t, s)
		})
	}
}
