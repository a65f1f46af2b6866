package show

import (
	"fmt"
	"strings"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/term"
)

// Fleet shows all of a status; workspaces may have been left out of it, and there are all.
func Fleet(p *term.Printer, s api.Status, all int) {
	trouble(p, s)
	for _, stray := range s.Strays {
		strayRun(p, stray)
	}
	for _, t := range s.Notify {
		undelivered(p, t)
	}
	for _, g := range s.Generators {
		for _, problem := range g.Problems {
			p.Warning(problem.Where+": "+problem.Message, problem.Next)
		}
	}
	switch {
	case len(s.Workspaces) > 0:
		fleetTable(p, s.Workspaces)
		p.Notef("%s", fleetSummary(s.Workspaces, all))
	case all > 0:
		p.Notef("None of %s fits.", Counted(all, "workspace"))
	}
}

// trouble names what concerns more than one workspace.
func trouble(p *term.Printer, s api.Status) {
	if s.Config.Error != "" {
		p.Warning(fmt.Sprintf("the configuration %s is not in force, the one read %s is: %s",
			s.Config.Path, p.Ago(s.Config.LoadedAt), s.Config.Error), "correct the file; tfops validate checks it")
	}
	if b := s.Sandbox; b != nil && b.Note != "" {
		p.Warning("sandbox "+b.Level+": "+b.Note, "tfops doctor")
	}
	for _, r := range s.Repositories {
		if r.Note != "" {
			p.Notef("Repository %s: %s.", r.Name, r.Note)
		}
		if r.Error == "" {
			continue
		}
		last := "it was never read"
		if r.PolledAt != nil {
			last = "it was last read " + p.Ago(*r.PolledAt)
		}
		p.Warning("repository "+r.Name+" cannot be read ("+Counted(r.Failures, "failure")+", "+last+"): "+r.Error,
			r.Next)
	}
	for _, l := range s.LeftBehind {
		stays := "what it began to apply may be there"
		if l.AppliedAt != nil {
			stays = "what it applied " + p.Ago(*l.AppliedAt) + " is still there"
		}
		p.Warning("the configuration has no workspace "+l.Name+" any more, and "+stays+": nobody checks it for drift",
			"write it again under that name; tfops destroy "+l.Name+" then takes down what it has")
	}
	for _, d := range s.Damage {
		p.Warning(fmt.Sprintf("a record of the store was damaged and set aside %s: %s: %s",
			p.Ago(d.At), strings.TrimSpace(d.Bucket+" "+d.Key), d.Why),
			"compare what is applied with the state, then tfops resume each workspace that is suspended for it; "+
				"look at the disk")
	}
}

// strayRun warns of the directory of a run that the store does not know.
func strayRun(p *term.Printer, s api.Stray) {
	text := "the store does not know run " + s.Run + ", whose directory is kept: " + s.Dir
	next := "look at it, then move it away and start tfops serve again"
	if s.State != "" {
		text += "; in it lies a state that an apply could not save"
		next = "tfops decrypt " + s.State +
			" > errored.tfstate; put it into the backend, then move the directory away and start tfops serve again"
	}
	if len(s.PIDs) > 0 {
		text += fmt.Sprintf("; process %d of it was still running when the daemon started", s.PIDs[0])
	}
	p.Warning(text, next)
}

// undelivered warns of notifications that do not arrive.
func undelivered(p *term.Printer, t api.NotifyTarget) {
	switch {
	case t.Dead > 0 && t.Failing: // the error may be of either
		p.Warning(fmt.Sprintf("notify %s: %d given up and %d waiting, the error of one: %s", t.Name, t.Dead,
			t.Waiting, t.LastError),
			"tfops notify dead")
	case t.Dead > 0:
		p.Warning(fmt.Sprintf("notify %s: %d given up, last: %s", t.Name, t.Dead, t.LastError), "tfops notify dead")
	case t.Failing:
		p.Warning(fmt.Sprintf("notify %s: %d waiting, tried in vain: %s", t.Name, t.Waiting, t.LastError),
			"tfops notify")
	}
}

func fleetTable(p *term.Printer, workspaces []api.Workspace) {
	var rows [][]term.Cell
	for _, w := range workspaces {
		row := term.Cells(w.Name, w.Sync, w.Drift, ShortCommit(w.DesiredCommit), appliedText(w),
			ago(p, w.LastCheckedAt), w.WaitingFor)
		rows = append(rows, tinted(tinted(row, 1, Tone(w.Sync)), 2, Tone(w.Drift)))
	}
	Table(p, []string{"WORKSPACE", "SYNC", "DRIFT", "DESIRED", "APPLIED", "LAST CHECK", "WAITING FOR"}, rows)
}

func appliedText(w api.Workspace) string {
	if w.Destroyed {
		return "destroyed"
	}
	return ShortCommit(w.AppliedCommit)
}

// SyncWords are how far a workspace may be from what Git says, the usual ones first.
var SyncWords = []string{"synced", "pending", "out_of_sync", "errored", "unknown", "orphaned"}

// fleetSummary counts the workspaces of each kind.
func fleetSummary(workspaces []api.Workspace, all int) string {
	counts := map[string]int{}
	for _, w := range workspaces {
		counts[w.Sync]++
		switch {
		case w.Drift == "drifted":
			counts["drifted"]++
		case mayHaveDrifted(w):
			counts["unchecked"]++
		}
	}
	var parts []string
	for _, word := range append(SyncWords[:len(SyncWords):len(SyncWords)], "drifted", "unchecked") {
		if n := counts[word]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, word))
		}
	}
	text := Counted(len(workspaces), "workspace")
	if len(workspaces) < all {
		text = fmt.Sprintf("%d of %s", len(workspaces), Counted(all, "workspace"))
	}
	return text + ": " + strings.Join(parts, ", ") + "."
}

// mayHaveDrifted reports whether a workspace has something applied of which
// nobody knows whether it is still so.
func mayHaveDrifted(w api.Workspace) bool {
	return w.Drift == "unknown" && w.AppliedCommit != "" && !w.Destroyed
}
