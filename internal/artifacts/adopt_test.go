package artifacts

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/tfops/tfops/internal/durable"
)

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
		if err := durable.Write(from, []byte(content)); err != nil {
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
	if err := durable.Write(from, []byte("planned anew")); err != nil {
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
