package run

import (
	"fmt"

	"github.com/tfops/tfops/internal/locks"
	"github.com/tfops/tfops/internal/workspace"
)

// StateMove is the copy of a state from where it was applied to where the
// configuration wants it.
type StateMove struct {
	From workspace.StateRef `json:"from"`
	To   workspace.StateRef `json:"to"`

	// What was copied; empty until it was.
	Done      bool   `json:"done,omitempty"`
	Already   bool   `json:"already,omitempty"` // the new state had it before
	Resources int    `json:"resources,omitempty"`
	Serial    uint64 `json:"serial,omitempty"`
	Lineage   string `json:"lineage,omitempty"`
}

// String says what was copied, in a sentence.
func (m StateMove) String() string {
	if !m.Done {
		return fmt.Sprintf("from %s to %s", m.From, m.To)
	}
	did := "copied"
	if m.Already {
		did = "found there already:"
	}
	n := workspace.StateRef{Resources: m.Resources, Counted: true}
	return fmt.Sprintf("%s %s (serial %d, lineage %s) from %s to %s; the old state is kept as it is", did, n.Holds(), m.Serial, m.Lineage, m.From, m.To)
}

// LockKeys lists the keys under which a lock can lie that concerns the run: a
// move holds both of its states.
func (r Run) LockKeys() []string {
	keys := locks.Keys(r.Workspace, r.State)
	if r.Moving != nil && r.Moving.From.Identity != r.State {
		keys = append(keys, r.Moving.From.Identity)
	}
	return keys
}

// TakeBoth locks both states of a move.
func (d *Dossier) TakeBoth(reason string) error {
	if err := d.Take(reason); err != nil {
		return err
	}
	from := d.Run.Moving.From.Identity
	for _, l := range d.Locks {
		if l.State == from {
			return nil // its own: Take has refused any other
		}
	}
	d.Locks = append(d.Locks, locks.Lock{State: from, Workspace: d.Run.Workspace, Run: d.Run.ID, Reason: reason, Since: d.Now})
	return nil
}
