package decide

import (
	"slices"

	"github.com/tfops/tfops/internal/engine/settings"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// aboutUpstream says what keeps a pending run back that others go before;
// an empty Wait when nothing does.
//
// It asks how the others stand now, not how the run stood that was on its way
// when this one was made: that may have been superseded, tried again or
// replaced by a fresh one.
func aboutUpstream(q run.Queue, s *settings.Settings, r *run.Run) (Action, Wait) {
	for _, name := range r.Upstream {
		if o, ok := OnItsWay(q, name, r.Kind); ok {
			return Nothing, Wait{Kind: WaitsForUpstream, Run: o.ID, Command: moves(o),
				For: goesFirst{workspace: name, kind: r.Kind, run: o.ID, status: o.Status}}
		}
	}
	if def, ok := s.Find(r.Workspace); ok && r.Kind == run.Sync {
		for _, in := range def.Inputs {
			for _, ref := range in.Refs {
				if o, busy := OnItsWay(q, ref.Workspace, run.Drift); busy &&
					slices.Contains(r.Upstream, ref.Workspace) && q.Record(ref.Workspace).Outputs == nil {
					return Nothing, Wait{Kind: WaitsForUpstream, Run: o.ID, For: outputsOf{ref.Workspace, o.ID},
						Command: "tfops wait " + o.ID}
				}
			}
		}
	}
	for _, name := range r.Upstream {
		if why := NotDone(q, s, name, r.Kind); why != "" {
			return HoldBack, Wait{Kind: WaitsForUpstream, For: failedFirst{name, r.Kind, why}}
		}
	}
	return Nothing, Wait{}
}

// moves is the command that moves on a run that another waits for.
func moves(r *run.Run) string {
	switch r.Status {
	case run.AwaitingApproval:
		return "tfops approve " + r.ID
	case run.Interrupted:
		return MendCommand(r)
	}
	return "tfops wait " + r.ID
}

// OnItsWay finds a run of a workspace that may still apply, of the kind that
// is waited for: what is planned waits for syncs, what is destroyed for destroys.
func OnItsWay(q run.Queue, name string, kind run.Kind) (*run.Run, bool) {
	for o := range q.Of(name) {
		if o.Kind == kind {
			return o, true
		}
	}
	return nil, false
}

// NotDone says why a workspace that goes first has not done its part; "" when
// it has, or when nothing of the kind is wanted of it.
func NotDone(q run.Queue, s *settings.Settings, name string, kind run.Kind) string {
	def, ok := s.Find(name)
	if !ok {
		return ""
	}
	rec := q.Record(name)
	ended := rec.Ended
	if ended == "" {
		ended = "nothing was applied"
	}
	if kind == run.Destroy {
		if rec.MayStand() {
			return "was not destroyed: " + ended
		}
		return ""
	}
	if def.Apply == workspace.Never || rec.Desired == "" || rec.Destroyed || rec.InSync(def.Fingerprint) {
		return ""
	}
	return "was not applied: " + ended
}

// before are the workspaces that go before a run's in the order of its kind.
func GoesBefore(s *settings.Settings, r run.Run) []string {
	switch r.Kind {
	case run.Sync:
		return s.Order.AllUpstream(r.Workspace)
	case run.Destroy:
		return s.Order.AllDownstream(r.Workspace)
	}
	return nil
}

// Flowing says because of which other a workspace is to be planned: the one that its last run was
// withheld for, or one of which it uses an output that has changed since; "" for none. It is pure,
// and asked again and again, so that nothing is lost when the daemon ends in between.
func Flowing(s *settings.Settings, q run.Queue, d *fleet.Definition) string {
	rec := q.Record(d.Name)
	if rec.Desired == "" || rec.Orphan != nil || rec.Destroyed || d.Apply == workspace.Never {
		return ""
	}
	if _, busy := OnItsWay(q, d.Name, run.Sync); busy {
		return "" // a plan that was made with an old value is found stale
	}
	if up := rec.HeldBack; up != "" {
		if def, ok := s.Definition(up); ok && !q.Record(up).InSync(def.Fingerprint) {
			return ""
		}
		return up
	}
	return changedInput(q, d)
}

// changedInput names the upstream workspace of which an output that is used has
// another value than the one that was used last; "" for none, and as long as
// one of them is not there.
func changedInput(q run.Queue, d *fleet.Definition) string {
	changed := ""
	for _, in := range d.Inputs {
		for _, ref := range in.Refs {
			now, there := q.Record(ref.Workspace).Outputs[ref.Output]
			if !there {
				return ""
			}
			if q.Record(d.Name).Inputs[ref.String()] != now.Digest {
				changed = ref.Workspace
			}
		}
	}
	return changed
}
