package outcome

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/tfops/tfops/internal/access"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/locks"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/runner/backend"
	"github.com/tfops/tfops/internal/workspace"
)

// StateFound is the state that a plan stands on.
type StateFound struct {
	workspace.StateRef
	workspace.StateMark     // where it can be told
	Held                int // resources in it, those that are gone from the world among them; -1: not known
}

func RefOf(b job.BackendConfig, terraformWorkspace string) workspace.StateRef {
	return workspace.StateRef{Identity: Identity(b, terraformWorkspace), Backend: b.Type,
		Place: locks.Place(b.Type, b.Config, terraformWorkspace)}
}

func MarkOf(h backend.StateHead) workspace.StateMark {
	return workspace.StateMark{Serial: h.Serial, Lineage: h.Lineage, Digest: h.Digest}
}

// StandsOn says whether a state is another than the one that was applied, and
// leaves something behind; nil when not. left are the records of workspaces
// that the configuration does not have any more.
func StandsOn(rec workspace.Record, place workspace.Place, left []workspace.Record, met StateFound) *run.NewState {
	old := rec.LastState()
	if old == nil {
		return Renamed(rec, place, left, met.StateRef)
	}
	switch {
	case old.Counted && old.Resources == 0: // nothing is left behind
		return nil
	case old.Identity == met.Identity:
		if why := old.Changed(met.StateMark, met.Held); why != "" {
			return &run.NewState{From: old.StateRef, To: met.StateRef, Why: why}
		}
		return nil
	case old.Backend == workspace.Managed && met.Backend == workspace.Managed && met.Lineage != "" &&
		old.Lineage == met.Lineage:
		return nil // the data directory was moved, and the state with it
	}
	return &run.NewState{From: old.StateRef, To: met.StateRef}
}

// Learned remembers which state it is that was applied, of one in a backend: no apply tells
// the lineage of a state that it begins.
func Learned(d *run.Tx, met StateFound) {
	s := d.Record.AppliedState
	if s != nil && s.Backend != workspace.Managed && s.Identity == met.Identity && s.Lineage == "" &&
		met.Lineage != "" {
		known := *s
		known.StateMark = met.StateMark
		d.Record.AppliedState = &known
	}
}

// Renamed finds the workspace that a new one seems to have been.
func Renamed(rec workspace.Record, place workspace.Place, left []workspace.Record,
	met workspace.StateRef) *run.NewState {
	if met.Resources > 0 {
		return nil // it has found what was applied
	}
	for _, l := range left {
		s := l.LastState()
		if s == nil || l.Name == rec.Name || s.At != place || s.Identity == met.Identity || s.Counted &&
			s.Resources == 0 {
			continue
		}
		return &run.NewState{From: s.StateRef, To: met, Was: l.Name}
	}
	return nil
}

// foundIn remembers the state in which a sync found what its commit says. One
// that holds nothing is no ground to forget the one that was applied to.
func foundIn(d *run.Tx, def fleet.Definition, met StateFound) {
	if d.Run.Kind == run.Destroy {
		met.Resources = 0
	} else if met.Resources == 0 && d.Record.AppliedState != nil && d.Record.AppliedState.Identity != met.Identity {
		return
	}
	d.Record.AppliedState = &workspace.AppliedState{StateRef: met.StateRef, StateMark: met.StateMark, At: def.Place(),
		Commit: d.Run.Commit.SHA}
	if n := d.Run.NewState; n != nil { // it has been moved by hand, and nothing is left behind
		d.Run.NewState = nil
		d.Run.Confirm = slices.DeleteFunc(d.Run.Confirm, func(why string) bool { return why == n.String() })
	}
}

// leavesBehind reports whether a sync that changes nothing would forget what is
// in the state that was applied: it found an empty one.
func leavesBehind(d *run.Tx, p *plan.Plan) bool { return d.Run.NewState != nil && p.Compared == 0 }

// WroteState remembers the state that a run has written, whole or in part. made is
// its plan; it is nil where it cannot be read.
func WroteState(d *run.Tx, def fleet.Definition, res job.Result, made *plan.Plan) {
	s := workspace.AppliedState{StateRef: RefOf(res.Backend, def.TerraformWorkspace), At: def.Place(),
		Commit:    d.Run.Commit.SHA,
		StateMark: workspace.StateMark{Serial: res.Serial, Lineage: res.Lineage, Digest: res.StateDigest}}
	if made != nil && made.State != nil && s.Backend != workspace.Managed {
		// What the apply left has this lineage, and at least this serial; one more if it
		// changed anything in the state, as it nearly always does.
		s.Serial, s.Lineage = made.State.Serial+1, made.State.Lineage
	}
	old := d.Record.AppliedState
	same := old != nil && old.Identity == s.Identity
	if s.Backend == "" || !same && res.Outcome == job.Failed && res.Cause != job.CauseEngine {
		return // it has written nothing
	}
	if same {
		s.Resources, s.Counted = old.Resources, old.Counted
		if s.Lineage == "" && (made == nil || made.State == nil) {
			s.StateMark = old.StateMark
		}
	}
	switch {
	case res.Outcome != job.Succeeded:
		if same {
			s.Behind = old.Behind
		}
		s.Counted = false // a part of it was carried out
	case made != nil:
		s.Resources, s.Counted = made.Left(), true
	}
	d.Record.AppliedState = &s
}

// startsEmpty says that a sync begins with nothing although the code names a backend of
// its own, which the workspace's takes the place of: what the state there holds would be
// made anew.
func startsEmpty(d *run.Tx, res job.Result, met StateFound) string {
	if d.Run.Kind != run.Sync || res.Overridden == "" || d.Record.LastState() != nil || met.Resources > 0 ||
		!res.Plan.HasChanges() {
		return ""
	}
	own := fmt.Sprintf("backend %q", res.Overridden)
	if res.Overridden == "cloud" {
		own = "a cloud block"
	}
	return fmt.Sprintf("its state (%s) is empty, and the code has %s, which the backend of the workspace takes the "+
		"place of: a state that is there is left behind, and what it holds made anew, unless it is brought along: "+
		"tfops state import %s FILE", met.StateRef, own, d.Run.Workspace)
}

// otherState notes that a plan stands on another state. What may be applied is
// then held for a person; a look at what is applied saw nothing of it, and a
// refresh or a destroy would not do what it says: these end. done reports that.
func (o Rules) otherState(d *run.Tx, n *run.NewState) (done bool, err error) {
	d.Run.NewState = n
	if n == nil {
		return false, nil
	}
	d.Note("", n.String())
	switch d.Run.Kind {
	case run.Plan:
		d.Run.Warn(n.String() + ".")
		return false, nil
	case run.Sync:
		d.Run.HoldBack(n.String())
		return false, nil
	}
	if err := o.NotChecked(d, "the check did not see what is applied: "+n.String()); err != nil {
		return true, err
	}
	d.Run.Failure = &run.Failure{Message: n.String(),
		Next: "bring the old state back, or see the ways out that a sync names: tfops sync " + d.Run.Workspace}
	return true, d.Move(run.Errored, "", d.Run.Failure.Message)
}

// changedByHand warns of a managed state that somebody wrote to since the last
// apply, which is no fault.
func changedByHand(rec workspace.Record, met StateFound) string {
	want, ok := rec.ManagedState()
	if !ok || want.Lineage == "" || want.Lineage != met.Lineage || met.Serial <= want.Serial {
		return ""
	}
	return fmt.Sprintf("The managed state was written to since the last apply that tfops knows of: its serial is "+
		"%d, and was %d.", met.Serial, want.Serial)
}

// moved records that the state is where the configuration wants it.
func moved(d *run.Tx, def fleet.Definition, met StateFound, m job.Moved) {
	if i := d.Run.Moving.Import; i != nil {
		i.Replaced, d.Run.Moving.To, d.Run.State = m.Replaced, met.StateRef, met.Identity
	}
	d.Run.Moving.Done, d.Run.Moving.Already, d.Run.Moving.Resources, d.Run.Moving.Serial, d.Run.Moving.Lineage = true,
		m.Already, m.Resources, m.Serial, m.Lineage
	met.Identity, met.Resources, met.Counted = d.Run.Moving.To.Identity, m.Resources, true
	d.Record.State = met.Identity
	d.Record.AppliedState = &workspace.AppliedState{StateRef: met.StateRef, StateMark: met.StateMark, At: def.Place(),
		Commit: d.Run.Commit.SHA}
	d.Record.AppliedState.Behind = imported(d.Run)
	if d.Run.Moving.Import != nil {
		d.Record.LeftOf, d.Record.LeftHalf = "", "" // what is there now was brought
	}
	action := "state-moved"
	if d.Run.Moving.Import != nil {
		action = "state-imported"
		d.Record.Destroyed = d.Record.Destroyed && m.Resources == 0
	}
	d.Audit(access.Actor{Name: cmp.Or(d.Run.Trigger.Actor, "tfops")}, action, d.Run.Moving.String())
}

// imported is why the plan after an import waits for a person where it changes something;
// "" after a move.
func imported(r run.Run) string {
	if r.Moving.Import == nil {
		return ""
	}
	return fmt.Sprintf("its state was imported by %s, and the plan on it would change something: run %s",
		cmp.Or(r.Trigger.Actor, "tfops"), r.ID)
}

func movingReason(r run.Run) string {
	if r.Moving.Import != nil {
		return "importing a state"
	}
	return "moving the state"
}
