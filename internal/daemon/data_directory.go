package daemon

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/fault"
)

// A daemon stops once its data directory is not the one that it opened. On another one,
// made or put there meanwhile, it would begin with nothing and apply everything again.

// intact says why the data directory, or the store in it, is not the one that
// was opened; nil when it is.
func (d *Daemon) intact() error {
	dir := d.cfg.DataDir
	now, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = fault.New(fault.Unavailable, "put it back where it was and start tfops serve again",
			"the data directory %s was removed or moved away while tfops used it", dir)
	case err != nil:
		err = fault.New(fault.Unavailable, "look at its disk", "the data directory %s cannot be looked at: %w", dir,
			err)
	case !os.SameFile(d.opened, now):
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

// lookEvery is how often the daemon looks whether its directory is there while
// nothing happens. A look is two system calls.
const lookEvery = 500 * time.Millisecond

// watchDataDir ends with the reason once the data directory is not the one that was
// opened. Applies that run go on: their runners are processes of their own.
func (d *Daemon) watchDataDir(ctx context.Context) error {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	trouble := ""
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-d.lost:
			d.Log.Error("the data directory is not the one that was opened; stopping", "error", err, "next",
				fault.Next(err))
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
func (d *Daemon) keepSocket(trouble string) string {
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
func (d *Daemon) damage(ctx context.Context) ([]api.Damage, error) {
	parked, err := d.store.ParkedRecords(ctx)
	out := []api.Damage{}
	for _, p := range parked {
		out = append(out, api.Damage{Bucket: p.Bucket, Key: p.Name(), Why: p.Why, At: p.At.UTC()})
	}
	return out, err
}
