package show

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/term"
)

// Changes says what a plan would do in a few words.
func Changes(p *api.Plan) string {
	if p == nil {
		return ""
	}
	var parts []string
	for _, c := range []struct {
		n    int
		what string
	}{
		{p.Add, "add"}, {p.Change, "change"}, {p.Delete, "destroy"}, {p.Replace, "replace"},
		{p.Import, "import"}, {p.Move, "move"}, {p.Forget, "forget"}, {p.Accept, "accept"},
	} {
		if c.n > 0 {
			parts = append(parts, fmt.Sprintf("%d to %s", c.n, c.what))
		}
	}
	switch {
	case len(parts) == 0 && p.Outputs > 0:
		return Counted(p.Outputs, "output") + " to change"
	case len(parts) == 0 && p.Changes:
		return "changes"
	case len(parts) == 0:
		return "no changes"
	}
	return strings.Join(parts, ", ")
}

// Status is a run's status with why it ended so.
func Status(r api.Run) string {
	if r.Reason != "" {
		return r.Status + " (" + r.Reason + ")"
	}
	return r.Status
}

// HasEnded reports whether a run of this status never changes again.
func HasEnded(status string) bool { return run.Status(status).Terminal() }

// approvers lists who said yes.
func approvers(r api.Run) string {
	var names []string
	for _, v := range r.Approvals {
		if v.Yes {
			names = append(names, v.Voter)
		}
	}
	return strings.Join(names, ", ")
}

// Kind is what kind of run it is, and that nobody asked for it where it
// puts drift back by itself.
func Kind(r api.Run) string {
	if r.Trigger.Cause == "heal" {
		return r.Kind + " (heal)"
	}
	return r.Kind
}

// Took is how long a run that has ended was worked on.
func Took(r api.Run) string {
	if r.StartedAt == nil || r.FinishedAt == nil {
		return ""
	}
	worked := r.FinishedAt.Sub(*r.StartedAt)
	if r.PlannedAt != nil { // waiting for people is no work
		worked = r.PlannedAt.Sub(*r.StartedAt)
		if r.ApplyStartedAt != nil {
			worked += r.FinishedAt.Sub(*r.ApplyStartedAt)
		}
	}
	return term.Duration(worked.Round(time.Millisecond))
}

// Runs lists runs.
func Runs(p *term.Printer, list []api.Run) {
	if len(list) == 0 {
		p.Notef("There are no such runs.")
		return
	}
	var rows [][]term.Cell
	for _, r := range list {
		rows = append(rows, tinted(term.Cells(r.ID, r.Workspace, Kind(r), Status(r), Changes(r.Plan),
			ShortCommit(r.Commit.SHA),
			Subject(r.Commit.Message), ago(p, &r.CreatedAt), Took(r)), 3, Tone(r.Status)))
	}
	Table(p, []string{"RUN", "WORKSPACE", "KIND", "STATUS", "PLAN", "COMMIT", "SUBJECT", "CREATED", "TOOK"}, rows)
}

// History lists the applies of a workspace.
func History(p *term.Printer, name string, list []api.Run) {
	if len(list) == 0 {
		p.Notef("Nothing has been applied to workspace %s yet.", name)
		return
	}
	var rows [][]term.Cell
	for _, r := range list {
		rows = append(rows, tinted(term.Cells(ago(p, cmp.Or(r.FinishedAt, r.ApplyStartedAt)), r.ID, Kind(r),
			Status(r), Changes(r.Plan),
			ShortCommit(r.Commit.SHA), author(r), Subject(r.Commit.Message), approvers(r)), 3, Tone(r.Status)))
	}
	Table(p, []string{"WHEN", "RUN", "KIND", "STATUS", "PLAN", "COMMIT", "AUTHOR", "SUBJECT", "APPROVED BY"}, rows)
}

// author is who wrote the commit, and whether signatures prove who wrote all that was applied.
func author(r api.Run) string {
	if a := r.Authors; a != nil && a.Commits > 0 && a.Verified == a.Commits {
		return r.Commit.Author + " (verified)"
	}
	return r.Commit.Author
}

// Mine reports whether the asker's approval would count. A daemon that does
// not tell is taken to let everybody approve; it judges the vote anyway.
func Mine(r api.Run) bool { return r.CanApprove == nil || *r.CanApprove }

// Approvals lists plans that wait for an approval: those that the asker may approve, and
// the others.
func Approvals(p *term.Printer, list []api.Run) {
	others := slices.IndexFunc(list, func(r api.Run) bool { return !Mine(r) })
	if others < 0 {
		others = len(list)
	}
	if others == 0 {
		p.Notef("Nothing waits for your approval.")
	} else {
		approvalTable(p, list[:others], "WAITING FOR", func(r api.Run) string { return r.WaitingFor })
		p.Notef("Look at one: tfops show %[1]s\nApprove it:  tfops approve %[1]s", list[0].ID)
	}
	if others < len(list) {
		p.Printf("")
		p.Heading("Waiting for others")
		approvalTable(p, list[others:], "WHY NOT YOU", func(r api.Run) string { return r.CannotApproveBecause })
	}
}

func approvalTable(p *term.Printer, list []api.Run, column string, value func(api.Run) string) {
	var rows [][]term.Cell
	for _, r := range list {
		rows = append(rows, term.Cells(r.ID, r.Workspace, Kind(r), Changes(r.Plan), ShortCommit(r.Commit.SHA),
			r.Commit.Author,
			Subject(r.Commit.Message), ago(p, r.PlannedAt), ago(p, r.ExpiresAt), value(r)))
	}
	Table(p, []string{"RUN", "WORKSPACE", "KIND", "PLAN", "COMMIT", "AUTHOR", "SUBJECT", "PLANNED", "EXPIRES",
		column}, rows)
}
