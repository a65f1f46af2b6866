package artifacts

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/durable"
	"github.com/tfops/tfops/internal/job"
)

// What was copied outlives the place that it came from, and what it
// replaced; to do it again changes nothing and leaves nothing.
func TestCopy(t *testing.T) {
	dir := t.TempDir()
	objects := disk(dir)
	from, to := objects.path("run/a.json"), objects.path("workspace/a.json")
	adopt := func() error { return objects.Copy("run/a.json", "workspace/a.json") }
	for _, d := range []string{filepath.Dir(from), filepath.Dir(to)} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := adopt(); !errors.Is(err, fs.ErrNotExist) {
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
			if err := adopt(); err != nil {
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

// elsewhere keeps contents in memory, as a store on another machine keeps them: no path leads there.
type elsewhere map[string][]byte

func (e elsewhere) Read(key string, b Bounds) ([]byte, error) {
	content, ok := e[key]
	if !ok || int64(len(content)) > b.Most {
		return nil, fs.ErrNotExist
	}
	return content, nil
}

func (e elsewhere) Write(key string, content []byte, _ Writing) error { e[key] = content; return nil }

func (e elsewhere) Copy(from, to string) error {
	content, ok := e[from]
	if !ok {
		return fs.ErrNotExist
	}
	e[to] = content
	return nil
}

func (e elsewhere) Sync(string) error { return nil }

func (e elsewhere) Remove(key string) error {
	maps.DeleteFunc(e, func(k string, _ []byte) bool { return k == key || strings.HasPrefix(k, key+"/") })
	return nil
}

func (e elsewhere) List(key string) ([]string, error) {
	names := map[string]bool{}
	for k := range e {
		if rest, ok := strings.CutPrefix(k, key+"/"); ok {
			name, _, _ := strings.Cut(rest, "/")
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names)), nil
}

// TestElsewhere: what the daemon reads, writes and keeps goes by Objects alone, wherever that is.
func TestElsewhere(t *testing.T) {
	l := Open(filepath.Join(t.TempDir(), "none"))
	kept := elsewhere{}
	l.objects = kept
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	r, w := l.Run("r1"), l.Workspace("net")
	ok(r.Write(Patch, []byte("p")))
	ok(r.WriteSoon(Record, []byte("r")))
	ok(r.Write(Shown, []byte(`{}`)))
	ok(r.Write(Applied, []byte("a")))
	kept["runs/r1/apply/"+string(Outputs)] = []byte("o")
	if p, err := r.ReadPlan(); err != nil || p == nil {
		t.Errorf("the plan: %v, %v", p, err)
	}
	if b, err := r.Read(Record); err != nil || string(b) != "r" {
		t.Errorf("the record: %q, %v", b, err)
	}
	ok(w.Keep(r, Applied))
	ok(w.KeepOf(r, job.ApplyPhase, Outputs))
	ok(w.Keep(l.Run("r1"), Applied)) // again changes nothing
	ok(w.Sync())
	if b, err := w.ReadKept(Outputs, "r1"); err != nil || string(b) != "o" || w.Newest(Applied) != "r1" {
		t.Errorf("kept: %q, %v, %q", b, err, w.Newest(Applied))
	}
	if runs, err := l.Runs(); err != nil || !slices.Equal(runs, []string{"r1"}) {
		t.Errorf("runs: %v, %v", runs, err)
	}
	ok(w.Drop(Applied, ""))
	ok(r.Remove())
	if err := w.Keep(r, Applied); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file of a run that is gone: %v", err)
	}
	left := slices.Sorted(maps.Keys(kept))
	if want := []string{"workspaces/net/" + keptName(Outputs, "r1")}; !slices.Equal(left, want) {
		t.Errorf("left are %v", left)
	}
	if _, err := os.Lstat(l.Dir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("something was written to a disk: %v", err)
	}
}
