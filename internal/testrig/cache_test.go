package testrig

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

func TestCachedIsFilledOnce(t *testing.T) {
	t.Setenv("TFOPS_TEST_CACHE", t.TempDir())
	stale := filepath.Join(CacheDir(t), "thing-old")
	if err := os.Mkdir(stale, 0o700); err != nil {
		t.Fatal(err)
	}
	long := time.Now().Add(-48 * time.Hour)
	if err := os.Chtimes(stale, long, long); err != nil {
		t.Fatal(err)
	}
	var filled sync.Map
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			dir := cached(t, "thing", "key", func(dir, final string) {
				if _, again := filled.LoadOrStore("filled", true); again {
					t.Error("it was filled twice")
				}
				if err := os.WriteFile(filepath.Join(dir, "for"), []byte(final), 0o600); err != nil {
					t.Error(err)
				}
			})
			if text, err := os.ReadFile(filepath.Join(dir, "for")); err != nil || string(text) != dir {
				t.Errorf("in %s: %q, %v", dir, text, err)
			}
		})
	}
	all.Wait()
	if _, err := os.Stat(stale); !os.IsNotExist(err) {
		t.Errorf("what nobody used for two days is still there: %v", err)
	}
}

func TestSourceKey(t *testing.T) {
	root := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	key := func() string {
		return sourceKey(t, root, nil, func(rel string) bool { return rel != "notes" })
	}
	write("a.go", "package a")
	first := key()
	for _, same := range []string{"a_test.go", "notes"} {
		write(same, "anything")
		if key() != first {
			t.Errorf("%s changed the key", same)
		}
	}
	write("b.go", "package a")
	second := key()
	if second == first {
		t.Error("a new file did not change the key")
	}
	write("b.go", "package b")
	if key() == second {
		t.Error("new content did not change the key")
	}
}

func TestWaitFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	go func() {
		_ = os.WriteFile(path+".new", []byte("whole"), 0o600) // WaitFile fails when it is not there
		_ = os.Rename(path+".new", path)
	}()
	if got := string(WaitFile(t, path)); got != "whole" {
		t.Errorf("got %q", got)
	}
}
