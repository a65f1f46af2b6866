package store

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/run"
)

// disk mounts a file system of its own, of a size in bytes.
func disk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tfops-test", dir, "tmpfs", 0, "mode=0700,size="+size); err != nil {
		t.Skipf("NOT RUN: a small file system cannot be mounted here (it takes root): %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("%s stays mounted: %v", dir, err)
		}
	})
	return dir
}

func TestFullDisk(t *testing.T) {
	dir := disk(t, "2m")
	path := filepath.Join(dir, "tfops.db")
	s := open(t, path, Options{})
	r := enqueue(t, s, "net")
	ballast := filepath.Join(dir, "ballast")
	fillDisk(t, ballast)

	// Write until nothing fits any more; what was confirmed must stay.
	var stored []string
	var failed error
	for range 2000 {
		created, _, err := s.Enqueue(t.Context(), run.Batch{Heads: map[string]string{"net": "h"},
			Runs: []run.Run{{Workspace: "db", Kind: run.Plan, Comment: strings.Repeat("x", 4000)}}})
		if err != nil {
			if failed = err; created != nil {
				t.Errorf("a failed batch returns runs: %+v", created)
			}
			break
		}
		stored = append(stored, created[0].ID)
	}
	if !fault.Is(failed, fault.Unavailable) || !errors.Is(failed, syscall.ENOSPC) ||
		!strings.Contains(failed.Error(), path) || !strings.Contains(fault.Next(failed), "free space") {
		t.Fatalf("the full disk is not named: %v (%s)", failed, fault.Next(failed))
	}
	big := func(d *run.Tx) error {
		d.Run.Comment = strings.Repeat("y", 100_000)
		return d.Move(run.Planning, "", "")
	}
	claimed, ok, err := s.Claim(t.Context(), func(run.Queue) (string, func(*run.Tx) error) { return r.ID, big })
	if ok || claimed.ID != "" || !fault.Is(err, fault.Unavailable) {
		t.Errorf("a claim that was not stored hands out a run: %v, %q, %v", ok, claimed.ID, err)
	}
	if changed, err := s.Change(t.Context(), r.ID, big); changed.ID != "" || !fault.Is(err, fault.Unavailable) {
		t.Errorf("a change that was not stored returns a run: %q, %v", changed.ID, err)
	}
	if err := s.file.Rewrite(); !fault.Is(err, fault.Unavailable) {
		t.Errorf("compacting on a full disk: %v", err)
	}
	if _, err := os.Stat(path + ".compact"); !os.IsNotExist(err) {
		t.Errorf("a failed compaction keeps what it had written: %v", err)
	}
	stored = append(stored, r.ID)
	intact(t, "full", s, stored)
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	intact(t, "with space again", s, stored)
	stored = append(stored, enqueue(t, s, "app").ID)
	if _, err := s.Change(t.Context(), r.ID, func(d *run.Tx) error {
		d.Note("",
			"it goes on")
		return nil
	}); err != nil {
		t.Error(err)
	}
	s.Close()
	intact(t, "opened again", open(t, path, Options{}), stored)
}

// intact sees that the runs are stored as they were, and no others.
func intact(t *testing.T, when string, s *Store, stored []string) {
	t.Helper()
	sound(t, s)
	for _, id := range stored {
		if d, _, err := s.Load(t.Context(), id); err != nil || d.Run.Status != run.Pending ||
			strings.HasPrefix(d.Run.Comment, "y") {
			t.Errorf("%s: run %s: %v, %s", when, id, err, d.Run.Status)
		}
	}
	if runs, err := s.Runs(t.Context(), run.Query{}); err != nil || len(runs) != len(stored) {
		t.Errorf("%s: %v, %d runs of %d", when, err, len(runs), len(stored))
	}
}

// fillDisk writes a file until nothing more fits, and gives a little back.
func fillDisk(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	written := int64(0)
	for {
		n, err := f.Write(make([]byte, 64<<10))
		written += int64(n)
		if errors.Is(err, syscall.ENOSPC) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Truncate(written - 256<<10); err != nil {
		t.Fatal(err)
	}
}

func TestNewStoreOnAFullDisk(t *testing.T) {
	dir := disk(t, "64k")
	fillDiskWhole(t, filepath.Join(dir, "ballast"))
	path := filepath.Join(dir, "tfops.db")
	if _, err := Open(path, Options{}); !fault.Is(err, fault.Unavailable) ||
		!strings.Contains(fault.Next(err), "space") {
		t.Errorf("a new store on a full disk: %v (%s)", err, fault.Next(err))
	}
	if err := os.Remove(filepath.Join(dir, "ballast")); err != nil {
		t.Fatal(err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Errorf("left over: %v", entries)
	}
	enqueue(t, open(t, path, Options{}), "net")
}

func fillDiskWhole(t *testing.T, path string) {
	t.Helper()
	err := os.WriteFile(path, make([]byte, 1<<20), 0o600)
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk is not full: %v", err)
	}
}

func TestReadOnlyDisk(t *testing.T) {
	dir := disk(t, "1m")
	path := filepath.Join(dir, "tfops.db")
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	enqueue(t, s, "net")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, Options{}); !fault.Is(err, fault.Unavailable) || !errors.Is(err, syscall.EROFS) ||
		!strings.Contains(err.Error(), path) || fault.Next(err) == "" || strings.Contains(err.Error(), "damaged") {
		t.Errorf("a store on a read-only disk: %v (%s)", err, fault.Next(err))
	}
	if _, err := Open(filepath.Join(dir, "other.db"), Options{}); !fault.Is(err, fault.Unavailable) ||
		fault.Next(err) == "" {
		t.Errorf("a new store on a read-only disk: %v", err)
	}
	reader := open(t, path, Options{ReadOnly: true})
	if q, err := reader.Queue(t.Context()); err != nil || q.Len() != 1 {
		t.Errorf("reading on a read-only disk: %v, %+v", err, q.List())
	}
	if err := reader.Close(); err != nil {
		t.Fatal(err)
	}
}
