package datafile

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestStraight(t *testing.T) {
	root := t.TempDir()
	if err := errors.Join(os.MkdirAll(filepath.Join(root, "a", "b"), 0o700),
		os.Symlink("a", filepath.Join(root, "inner")), os.Symlink("/etc", filepath.Join(root, "a", "outer")),
		os.Symlink("nowhere", filepath.Join(root, "a", "dangling"))); err != nil {
		t.Fatal(err)
	}
	for path, straight := range map[string]bool{"a": true, "a/b": true, "a/b/c/d": true, "x/y": true, "inner": false,
		"inner/b": false, "a/outer": false, "a/outer/passwd": false, "a/dangling": false, "a/dangling/x": false,
		"../x": false} {
		err := Straight(root, filepath.Join(root, path))
		if (err == nil) != straight || err != nil && !errors.Is(err, ErrLink) {
			t.Errorf("%s: %v", path, err)
		}
	}
	// The way to the root may have links.
	link := filepath.Join(t.TempDir(), "root")
	if err := os.Symlink(root, link); err != nil {
		t.Fatal(err)
	}
	if err := Straight(link, filepath.Join(link, "a", "b")); err != nil {
		t.Error(err)
	}
}
