package show

import (
	"strconv"
	"strings"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/term"
)

// Targets lists whom tfops tells what, and how that goes.
func Targets(p *term.Printer, all []api.NotifyTarget) {
	if len(all) == 0 {
		p.Notef("Nobody is told anything: the configuration has no notify block.")
		return
	}
	var rows [][]term.Cell
	dead := false
	for _, t := range all {
		on := "everything"
		if len(t.On) > 0 {
			on = strings.Join(t.On, " ")
		}
		row := term.Cells(t.Name, t.Place, strconv.Itoa(t.Waiting), strconv.Itoa(t.Dead), on, t.LastError)
		if t.Dead > 0 {
			row, dead = tinted(row, 3, term.Bad), true
		}
		rows = append(rows, row)
	}
	Table(p, []string{"NAME", "PLACE", "WAITING", "DEAD", "ON", "LAST ERROR"}, rows)
	if dead {
		p.Notef("What was given up: tfops notify dead")
	}
}

// Dead lists deliveries that were given up.
func Dead(p *term.Printer, dead []api.Delivery) {
	if len(dead) == 0 {
		p.Notef("Nothing was given up.")
		return
	}
	var rows [][]term.Cell
	for _, d := range dead {
		rows = append(rows, term.Cells(d.ID, d.Target, d.Kind, When(d.At), d.Title, d.LastError))
	}
	Table(p, []string{"DELIVERY", "TARGET", "KIND", "OF", "WHAT", "ERROR"}, rows)
	p.Notef("Send one again: tfops notify retry %s", dead[0].ID)
}
