package artifacts

import (
	"os"
	"path/filepath"
	"testing"
)

// A directory may be called as a pattern is written.
func TestKeptInAnyDirectory(t *testing.T) {
	w := Open(filepath.Join(t.TempDir(), "[a]*?")).Workspace("a")
	if err := w.Make(); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"r1", "r2"} {
		for _, file := range []File{Outputs, Applied} {
			if err := os.WriteFile(w.Kept(file, id), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if outputs, applied := w.Newest(Outputs), w.Newest(Applied); outputs != "r2" || applied != "r2" {
		t.Errorf("%q, %q", outputs, applied)
	}
}

// A data directory may be called as a pattern is written, and what stands in it is found.
func TestStandingInAnyDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "[a]*?")
	for name, file := range map[string]string{"net": "terraform.tfstate", "app": "snapshots/00000001-r.tfstate.age"} {
		path := filepath.Join(dir, "workspaces", name, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	stands, err := Open(dir).Standing()
	if err != nil || !stands["net"] || !stands["app"] {
		t.Errorf("%v, %v", stands, err)
	}
}
