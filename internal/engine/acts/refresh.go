package acts

import (
	"cmp"
	"context"

	"github.com/tfops/tfops/internal/engine/decide"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// A refresh accepts the world: the state takes over what is there, and nothing
// in the world is changed. It is planned like a drift check, at the applied
// commit with the applied inputs, and applied like a sync: the saved plan that
// was approved, under the state's lock.
//
// It never takes the place of a sync or a destroy: whoever accepts what changed
// by hand does not mean to throw away a commit that others have voted on. So it
// is refused while one is on its way, and gives way to one that comes.

// refreshRun is a refresh at the commit that is applied.
func (act *Actions) refreshRun(ctx context.Context, d fleet.Definition, rec workspace.Record, t run.Trigger) (run.Run,
	error) {
	switch {
	case rec.Applied == "":
		return run.Run{}, fault.New(fault.Conflict, "tfops status "+d.Name,
			"workspace %s has nothing applied, so there is no state to accept anything into", d.Name)
	case d.Apply == workspace.Never:
		return run.Run{}, fault.New(fault.Conflict, "", "workspace %s has apply = \"never\": its state is not written",
			d.Name)
	case rec.AppliedFingerprint != d.Fingerprint:
		return run.Run{}, fault.New(fault.Conflict, "tfops sync "+d.Name,
			"the inputs of workspace %s changed in the configuration and are not applied yet: its state can be "+
				"refreshed once they are", d.Name)
	}
	r, err := act.Order.Check(ctx, d, rec, t)
	r.Kind = run.Refresh
	return r, err
}

// inTheWay is why the store left a refresh out: another run that applies is on
// its way. It is nil when there is none any more.
func (act *Actions) inTheWay(ctx context.Context, name string) error {
	q, err := act.Txn.Queue(ctx)
	if err != nil {
		return err
	}
	s := act.Txn.Settings.Get()
	for r := range q.Of(name) {
		if r.Kind.Applies() && r.Kind != run.Refresh {
			_, w := decide.About(q, s, r)
			return fault.New(fault.Conflict, cmp.Or(w.Command, "tfops wait "+r.ID),
				"the state of workspace %s is not refreshed while run %s (%s) is on its way: it is %s", name, r.ID,
				r.Kind, decide.StatusText(r.Status))
		}
	}
	return nil
}
