package run

import (
	"fmt"

	"github.com/tfops/tfops/internal/workspace"
)

// NewState says that a plan stands on another state than the one that the
// workspace was applied to: whatever the old one holds would be left behind,
// and made anew.
type NewState struct {
	From workspace.StateRef `json:"from"`
	To   workspace.StateRef `json:"to"`
	// Was is the old name of a workspace that seems to be renamed; its state is From.
	Was string `json:"was,omitempty"`
	// Why says what is wrong with To where both are in one place: it is not what was applied.
	Why string `json:"why,omitempty"`
}

// String says what happened, in a sentence.
func (n NewState) String() string {
	if n.Was != "" {
		return fmt.Sprintf("its state is new (%s, with %s), while workspace %s, which the configuration does not have "+
			"any more, was applied from the same code: its state (%s) holds %s and would be left behind; if it is the "+
			"same workspace, say so: renamed_from = %q", n.To, n.To.Holds(), n.Was, n.From, n.From.Holds(), n.Was)
	}
	if n.Why != "" {
		return fmt.Sprintf("its state (%s) is not what was applied, with %s: %s", n.To, n.From.Holds(), n.Why)
	}
	return fmt.Sprintf("its state is not the one that was applied: that was %s, with %s; this one is %s, with %s",
		n.From, n.From.Holds(), n.To, n.To.Holds())
}

// WayOut is one way to go on, with its command or what to write.
type WayOut struct {
	What    string `json:"what"`
	Command string `json:"command"`
}

// Ways lists what a person can do about the run that stands on a new state.
func (n NewState) Ways(r Run) []WayOut {
	accept := WayOut{"leave the old state behind, on purpose", AcceptCommand(r.ID)}
	if n.Why != "" {
		accept.What = "go on with the state as it is, on purpose"
		return []WayOut{
			{"put it right where it is (most backends keep old versions), then plan anew", "tfops sync " + r.Workspace},
			{"put a copy in its place", "tfops state import " + r.Workspace + " FILE --replace -m WHY"}, accept,
		}
	}
	ways := []WayOut{{"take the state along", "tfops state move " + r.Workspace}}
	back := "revert what moved it: the backend in the code, or the change in tfops.hcl"
	if n.Was != "" {
		ways = append(ways, WayOut{"take history and findings along, too",
			fmt.Sprintf("write renamed_from = %q into workspace %s in tfops.hcl", n.Was, r.Workspace)})
		back = fmt.Sprintf("call the workspace %s again in tfops.hcl", n.Was)
	}
	return append(ways, accept, WayOut{"go back", back})
}

// AcceptCommand approves a run that stands on a new state.
func AcceptCommand(id string) string { return "tfops approve " + id + " --accept-new-state -m WHY" }
