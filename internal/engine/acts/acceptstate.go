package acts

import (
	"fmt"
	"strings"

	"github.com/tfops/tfops/internal/access"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/run"
)

// acceptState refuses a yes to a run that leaves a state behind, unless the
// voter says that this is meant, and why.
func acceptState(d *run.Tx, a access.Actor, b Ballot) error {
	n := d.Run.NewState
	switch {
	case !b.Yes:
		return nil
	case n == nil && b.AcceptNewState:
		return fault.New(fault.Invalid, "tfops approve "+d.Run.ID,
			"run %s stands on the state that was applied: there is no new one to accept", d.Run.ID)
	case n == nil:
		return nil
	case !b.AcceptNewState:
		var ways []string
		for _, w := range n.Ways(d.Run) {
			ways = append(ways, w.What+": "+w.Command)
		}
		return fault.New(fault.Conflict, strings.Join(ways, "; "), "run %s cannot simply be approved: %s", d.Run.ID, n)
	case strings.TrimSpace(b.Comment) == "":
		return fault.New(fault.Invalid, run.AcceptCommand(d.Run.ID),
			"say why the old state may be left behind: it is kept with the run")
	}
	d.Audit(a, "accept-new-state", fmt.Sprintf("%s (%s)", b.Comment, n))
	return nil
}
