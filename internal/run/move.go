package run

import (
	"fmt"

	"github.com/tfops/tfops/internal/locks"
	"github.com/tfops/tfops/internal/workspace"
)

// StateMove is the copy of a state from where it was applied, or of one that
// somebody brought, to where the configuration wants it.
type StateMove struct {
	From workspace.StateRef `json:"from"` // empty of an import
	To   workspace.StateRef `json:"to"`   // of an import empty until it is known

	Import *StateImport `json:"import,omitempty"`

	// What was copied; empty until it was.
	Done      bool   `json:"done,omitempty"`
	Already   bool   `json:"already,omitempty"` // the new state had it before
	Resources int    `json:"resources,omitempty"`
	Serial    uint64 `json:"serial,omitempty"`
	Lineage   string `json:"lineage,omitempty"`
}

// StateImport is a state that somebody brought.
type StateImport struct {
	File      string `json:"file"` // its encrypted copy, in the workspace's directory until the run has ended
	Digest    string `json:"digest"`
	Serial    uint64 `json:"serial"`
	Lineage   string `json:"lineage"`
	Resources int    `json:"resources"`

	Replace  bool   `json:"replace,omitempty"`  // also a state that holds something
	Reason   string `json:"reason,omitempty"`   // why
	Replaced string `json:"replaced,omitempty"` // the snapshot of what was there before; empty when there was nothing
}

// String says what was brought.
func (i StateImport) String() string {
	n := workspace.StateRef{Resources: i.Resources, Counted: true}
	return fmt.Sprintf("a state with %s (serial %d, lineage %s, %s)", n.Holds(), i.Serial, i.Lineage, i.Digest)
}

// String says what was copied, in a sentence.
func (m StateMove) String() string {
	if m.Import != nil {
		return m.imported()
	}
	if !m.Done {
		return fmt.Sprintf("from %s to %s", m.From, m.To)
	}
	did := "copied"
	if m.Already {
		did = "found there already:"
	}
	n := workspace.StateRef{Resources: m.Resources, Counted: true}
	return fmt.Sprintf("%s %s (serial %d, lineage %s) from %s to %s; the old state is kept as it is", did, n.Holds(),
		m.Serial, m.Lineage, m.From, m.To)
}

func (m StateMove) imported() string {
	to := "where the configuration wants it"
	if m.To.Identity != "" {
		to = m.To.String()
	}
	switch i := m.Import; {
	case !m.Done:
		return fmt.Sprintf("%s, to %s", i, to)
	case m.Already:
		return fmt.Sprintf("%s was in %s already", i, to)
	case i.Replaced != "":
		return fmt.Sprintf("imported %s into %s; what was there is kept as snapshot %s", i, to, i.Replaced)
	default:
		return fmt.Sprintf("imported %s into %s", i, to)
	}
}

// LockKeys lists the keys under which a lock can lie that concerns the run: a
// move holds both of its states.
func (r Run) LockKeys() []string {
	keys := locks.Keys(r.Workspace, r.State)
	if r.Moving != nil && r.Moving.Import == nil && r.Moving.From.Identity != r.State {
		keys = append(keys, r.Moving.From.Identity)
	}
	return keys
}

// TakeBoth locks both states of a move.
func (d *Tx) TakeBoth(reason string) error {
	if err := d.Take(reason); err != nil {
		return err
	}
	if d.Run.Moving.Import != nil { // it comes from no state that anybody could lock
		return nil
	}
	from := d.Run.Moving.From.Identity
	for _, l := range d.Locks {
		if l.State == from {
			return nil // its own: Take has refused any other
		}
	}
	d.Locks = append(d.Locks, locks.Lock{State: from, Workspace: d.Run.Workspace, Run: d.Run.ID, Reason: reason,
		Since: d.Now})
	return nil
}
