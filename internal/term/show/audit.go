package show

import (
	"cmp"
	"fmt"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/term"
)

// Audit lists what was done.
func Audit(p *term.Printer, list []api.Audit) {
	if len(list) == 0 {
		p.Notef("Nothing was done.")
		return
	}
	var rows [][]term.Cell
	for _, d := range list {
		rows = append(rows, term.Cells(When(d.At), who(d), d.Via, d.Action, d.Workspace, d.Run, why(d)))
	}
	Table(p, []string{"TIME", "WHO", "VIA", "WHAT", "WORKSPACE", "RUN", "WHY"}, rows)
}

// who is the actor, and who logged in if that is somebody else.
func who(a api.Audit) string {
	if a.LoginUID == "" || a.LoginUID == a.UID {
		return a.Actor
	}
	return a.Actor + " (logged in as " + cmp.Or(a.Login, a.LoginUID) + ")"
}

// why is the reason of an act, or why it was refused.
func why(a api.Audit) string {
	text := a.Reason
	if !a.Allowed {
		text = "refused: " + a.Refused
	}
	if a.Unrecorded > 0 {
		text += fmt.Sprintf(" (and %d more before it)", a.Unrecorded)
	}
	return text
}
