package offline

import (
	"slices"
	"strconv"
	"strings"

	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/audit"
	"github.com/tfops/tfops/internal/locks"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/term"
	"github.com/tfops/tfops/internal/term/show"
	"github.com/tfops/tfops/internal/workspace"
)

// Print prints what a store holds for a person.
func (c Contents) Print(p *term.Printer) {
	section := func(title string, header []string, rows [][]term.Cell) {
		p.Heading(title)
		if len(rows) == 0 {
			p.Printf("  none\n")
		} else {
			show.Table(p, header, rows)
		}
		p.Printf("")
	}
	section("Workspaces", []string{"WORKSPACE", "DESIRED", "APPLIED", "DRIFT", "CHECKED", "STATE", "SUSPENDED"},
		each(c.Workspaces,
			func(w workspace.Record) []term.Cell {
				held := ""
				if w.Suspended(p.Now()) {
					held = "suspended by " + w.Suspension.By + ": " + w.Suspension.Reason
				}
				return term.Cells(w.Name, show.ShortCommit(w.Desired), show.ShortCommit(w.Applied),
					string(w.Drift.Status),
					show.When(w.Drift.CheckedAt), w.State, held)
			}))
	section("Runs", []string{"RUN", "WORKSPACE", "KIND", "STATUS", "COMMIT", "CREATED", "WHY"},
		each(c.Runs, func(r run.Run) []term.Cell {
			row := term.Cells(r.ID, r.Workspace, string(r.Kind), string(r.Status), show.ShortCommit(r.Commit.SHA),
				show.When(r.CreatedAt),
				failureText(r))
			row[3].Tone = show.Tone(string(r.Status))
			return row
		}))
	section("Locks", []string{"STATE", "HOLDER", "SINCE", "REASON"}, each(c.Locks, func(l locks.Lock) []term.Cell {
		return term.Cells(l.State, l.Holder(), show.When(l.Since), l.Reason)
	}))
	p.Heading("Audit")
	show.Table(p, []string{"TIME", "WHO", "VIA", "WHAT", "WORKSPACE", "RUN", "WHY"},
		each(c.Audit, func(d audit.Record) []term.Cell {
			return term.Cells(show.When(d.At), d.Actor, d.Via, d.Action, d.Workspace, d.Run, d.Reason)
		}))
}

// each makes a row of every one.
func each[T any](all []T, row func(T) []term.Cell) (rows [][]term.Cell) {
	for _, one := range all {
		rows = append(rows, row(one))
	}
	return rows
}

func failureText(r run.Run) string {
	if r.Failure != nil {
		return r.Failure.Message
	}
	return strings.Join(slices.DeleteFunc([]string{string(r.Reason), r.Comment},
		func(s string) bool { return s == "" }), ": ")
}

// Print prints all about a run for a person.
func (d StoredRun) Print(p *term.Printer) {
	facts := []term.KeyValue{
		{Key: "Run", Value: d.ID}, {Key: "Workspace", Value: d.Workspace}, {Key: "Kind", Value: string(d.Kind)},
		{Key: "Status", Value: string(d.Status), Tone: show.Tone(string(d.Status))},
		{Key: "Why", Value: failureText(d.Run)},
		{Key: "Commit", Value: d.Commit.SHA},
		{Key: "Asked for by", Value: strings.TrimSpace(string(d.Trigger.Cause) + " " + d.Trigger.Actor)},
		{Key: "State", Value: d.State}, {Key: "Attempt", Value: strconv.Itoa(d.Attempt)},
	}
	if pl := d.Plan; pl != nil {
		facts = append(facts, []term.KeyValue{{Key: "Plan", Value: pl.Counts.String()},
			{Key: "Digest", Value: pl.Digest}}...)
	}
	if d.Failure != nil {
		facts = append(facts, term.KeyValue{Key: "Diagnostics", Value: d.Failure.Detail})
	}
	p.KeyValues(facts)
	p.Printf("")
	show.Table(p, []string{"VOTED", "WHO", "VOTE", "PLAN", "COMMENT"},
		each(d.Votes, func(v approvals.Vote) []term.Cell {
			return term.Cells(show.When(v.At), v.Voter, show.YesNo(v.Yes), v.Digest, v.Comment)
		}))
	p.Printf("")
	show.Table(p, []string{"TIME", "STATUS", "WHO", "WHAT"}, each(d.Events, func(e run.Event) []term.Cell {
		return term.Cells(show.When(e.At), string(e.To), e.Actor, e.Text)
	}))
}

// Print says what was recovered, and what a person has to look at.
func (r Recovered) Print(p *term.Printer) {
	for _, dir := range r.Unreadable {
		p.Warning("nothing tells what run the directory "+dir+" is of; it is kept", "look into it")
	}
	for _, id := range r.Interrupted {
		p.Warning("nobody knows how the apply of run "+id+" ended; the lock on its state is kept",
			"tfops show "+id+", once tfops serve runs")
	}
	if r.Kept != "" {
		p.Notef("The damaged store is kept: %s", r.Kept)
	}
	p.Notef("Made %s: %s of %s.", r.Store, show.Counted(r.Runs, "run"), show.Counted(len(r.Workspaces), "workspace"))
	for _, name := range r.Workspaces {
		p.Printf("%s is suspended: tfops resume %s", name, name)
	}
	p.Notef("Start tfops serve, look at each workspace, and resume it.")
}
