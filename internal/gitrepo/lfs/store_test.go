package lfs

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestLFSStoreIsBounded: what was not used for longest goes first.
func TestLFSStoreIsBounded(t *testing.T) {
	s := &Store{Dir: t.TempDir()}
	now := time.Now()
	put := func(name string, age time.Duration) string {
		path := filepath.Join(s.Dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, make([]byte, 100), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, now.Add(-age), now.Add(-age)); err != nil {
			t.Fatal(err)
		}
		return path
	}
	old, young, middle := put("objects/a", 3*time.Hour), put("objects/b", time.Minute), put("objects/c", time.Hour)
	torn, running := put("tmp/torn", 3*time.Hour), put("tmp/running", time.Second)
	if err := s.Prune(250, now); err != nil {
		t.Fatal(err)
	}
	for path, kept := range map[string]bool{old: false, middle: true, young: true, torn: false, running: true} {
		if _, err := os.Stat(path); (err == nil) != kept {
			t.Errorf("%s: kept %t, want %t", path, err == nil, kept)
		}
	}
}
