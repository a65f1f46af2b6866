package datafile

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestGlob(t *testing.T) {
	dir := filepath.Join(t.TempDir(), `[a]*?\`)
	if err := os.MkdirAll(filepath.Join(dir, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a.json", "b.json", "sub/c.json", ".d.json"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for pattern, want := range map[string][]string{
		"*.json": {".d.json", "a.json", "b.json"}, "*/*.json": {"sub/c.json"}, "b*": {"b.json"}, "none/*": nil,
	} {
		found, err := Glob(dir, pattern)
		var names []string
		for _, path := range found {
			rel, _ := filepath.Rel(dir, path)
			names = append(names, rel)
		}
		if err != nil || !slices.Equal(names, want) {
			t.Errorf("%s: %q, %v, want %q", pattern, names, err, want)
		}
	}
	if found, err := Glob(filepath.Join(dir, "not there"), "*"); err != nil || len(found) > 0 {
		t.Errorf("a directory that is not there: %q, %v", found, err)
	}
}
