// Package locks holds the rules of who may hold a state: a run while it
// applies, or a person with a reason.
//
// The key of a lock is the state's identity, not the workspace's name: two
// workspaces that share a state share its lock. As long as a workspace has
// never been planned its state is not known, and a person's lock is kept under
// the workspace itself; whoever asks looks at both keys.
//
// A person's lock stops applies only. Plans and drift checks change nothing
// and go on. An interrupted apply keeps its lock until a person has looked.
package locks

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tfops/tfops/internal/fault"
)

// Lock is a hold on a state.
type Lock struct {
	State     string    `json:"state"`     // identity of the state, or ForWorkspace
	Workspace string    `json:"workspace"` // the workspace through which it was taken
	Run       string    `json:"run,omitempty"`
	Person    string    `json:"person,omitempty"`
	Reason    string    `json:"reason,omitempty"`
	Since     time.Time `json:"since"`
}

// ForWorkspace is the key of a lock on a workspace whose state is not known yet.
func ForWorkspace(name string) string { return "workspace:" + name }

// Keys lists the keys under which a lock on the workspace can lie.
func Keys(workspace, state string) []string {
	if state == "" {
		return []string{ForWorkspace(workspace)}
	}
	return []string{state, ForWorkspace(workspace)}
}

// Key is where a new lock on the workspace goes.
func Key(workspace, state string) string { return Keys(workspace, state)[0] }

// Holder names who holds the lock.
func (l Lock) Holder() string {
	if l.Run != "" {
		return "run " + l.Run
	}
	return l.Person
}

// String says who holds the state, since when and why.
func (l Lock) String() string {
	s := "locked by " + l.Holder() + " since " + l.Since.UTC().Format("2006-01-02 15:04 MST")
	if l.Workspace != "" && l.Run != "" {
		s = fmt.Sprintf("locked by run %s of workspace %s since %s", l.Run, l.Workspace,
			l.Since.UTC().Format("2006-01-02 15:04 MST"))
	}
	if l.Reason != "" {
		s += ": " + l.Reason
	}
	return s
}

// Remedy is the command that moves on whoever waits for the lock.
func (l Lock) Remedy() string {
	if l.Run != "" {
		return "tfops wait " + l.Run
	}
	return "tfops unlock " + l.Workspace
}

// Take says whether want may be taken beside what is held under the same
// keys. A run may take again what it holds; nobody else may.
func Take(held []Lock, want Lock) error {
	if want.Run == "" && strings.TrimSpace(want.Reason) == "" {
		return fault.New(fault.Invalid, "tfops lock "+want.Workspace+" -m REASON",
			"a lock needs a reason that others can read")
	}
	for _, h := range held {
		if h.Run != "" && h.Run == want.Run {
			continue
		}
		return fault.New(fault.Conflict, h.Remedy(), "the state of workspace %s is %s", want.Workspace, h)
	}
	return nil
}

// Release says whether a person may give up the lock. Whoever holds it may;
// another person needs a reason, which is recorded; a run's lock ends with
// the run.
func Release(l Lock, person, reason string) error {
	switch {
	case l.Run != "":
		return fault.New(fault.Conflict, "tfops show "+l.Run,
			"the state of workspace %s is held by run %s: a run's lock ends with the run; cancel it while it "+
				"applies, resolve it when it was interrupted", l.Workspace, l.Run)
	case l.Person != person && strings.TrimSpace(reason) == "":
		return fault.New(fault.Invalid, "tfops unlock "+l.Workspace+" -m REASON",
			"%s holds this lock: to take it from them, say why", l.Person)
	}
	return nil
}

// Learn takes account of the state of a run that became known, or became another one: what is
// held on it counts from now on. own is what the run's decision saw so far, held what lies on
// the state. A lock that lay under the workspace for want of a state moves to it, if it is free,
// so that other workspaces of the same state meet the lock.
func Learn(own, held []Lock, old, state string) ([]Lock, error) {
	if state == "" {
		return own, nil
	}
	own = slices.Clone(own)
	for i, l := range own {
		if len(held) > 0 && l.State == state {
			return own, Take(held, l) // taken without having seen who holds it
		}
		if len(held) == 0 && old == "" && len(own) == 1 {
			own[i].State = state
		}
	}
	return append(own, held...), nil
}

// Follows reports whether a lock on a state goes with a workspace that moves to another state,
// as with a commit that changes the backend: a person's lock does, who meant the workspace and
// could not give up a lock that nothing leads to.
func (l Lock) Follows(workspace string) bool { return l.Person != "" && l.Workspace == workspace }

// Follow moves such a lock, which is among those that are held or not, to its workspace.
func Follow(held []Lock, l Lock) []Lock {
	held = slices.DeleteFunc(slices.Clone(held), func(o Lock) bool { return o.State == l.State })
	l.State = ForWorkspace(l.Workspace)
	if !slices.ContainsFunc(held, func(o Lock) bool { return o.State == l.State }) {
		held = append(held, l)
	}
	return held
}
