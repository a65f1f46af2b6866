package phases

import (
	"context"
	"errors"

	"github.com/tfops/tfops/internal/engine/txn"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/run"
)

// errHeld says that a run waits for its state to be restored.
var errHeld = errors.New("the managed state is not what was applied")

// checkState holds a run back whose managed state is not what was applied. One
// that only looks fails: what it would see says nothing of the world.
func (ph *Worker) checkState(ctx context.Context, r run.Run) error {
	d, _, err := ph.Txn.Load(ctx, r.ID)
	if err != nil {
		return err
	}
	t := ph.States.Trouble(d.Record, d.Now)
	if t == nil {
		return nil
	}
	if !r.Kind.Applies() && r.Kind != run.Move {
		return fault.New(fault.Conflict, t.Command(r.Workspace), "%s", t)
	}
	_, err = ph.Txn.Change(ctx, r.ID, func(d *run.Tx) error {
		if d.Run.Status != run.Planning {
			return txn.ErrEnded
		}
		d.Record.StateTrouble = t
		return d.Move(run.Pending, "", t.String())
	})
	if err == nil {
		err = errHeld
	}
	return err
}
