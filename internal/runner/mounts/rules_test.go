package mounts

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Rules give all but what is hidden, and back what is given of that.
func TestRules(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"open/a", "home/data/key", "home/data/cache/x", "home/else/y", "scratch/z"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("home/data", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	in := func(name string) string { return filepath.Join(dir, name) }
	all, err := Sight{Hide: []string{in("link")},
		Read: []string{in("link/cache"), in("gone"), in("home")}, Write: []string{in("open")},
		Shown: []Shown{{At: "/tmp", From: in("scratch"), Write: true}}}.Rules()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []Rule{{in("open"), false}, {in("open"), true}, {in("home/else"), false},
		{in("home/data/cache"), false}, {in("scratch"), true}, {"/usr", false}, {"/dev/null", true}} {
		if !slices.Contains(all, want) {
			t.Errorf("%+v is missing in %+v", want, all)
		}
	}
	for _, r := range all {
		if strings.HasPrefix(in("home/data/key")+"/", r.Path+"/") || r.Path == "/" {
			t.Errorf("the hidden key is given by %+v", r)
		}
	}
}
