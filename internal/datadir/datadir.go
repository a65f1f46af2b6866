// Package datadir finds the data directory, makes it, and keeps everybody else out: another
// daemon, and an empty directory in the place of one that was used.
package datadir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/tfops/tfops/internal/artifacts"
	"github.com/tfops/tfops/internal/fault"
)

// Make makes a data directory that is not there.
func Make(dir string) error {
	err := os.MkdirAll(dir, 0o700)
	if err == nil {
		return nil
	}
	return fault.New(fault.Unavailable, "make it, owned by the user that runs tfops, or set data_dir in tfops.hcl",
		"the data directory %s cannot be made: %w", dir, err)
}

// lockTimeout is how long the lock of a daemon that was killed may outlive it:
// a runner that it was about to start shares its files until it is started.
const lockTimeout = 2 * time.Second

// Lock keeps a second daemon out: two would apply twice. The lock ends
// with the process; what stands in the file only tells who holds it.
func Lock(dir string) (*flock.Flock, error) {
	path := filepath.Join(dir, "tfops.lock")
	l := flock.New(path, flock.SetPermissions(0o600))
	ctx, cancel := context.WithTimeout(context.Background(), lockTimeout)
	defer cancel()
	ok, err := l.TryLockContext(ctx, 20*time.Millisecond)
	if err != nil && ctx.Err() == nil {
		return nil, Unwritable(dir, err)
	}
	if !ok {
		holder, _ := os.ReadFile(path)
		return nil, fault.New(fault.Conflict, "stop that one first, or give this one a data_dir of its own",
			"another `tfops serve` uses the data directory %s: %s", dir, strings.TrimSpace(string(holder)))
	}
	host, _ := os.Hostname()
	text := fmt.Sprintf("process %d on %s, since %s\n", os.Getpid(), host, time.Now().UTC().Format(time.RFC3339))
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		l.Close()
		return nil, Unwritable(dir, err)
	}
	return l, nil
}

// Unwritable says what to do about a data directory that cannot be written.
func Unwritable(dir string, err error) error {
	next := "run as the user that owns it, and look at its disk"
	if l, ok := fault.LackOf(err); ok {
		next = l.Next
	}
	return fault.New(fault.Unavailable, next, "the data directory %s cannot be written: %w", dir, err)
}

// RefuseWithoutStore refuses a data directory that was used and has lost its
// tfops.db. Only one that nothing lies in yet begins with an empty history.
func RefuseWithoutStore(dir string) error {
	if _, err := os.Lstat(filepath.Join(dir, "tfops.db")); !errors.Is(err, fs.ErrNotExist) {
		return nil // opening it says what is wrong
	}
	has := artifacts.Open(dir).Holds()
	if _, err := os.Lstat(filepath.Join(dir, "key")); err == nil {
		has = append(has, "a key")
	}
	if len(has) == 0 {
		return nil
	}
	if n := len(has); n > 1 {
		has = append(has[:n-2], has[n-2]+" and "+has[n-1])
	}
	return fault.New(fault.Conflict,
		"tfops recover makes a new tfops.db of what is there; with a copy that `tfops backup` made: tfops recover "+
			"--backup FILE",
		"the data directory %s has %s and no tfops.db: with an empty history tfops would apply everything again", dir,
		strings.Join(has, ", "))
}
