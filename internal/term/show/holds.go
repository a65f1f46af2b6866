package show

import (
	"strings"
	"time"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/term"
)

// Locks lists holds on states, and who waits for them.
func Locks(p *term.Printer, list []api.Lock) {
	if len(list) == 0 {
		p.Notef("Nothing is locked.")
		return
	}
	var rows [][]term.Cell
	for _, l := range list {
		rows = append(rows, term.Cells(l.Workspace, l.Holder, ago(p, &l.Since), l.Reason,
			strings.Join(l.Waiting, ", "), l.State))
	}
	Table(p, []string{"WORKSPACE", "HOLDER", "SINCE", "REASON", "WAITING", "STATE"}, rows)
	for _, l := range list {
		if l.Backend {
			p.Notef("%s: %s", l.Workspace, l.Next)
		}
	}
}

// Suspended says that the applies of a workspace are suspended, and until when.
func Suspended(p *term.Printer, w api.Workspace) {
	var until *time.Time
	if w.Suspended != nil {
		until = w.Suspended.Until
	}
	p.Printf("Suspended the applies of workspace %s %s.", w.Name, lasts(p, until, "until it is resumed"))
	p.Notef("To let them go on: tfops resume %s", w.Name)
}

// lasts says how long something goes on that may have no end of its own.
func lasts(p *term.Printer, until *time.Time, otherwise string) string {
	if until == nil {
		return otherwise
	}
	return stretch(p, *until)
}

// stretch says how long something goes on, and until when: "for 2h, until
// 02:17 UTC", with the date unless that is today's.
func stretch(p *term.Printer, until time.Time) string {
	now := p.Now()
	form := "2006-01-02 15:04 MST"
	if until = until.In(now.Location()); until.Format(time.DateOnly) == now.Format(time.DateOnly) {
		form = "15:04 MST"
	}
	unit := time.Minute
	if until.Sub(now) < 2*time.Minute {
		unit = time.Second
		form = strings.Replace(form, "15:04", "15:04:05", 1)
	}
	left := term.Duration(max(until.Sub(now).Round(unit), time.Second))
	for _, none := range []string{"00s", "00m", "00h"} {
		left = strings.TrimSuffix(left, none)
	}
	return "for " + left + ", until " + until.Format(form)
}

// Locked says that a person holds the state of a workspace.
func Locked(p *term.Printer, w api.Workspace) {
	p.Printf("Locked the state of workspace %s.", w.Name)
	p.Notef("To give it up: tfops unlock %s", w.Name)
}

// Unlocked says that the state of a workspace is free.
func Unlocked(p *term.Printer, w api.Workspace) {
	p.Printf("Unlocked the state of workspace %s.", w.Name)
}

// Resumed says that the applies of a workspace go on.
func Resumed(p *term.Printer, w api.Workspace) {
	p.Printf("The applies of workspace %s go on.", w.Name)
}
