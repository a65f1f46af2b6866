package runner

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/datafile"
	"github.com/tfops/tfops/internal/durable"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/backend"
)

// What a provisioner leaves under the name of a state that could not be saved is not waited
// for, and not read where it has no end: the daemon seals it where a runner is gone.
func TestStrangeErroredState(t *testing.T) {
	for name, put := range map[string]func(path string) error{
		"a pipe":             func(path string) error { return unix.Mkfifo(path, 0o600) },
		"a link to a device": func(path string) error { return os.Symlink("/dev/zero", path) },
		"a terabyte": func(path string) error {
			return errors.Join(os.WriteFile(path, nil, 0o600), os.Truncate(path, 1<<40))
		},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			if err := put(filepath.Join(root, backend.ErroredState)); err != nil {
				t.Fatal(err)
			}
			into := filepath.Join(t.TempDir(), job.ErroredStateFile)
			sealed, err := backend.SealErrored(root, into, "")
			if sealed || !errors.Is(err, datafile.ErrStrange) && !errors.Is(err, datafile.ErrTooLarge) ||
				durable.Exists(into) {
				t.Errorf("sealed: %v, %v", sealed, err)
			}
			if _, err := os.Lstat(filepath.Join(root, backend.ErroredState)); err != nil {
				t.Errorf("what is there was removed, and may be all that is left: %v", err)
			}
		})
	}
}
