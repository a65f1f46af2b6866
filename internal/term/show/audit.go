package show

import (
	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/term"
)

// Audit lists decisions.
func Audit(p *term.Printer, list []api.Audit) {
	if len(list) == 0 {
		p.Notef("No decision was made yet.")
		return
	}
	var rows [][]term.Cell
	for _, d := range list {
		rows = append(rows, term.Cells(When(d.At), d.Actor, d.Via, d.Action, d.Workspace, d.Run, d.Reason))
	}
	Table(p, []string{"TIME", "WHO", "VIA", "WHAT", "WORKSPACE", "RUN", "WHY"}, rows)
}
