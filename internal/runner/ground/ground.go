// Package ground is what a plan stands on besides itself: the packages of modules, kept by their
// content, what the last init of a workspace made, the cache of providers, and the record of all that
// an apply has to find as it was.
package ground

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/datafile"
	"github.com/tfops/tfops/internal/durable"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/pinned"
	"github.com/tfops/tfops/internal/runner/diagnostics"
	"github.com/tfops/tfops/internal/runner/engines"
)

// Standing is what a plan stands on besides itself: all that its apply may read.
// Providers are told by the lock file, which is among what was written or in the commit:
// the engine compares each with it whenever it starts one.
type Standing struct {
	FormatVersion int               `json:"format_version"`
	Commit        string            `json:"commit"`
	Packages      map[string]string `json:"packages,omitempty"` // of modules: the digest of each, by the name of its directory
	Written       string            `json:"written"`            // digest of what the phase wrote into its tree
	Engine        string            `json:"engine"`             // name, version and digest of the binary
	Backend       job.BackendConfig `json:"backend"`            // names the state that it is about
}

// Moved is the failure of an apply whose plan stands on something else than what is there now.
func Moved(what string, args ...any) *diagnostics.Failure {
	return diagnostics.Refuse(job.CauseStale, "nothing was applied; a fresh plan is made",
		"what was approved is not there any more: "+what, args...)
}

// FileDigest is the SHA-256 of a file. It is remembered in memory, a directory, as long
// as lstat says the same of the file: an engine has 100 MB.
func FileDigest(memory, path string) (string, error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", err
	}
	var st unix.Stat_t
	if err := unix.Lstat(real, &st); err != nil {
		return "", &fs.PathError{Op: "lstat", Path: real, Err: err}
	}
	name := filepath.Join(memory, KeyOf(real, fmt.Sprint(st.Dev, st.Ino, st.Size, st.Mtim, st.Ctim)))
	if b, err := datafile.Read(name, datafile.Record); err == nil && len(b) == 2*sha256.Size {
		return string(b), nil
	}
	b, err := engines.FileSum(real)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(memory, 0o700); err != nil {
		return "", err
	}
	return b, durable.WriteUnlisted(name, []byte(b))
}

// TooMuch is the failure of a plan where something is more than anybody reads; other errors it leaves as they are.
func TooMuch(what string, err error) error {
	if much, ok := errors.AsType[*pinned.TooMuch](err); ok {
		return diagnostics.Refuse(job.CauseLimit, "find out which code of the module or of a provider wrote that; "+
			"it may be a file that is longer than what is in it",
			"%s cannot be kept: %w", what, much)
	}
	return err
}

// SyncTree waits until all that lies below dir is on the disk.
func SyncTree(dir string) error {
	var dirs []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			dirs = append(dirs, path)
			return nil
		case !d.Type().IsRegular():
			return nil
		}
		f, err := datafile.Open(path)
		if err != nil {
			return err
		}
		return errors.Join(f.Sync(), f.Close())
	})
	slices.Reverse(dirs) // what lies below is there before its name is
	for _, d := range dirs {
		err = errors.Join(err, durable.Sync(d))
	}
	return err
}
