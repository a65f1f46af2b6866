package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/fault"
)

// The data directory that a daemon opened is the ground that it stands on. What
// it would do on another one, made anew or put there meanwhile, would begin from
// nothing: it would apply again.

// refuseWithoutStore refuses a data directory that was used and has lost its
// tfops.db. Only one that nothing lies in yet begins with an empty history.
func refuseWithoutStore(dir string) error {
	if _, err := os.Lstat(filepath.Join(dir, "tfops.db")); !errors.Is(err, fs.ErrNotExist) {
		return nil // opening it says what is wrong
	}
	var has []string
	for _, name := range []string{"runs", "workspaces"} {
		if entries, err := os.ReadDir(filepath.Join(dir, name)); err == nil && len(entries) > 0 {
			has = append(has, name)
		}
	}
	if _, err := os.Lstat(filepath.Join(dir, "key")); err == nil {
		has = append(has, "a key")
	}
	if len(has) == 0 {
		return nil
	}
	if len(has) > 1 {
		has = append(slices.Clone(has[:len(has)-2]), has[len(has)-2]+" and "+has[len(has)-1])
	}
	return fault.New(fault.Conflict,
		"tfops recover makes a new tfops.db of what is there; with a copy that `tfops backup` made: tfops recover --backup FILE",
		"the data directory %s has %s and no tfops.db: with an empty history tfops would apply everything again", dir, strings.Join(has, ", "))
}

// intact says why the data directory, or the store in it, is not the one that
// was opened; nil when it is.
func (d *daemon) intact() error {
	dir := d.cfg.DataDir
	now, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = fault.New(fault.Unavailable, "put it back where it was and start tfops serve again",
			"the data directory %s was removed or moved away while tfops used it", dir)
	case err != nil:
		err = fault.New(fault.Unavailable, "look at its disk", "the data directory %s cannot be looked at: %w", dir, err)
	case !os.SameFile(d.ground, now):
		err = fault.New(fault.Unavailable, "put back the one that was there and start tfops serve again",
			"the data directory %s is another one than the one that tfops opened", dir)
	default:
		err = d.store.Moved()
	}
	if err != nil {
		select {
		case d.lost <- err:
		default: // it is known already
		}
	}
	return err
}

// groundEvery is how often the daemon looks whether its directory is there while
// nothing happens. A look is two system calls.
const groundEvery = 500 * time.Millisecond

// keepGround ends with the reason once the data directory is not the one that was
// opened. Applies that run go on: their runners are processes of their own.
func (d *daemon) keepGround(ctx context.Context) error {
	look := time.NewTicker(groundEvery)
	defer look.Stop()
	trouble := ""
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-d.lost:
			d.Log.Error("the data directory is not the one that was opened; stopping", "error", err, "next", fault.Next(err))
			return err
		case <-look.C:
			if d.intact() == nil { // what it finds comes through lost
				trouble = d.keepSocket(trouble)
			}
		}
	}
}

// keepSocket makes the socket again where it was removed. What keeps it from
// that is told once; trouble is what was told last.
func (d *daemon) keepSocket(trouble string) string {
	made, err := d.listener.Restore()
	switch {
	case err != nil && err.Error() != trouble:
		d.Log.Error("the socket is gone and cannot be made again; trying again", "error", err, "next", fault.Next(err))
		return err.Error()
	case err != nil:
		return trouble
	case made:
		d.Log.Warn("the socket was removed, and was made again", "socket", d.listener.Addr().String())
	}
	return ""
}

// damage lists the records of the store that were set aside.
func (d *daemon) damage(ctx context.Context) ([]api.Damage, error) {
	parked, err := d.store.ParkedRecords(ctx)
	out := []api.Damage{}
	for _, p := range parked {
		out = append(out, api.Damage{Bucket: p.Bucket, Key: p.Name(), Why: p.Why, At: p.At.UTC()})
	}
	return out, err
}
