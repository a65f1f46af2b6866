package store

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/store/records"
)

// fat fills a store with ended runs of about 4 KiB and prunes all but a few;
// bbolt keeps the space.
func fat(t *testing.T, s *Store, runs int) {
	t.Helper()
	keep := map[string]run.Retention{}
	for i := 0; i < runs; i += 500 {
		var batch []run.Run
		for j := range min(500, runs-i) {
			name := fmt.Sprintf("w%d", j)
			keep[name] = run.Retention{}
			batch = append(batch, run.Run{Workspace: name, Kind: run.Plan, Comment: strings.Repeat("x", 4000)})
		}
		created, _, err := s.Enqueue(t.Context(), run.Batch{Runs: batch})
		if err != nil {
			t.Fatal(err)
		}
		// Ended in one transaction, beside the rules: only the space matters here.
		if err := s.db.Update(t.Context(), endAll(created)); err != nil {
			t.Fatal(err)
		}
	}
	delete(keep, "w7") // these stay
	if _, err := s.Prune(t.Context(), keep); err != nil {
		t.Fatal(err)
	}
}

func endAll(runs []run.Run) func(*records.Tx) error {
	return func(tx *records.Tx) error {
		for _, r := range runs {
			r.Status, r.FinishedAt = run.Canceled, r.CreatedAt
			if err := tx.PutRun(r); err != nil {
				return err
			}
		}
		return nil
	}
}

func size(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

func TestCompact(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tfops.db")
	for _, name := range []string{path + ".compact", path + ".new", path + ".new123"} { // what a crash left
		if err := os.WriteFile(name, []byte("half a file"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := open(t, path, Options{})
	if did, err := s.Compact(); did || err != nil {
		t.Errorf("an empty store was compacted: %v", err)
	}
	fat(t, s, 4500)
	kept := enqueue(t, s, "db")
	grown := size(t, path)
	if grown < 16<<20 {
		t.Fatalf("the store has only %d bytes", grown)
	}
	before := everyRecord(t, s)
	if did, err := s.Compact(); !did || err != nil {
		t.Fatalf("%d bytes, most of them free, were not compacted: %v", grown, err)
	}
	if now := size(t, path); now > grown/20 {
		t.Errorf("%d bytes became %d", grown, now)
	}
	if info, _ := os.Stat(path); info.Mode() != 0o600 {
		t.Errorf("the compacted file has mode %v", info.Mode())
	}
	if after := everyRecord(t, s); after != before {
		t.Error("the compacted store holds something else")
	}
	if _, err := os.Stat(path + ".compact"); !os.IsNotExist(err) {
		t.Errorf("left over: %v", err)
	}
	if did, err := s.Compact(); did || err != nil {
		t.Errorf("compacted twice: %v", err)
	}
	goesOn(t, s, kept)
}

// goesOn sees that the store goes on as before: held, written, backed up, and read again.
func goesOn(t *testing.T, s *Store, kept run.Run) {
	t.Helper()
	path := s.file.Path()
	if _, err := Open(path, Options{Wait: time.Millisecond}); !fault.Is(err, fault.Conflict) {
		t.Errorf("the compacted file is not held: %v", err)
	}
	newer := enqueue(t, s, "app")
	if newer.ID <= kept.ID {
		t.Errorf("%s was made after %s", newer.ID, kept.ID)
	}
	copied, err := os.Create(filepath.Join(t.TempDir(), "copy.db"))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Backup(t.Context(), copied); err != nil {
		t.Errorf("a backup after compacting: %v", err)
	}
	copied.Close()
	after := everyRecord(t, s)
	if got := everyRecord(t, open(t, copied.Name(), Options{})); got != after {
		t.Error("the backup holds something else")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if got := everyRecord(t, open(t, path, Options{})); got != after {
		t.Error("opened again, the store holds something else")
	}
}

// everyRecord is the whole content as text.
func everyRecord(t *testing.T, s *Store) string {
	t.Helper()
	var text strings.Builder
	for _, bucket := range []string{"meta", "runs", "active", "by_workspace", "votes", "events", "records", "locks",
		"audit", "findings", "checks", "reports", "outbox", "dead"} {
		fmt.Fprintf(&text, "%s\n%s", bucket, dump(t, s, bucket))
	}
	return text.String()
}

// Ids and sequences go on where they were, also when the clock does not.
func TestCompactKeepsTheOrder(t *testing.T) {
	now := t0
	s := open(t, filepath.Join(t.TempDir(), "tfops.db"), Options{Now: func() time.Time { return now }})
	r := enqueue(t, s, "net")
	note := func(text string) {
		if _, err := s.Change(t.Context(), r.ID, func(d *run.Tx) error { d.Note("", text); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	note("first")
	if err := s.file.Rewrite(); err != nil {
		t.Fatal(err)
	}
	now = now.Add(-time.Hour)
	note("second")
	_, events, err := s.Load(t.Context(), r.ID)
	if err != nil || len(events) != 3 || events[1].Text != "first" || events[2].Text != "second" {
		t.Errorf("%v: %+v", err, events)
	}
	if next := enqueue(t, s, "db"); next.ID <= r.ID {
		t.Errorf("%s was made after %s", next.ID, r.ID)
	}
}

func TestCompactThatFailsLeavesTheStore(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "tfops.db")
	s := open(t, path, Options{})
	r := enqueue(t, s, "net")
	moved := filepath.Join(t.TempDir(), "moved")
	if err := os.Rename(dir, moved); err != nil { // so that nothing can be made beside the file
		t.Fatal(err)
	}
	if err := s.file.Rewrite(); err == nil {
		t.Error("compacted into a directory that is not there")
	}
	if err := os.Rename(moved, dir); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Change(t.Context(), r.ID, func(d *run.Tx) error {
		return d.Move(run.Canceled, "",
			"")
	}); err != nil {
		t.Errorf("after a failed compaction: %v", err)
	}
}
