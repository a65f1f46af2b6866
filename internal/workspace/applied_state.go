package workspace

import (
	"fmt"
	"path"
	"strings"
	"time"
)

// StateRef is a state as tfops met it: what names it, where it is in words
// that people know, and how much it holds. It never holds a credential.
type StateRef struct {
	Identity  string `json:"identity"`          // see package locks
	Backend   string `json:"backend,omitempty"` // "s3", "local", …; "managed" for a state that tfops keeps
	Place     string `json:"place,omitempty"`   // for people
	Resources int    `json:"resources"`         // managed resource instances in it
	Counted   bool   `json:"counted,omitempty"` // false: nobody knows how many resources it holds
}

// Managed is the backend of a state that tfops keeps.
const Managed = "managed"

// String says where the state is.
func (s StateRef) String() string {
	if s.Place == "" {
		return s.Identity
	}
	return s.Place
}

// Holds says how many resources are in the state.
func (s StateRef) Holds() string {
	switch {
	case !s.Counted:
		return "an unknown number of resources"
	case s.Resources == 0:
		return "no resources"
	case s.Resources == 1:
		return "1 resource"
	}
	return fmt.Sprintf("%d resources", s.Resources)
}

// AppliedState is the state that a workspace was applied to last. A plan that
// stands on any other would leave what it holds behind.
type AppliedState struct {
	StateRef
	StateMark        // as it was left by the last apply; of one in a backend as far as it is known
	Behind    string `json:"behind,omitempty"` // why it does not hold all that was applied
	Commit    string `json:"commit,omitempty"` // whose code leads to the state
	At        Place  `json:"at"`               // of the workspace then: what a workspace with another name may share
}

// Changed says why a state in the same place is not what became of the one that was applied;
// "" when it is. Somebody may have removed it, or put back an old version of it. held is how
// many managed instances are in it, those that are gone from the world among them; -1 when
// that is not known. Nothing is missed of one that held nothing.
func (s AppliedState) Changed(is StateMark, held int) string {
	switch {
	case s.Counted && s.Resources == 0:
		return ""
	case held == 0 && (s.Counted || is.Lineage != s.Lineage): // not of one that the first apply failed on
		return "it holds nothing"
	case s.Backend == Managed || s.Lineage == "" || is.Lineage == "": // a managed one is held against its file
		return ""
	case is.Lineage != s.Lineage:
		return fmt.Sprintf("it is another state: its lineage is %s, and %s was applied", is.Lineage, s.Lineage)
	case is.Serial+1 < s.Serial, is.Serial < s.Serial && held >= 0 && s.Counted && held != s.Resources:
		// An apply that changes nothing in the state does not count it up, and is recorded as if it had.
		return fmt.Sprintf("it is older than what was applied: its serial is %d, and that was %d", is.Serial, s.Serial)
	}
	return ""
}

// Place is where the code of a workspace lies, whatever its name.
type Place struct {
	Repository         string `json:"repository,omitempty"`
	Branch             string `json:"branch,omitempty"`
	Dir                string `json:"dir,omitempty"`
	TerraformWorkspace string `json:"terraform_workspace,omitempty"`
}

// Place is where the code of the workspace lies.
func (w Workspace) Place() Place {
	p := Place{w.Repository, w.Branch, path.Clean(w.Dir), w.TerraformWorkspace}
	if p.TerraformWorkspace == "" {
		p.TerraformWorkspace = "default"
	}
	return p
}

// StateMark tells one version of a state from another.
type StateMark struct {
	Serial  uint64 `json:"serial,omitempty"`
	Lineage string `json:"lineage,omitempty"`
	Digest  string `json:"digest,omitempty"` // "sha256:…" of the file
}

// StateTrouble says that a managed state is not what was applied. Nothing that
// may be applied is planned until somebody has restored it.
type StateTrouble struct {
	Why      string    `json:"why"`
	Snapshot string    `json:"snapshot,omitempty"` // the newest that is whole
	Holds    string    `json:"holds,omitempty"`    // what is in that, for people
	Since    time.Time `json:"since"`
}

// String says what is wrong, and what there is to restore.
func (t StateTrouble) String() string {
	if t.Snapshot == "" {
		return t.Why + "; there is no whole snapshot of it"
	}
	return t.Why + "; the newest whole snapshot is " + t.Snapshot + " (" + t.Holds + ")"
}

// Command restores the state.
func (t StateTrouble) Command(workspace string) string { return "tfops state restore " + workspace }

// LastState is the state that was applied to last; nil when nothing was
// applied. Records of older versions say only which state was planned last.
func (r Record) LastState() *AppliedState {
	switch {
	case r.AppliedState != nil:
		return r.AppliedState
	case r.State != "" && r.MayStand():
		return &AppliedState{StateRef: StateRef{Identity: r.State}}
	}
	return nil
}

// ManagedState is the managed state that was applied; false when it was in a backend.
func (r Record) ManagedState() (AppliedState, bool) {
	s := r.LastState()
	if s == nil || s.Backend != Managed && !strings.HasPrefix(s.Identity, Managed+":") {
		return AppliedState{}, false
	}
	return *s, true
}
