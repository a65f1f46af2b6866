package engine

import (
	"cmp"
	"context"
	"strings"

	"github.com/tfops/tfops/internal/engine/decide"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/plan"
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
func (e *Engine) refreshRun(ctx context.Context, d fleet.Definition, rec workspace.Record, t run.Trigger) (run.Run, error) {
	switch {
	case rec.Applied == "":
		return run.Run{}, fault.New(fault.Conflict, "tfops status "+d.Name, "workspace %s has nothing applied, so there is no state to accept anything into", d.Name)
	case d.Apply == workspace.Never:
		return run.Run{}, fault.New(fault.Conflict, "", "workspace %s has apply = \"never\": its state is not written", d.Name)
	case rec.AppliedFingerprint != d.Fingerprint:
		return run.Run{}, fault.New(fault.Conflict, "tfops sync "+d.Name, "the inputs of workspace %s changed in the configuration and are not applied yet: its state can be refreshed once they are", d.Name)
	}
	r, err := e.driftRun(ctx, d, rec, t)
	r.Kind = run.Refresh
	return r, err
}

// inTheWay is why the store left a refresh out: another run that applies is on
// its way. It is nil when there is none any more.
func (e *Engine) inTheWay(ctx context.Context, name string) error {
	q, err := e.txn.Queue(ctx)
	if err != nil {
		return err
	}
	s := e.txn.Settings.Get()
	for r := range q.Of(name) {
		if r.Kind.Applies() && r.Kind != run.Refresh {
			_, w := decide.About(q, s, r)
			return fault.New(fault.Conflict, cmp.Or(w.Command, "tfops wait "+r.ID), "the state of workspace %s is not refreshed while run %s (%s) is on its way: it is %s", name, r.ID, r.Kind, decide.StatusText(r.Status))
		}
	}
	return nil
}

// acceptance notes what the plan of a refresh takes into the state, and ends a
// run that takes nothing. done reports whether the run has ended.
func acceptance(d *run.Tx, p *plan.Plan) (done bool, err error) {
	if c := p.Counts; !p.RefreshOnly || c.Add+c.Change+c.Delete+c.Replace+c.Import+c.Move+c.Forget+len(p.Deferred)+len(p.Invocations) > 0 {
		// A runner of another version may not know what it was asked for.
		d.Run.Failure = &run.Failure{Message: "the plan would do more than accept the world into the state, so it is not applied",
			Next: "restart tfops serve, so that it and its runners are of one version, then: " + decide.RetryCommand(d.Run)}
		return true, d.Move(run.Errored, "", d.Run.Failure.Message)
	}
	if !p.Accepts() {
		if d.Record.Drift.Status == workspace.DriftUnknown {
			checkAgain(d, run.ByRefresh)
		}
		return true, d.Move(run.PlannedAndFinished, "", p.Acceptance())
	}
	text := p.Acceptance()
	if accepted := p.Accepted(); len(accepted) > 0 {
		text += ": " + inOneLine(accepted)
	}
	d.Note("", text)
	return false, nil
}

// maxListed is how many addresses an event names; the plan has all of them.
const maxListed = 10

func inOneLine(names []string) string {
	if len(names) > maxListed {
		return strings.Join(names[:maxListed], ", ") + ", …"
	}
	return strings.Join(names, ", ")
}

// refreshed records that the state took the world over. What is applied stays
// as it is; how the world stands to it only a check can tell, which follows.
func refreshed(d *run.Tx) {
	d.Record.Drift.Status, d.Record.Drift.Why = workspace.DriftUnknown, "the state was refreshed by run "+d.Run.ID+" and no check was made since"
	checkAgain(d, run.ByRefresh)
}

// checkAgain asks for a check of what the run has applied.
func checkAgain(d *run.Tx, cause run.Cause) {
	d.Follow(run.Drift, cause, "").Fingerprint = d.Run.Fingerprint
}
