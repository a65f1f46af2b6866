package run

import (
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/tfops/tfops/internal/audit"
	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/locks"
	"github.com/tfops/tfops/internal/workspace"
)

// Rename gives what is known of one workspace to another name.
type Rename struct {
	From, To string
	Origin   *workspace.Origin // what a generator makes the new one of
	Stopped  bool              // no daemon runs: whatever seems to be at work is not
}

// String says what happened, in a sentence.
func (r Rename) String() string {
	return fmt.Sprintf("workspace %s is called %s now (renamed_from): its state, history and findings go with it",
		r.From, r.To)
}

// InTheWay says which run a rename waits for: a runner is at work under one of
// the names. active are the runs of both that have not ended.
func (r Rename) InTheWay(active []Run) error {
	for _, a := range active {
		if r.Stopped {
			break
		}
		if a.Status == Planning || a.Status == Applying || a.Workspace == r.To && a.Status == Interrupted {
			return fault.New(fault.Conflict, "tfops wait "+a.ID,
				"workspace %s takes over what is known of %s once run %s has ended, which is %s", r.To, r.From, a.ID,
				a.Status)
		}
	}
	return nil
}

// Stale ends a run of the new name: it was planned on a state that is not its own any more.
func (r Rename) Stale(d *Tx) error {
	return d.GoStale("the workspace goes on with what is known of " + r.From)
}

// Audit is what is recorded of the rename.
func (r Rename) Audit(now time.Time) audit.Record {
	return audit.Record{At: now, Actor: "tfops", Via: "config", Action: "rename", Workspace: r.To, Reason: r.String()}
}

// Records are those of both names afterwards: the old name is a former one.
func (r Rename) Records(old, own workspace.Record, now time.Time) (heir, former workspace.Record, err error) {
	if old.Former() {
		return heir, former, fault.New(fault.Conflict, "tfops status", "workspace %s is called %s already", r.From,
			old.Renamed.To)
	}
	heir, former = workspace.TakenOver(old, own, r.Origin, now)
	return heir, former, nil
}

// Taken is a run of the old name as one of the new name. ids are those of
// findings, before and now.
func (r Rename) Taken(old Run, ids map[string]string) Run {
	old.Workspace = r.To
	if id, ok := ids[old.Codify]; ok {
		old.Codify = id
	}
	return r.Follows(old)
}

// Follows is a run that comes after what the renamed workspace does.
func (r Rename) Follows(o Run) Run {
	o.Upstream = slices.Clone(o.Upstream)
	for i, up := range o.Upstream {
		if up == r.From {
			o.Upstream[i] = r.To
		}
	}
	return o
}

// Locks are those of the old name, of all locks, and as they are the new one's.
func (r Rename) Locks(all iter.Seq[locks.Lock]) (old, out []locks.Lock, err error) {
	var own []locks.Lock
	for l := range all {
		switch l.Workspace {
		case r.From:
			old = append(old, l)
		case r.To:
			own = append(own, l)
		}
	}
	if len(old) > 0 && len(own) > 0 {
		return nil, nil, fault.New(fault.Conflict, "tfops unlock "+r.To,
			"workspace %s takes over what is known of %s once it has no lock of its own: it is %s, and %s is %s",
			r.To, r.From, own[0], r.From, old[0])
	}
	for _, l := range old {
		if l.State == locks.ForWorkspace(r.From) {
			l.State = locks.ForWorkspace(r.To)
		}
		l.Workspace = r.To
		out = append(out, l)
	}
	return old, out, nil
}

// Finding is a finding of the old name as one of the new name. Its id is made
// of the workspace's name.
func (r Rename) Finding(f drift.Finding) drift.Finding {
	f.Workspace = r.To
	f.ID = drift.ID(r.To, f.Address, f.Class)
	return f
}
