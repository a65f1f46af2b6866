package engine

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestReplaceIsWholeOrNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.json")
	for _, content := range []string{"the first one", "2"} { // shorter than what was there
		if err := replace(path, []byte(content)); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(path)
		if info, _ := os.Stat(path); err != nil || string(b) != content || info.Mode().Perm() != 0o600 {
			t.Errorf("%v: %q, %s", err, b, info.Mode())
		}
	}
	taken := filepath.Join(dir, "taken")
	if err := os.MkdirAll(filepath.Join(taken, "by a directory"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := replace(taken, []byte("x")); err == nil {
		t.Error("a directory was replaced")
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 2 {
		t.Errorf("%v: %d things are left, want the file and the directory", err, len(left))
	}
}

// A file that is adopted outlives the place that it came from, and what it
// replaced; to do it again changes nothing and leaves nothing.
func TestAdopt(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(dir, "run", "a.json"), filepath.Join(dir, "workspace", "a.json")
	for _, d := range []string{filepath.Dir(from), filepath.Dir(to)} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := adopt(from, to); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what is not there: %v", err)
	}
	for _, content := range []string{"first", "second"} {
		if err := replace(from, []byte(content)); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to+".tmp", []byte("of a crash"), 0o600); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := adopt(from, to); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := replace(from, []byte("planned anew")); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Dir(from)); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(to); err != nil || string(b) != "second" {
		t.Errorf("%v: %q", err, b)
	}
	left, err := os.ReadDir(filepath.Dir(to))
	if err != nil || len(left) != 1 {
		t.Errorf("%v: %d files are left, want one", err, len(left))
	}
}
