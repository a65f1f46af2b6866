package acts

import (
	"context"
	"slices"
	"time"

	"github.com/tfops/tfops/internal/access"
	"github.com/tfops/tfops/internal/engine/managed"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/run"
)

// recheckState forgets a trouble that somebody has mended by hand.
func (act *Actions) recheckState(ctx context.Context, name string) error {
	q, err := act.Txn.Queue(ctx)
	if err != nil || q.Record(name).StateTrouble == nil {
		return err
	}
	if act.States.Trouble(*q.Record(name), time.Time{}) != nil {
		return nil
	}
	return act.Txn.ChangeWorkspace(ctx, name, func(h *run.WorkspaceTx) error {
		h.Record.StateTrouble = nil
		return nil
	})
}

// RestoreState restores the managed state of a workspace, and has it planned.
func (act *Actions) RestoreState(ctx context.Context, a access.Actor, name string,
	from managed.Restoration) (managed.Restored, error) {
	if _, err := act.Txn.Settings.Get().Workspace(name); err != nil {
		return managed.Restored{}, err
	}
	out, err := managed.Restorer{Store: act.Txn, States: act.States}.Restore(ctx, a, name, from)
	if err != nil {
		return out, err
	}
	act.Txn.Changed.Send()
	q, err := act.Txn.Queue(ctx)
	if err != nil {
		return out, err
	}
	waits := func(r *run.Run) bool { return r.Kind == run.Sync && r.Status == run.Pending }
	if !slices.ContainsFunc(slices.Collect(q.Of(name)), waits) {
		if _, err := act.Start(ctx, a, Order{Workspace: name, Kind: run.Sync}); err != nil {
			return out, fault.New(fault.CodeOf(err), "tfops sync "+name,
				"the state is restored from snapshot %s, and could not be planned: %w", out.Snapshot, err)
		}
	}
	return out, nil
}
