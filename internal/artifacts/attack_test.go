package artifacts

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/datafile"
	"github.com/tfops/tfops/internal/job"
)

// Code of a plan leaves in a run's directory what it likes, and nobody is shown the key for it, waits,
// or has something written elsewhere.
func TestPlantedFiles(t *testing.T) {
	dir := t.TempDir()
	r := Open(dir).Run("r1")
	outside := filepath.Join(t.TempDir(), "outside")
	for path, text := range map[string]string{filepath.Join(dir, "key"): "AGE-SECRET\n", outside: "AGE-SECRET\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	phase := r.Phase(job.PlanPhase)
	log := filepath.Join(phase, job.EventsFile)
	for name, plant := range map[string]func() error{
		"a link":               func() error { return os.Symlink("../../../key", log) },
		"a link out":           func() error { return os.Symlink(outside, log) },
		"a second name":        func() error { return os.Link(filepath.Join(dir, "key"), log) },
		"a second name of any": func() error { return os.Link(outside, log) },
		"a pipe":               func() error { return unix.Mkfifo(log, 0o600) },
		"a directory":          func() error { return os.Mkdir(log, 0o700) },
		"a linked phase": func() error {
			elsewhere := t.TempDir()
			err := os.WriteFile(filepath.Join(elsewhere, job.EventsFile), []byte("AGE-SECRET\n"), 0o600)
			return errors.Join(err, os.Remove(phase), os.Symlink(elsewhere, phase))
		},
		"a linked run": func() error {
			elsewhere := t.TempDir()
			err := os.Mkdir(filepath.Join(elsewhere, "plan"), 0o700)
			err = errors.Join(err, os.WriteFile(filepath.Join(elsewhere, "plan", job.EventsFile),
				[]byte("AGE-SECRET\n"), 0o600))
			return errors.Join(err, os.RemoveAll(r.Dir()), os.Symlink(elsewhere, r.Dir()))
		},
	} {
		if err := os.RemoveAll(r.Dir()); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(phase, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := plant(); err != nil {
			t.Fatal(err)
		}
		var shown strings.Builder
		err := r.Log(job.PlanPhase).Read(func(line []byte) error { shown.Write(line); return nil })
		if !errors.Is(err, datafile.ErrStrange) || shown.Len() > 0 {
			t.Errorf("%s: %v, shown %q", name, err, shown.String())
		}
	}
	if err := os.RemoveAll(r.Dir()); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(r.Dir(), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, r.Path(Record)+".tmp"); err != nil {
		t.Fatal(err)
	}
	if err := r.WriteSoon(Record, []byte("{}")); !errors.Is(err, datafile.ErrStrange) {
		t.Errorf("written behind a link: %v", err)
	}
	if b, err := os.ReadFile(outside); err != nil || string(b) != "AGE-SECRET\n" {
		t.Errorf("outside is %q, %v", b, err)
	}
}
