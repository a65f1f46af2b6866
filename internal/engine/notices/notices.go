// Package notices words what people are told of runs and findings, and says who wants it.
package notices

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/codelink"
	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/drift/report"
	"github.com/tfops/tfops/internal/drift/report/documents"
	"github.com/tfops/tfops/internal/drift/report/wording"
	"github.com/tfops/tfops/internal/engine/decide"
	"github.com/tfops/tfops/internal/engine/settings"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/natural"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// Run turns what a decision did to a run, and to the findings of its
// workspace, into notices, in the transaction of the decision.
func Run(s *settings.Settings, d *run.Tx) error {
	if s.Wants == nil {
		d.Notices = nil
		return nil
	}
	def, _ := s.Find(d.Run.Workspace)
	for _, ev := range d.Events {
		if n, ok := runNotice(d, def, s, ev); ok {
			d.Tell(n)
		}
	}
	if len(d.Moved) > 0 {
		findings, err := d.Findings()
		if err != nil {
			return err
		}
		code := place{s.Repositories[def.Repository].Links, d.Run.Commit.SHA}
		for _, n := range driftNotices(d.Run.Workspace, d.Moved, findings, code) {
			d.Tell(n)
		}
	}
	d.Notices = addressed(s, d.Notices, def)
	return nil
}

// Workspace is announce for what concerns a workspace without a run.
func Workspace(s *settings.Settings, h *run.WorkspaceTx) error {
	if s.Wants == nil || len(h.Moved) == 0 {
		return nil
	}
	findings, err := h.Findings()
	if err != nil {
		return err
	}
	def, _ := s.Find(h.Record.Name)
	code := place{s.Repositories[def.Repository].Links, h.Record.Applied}
	for _, n := range driftNotices(h.Record.Name, h.Moved, findings, code) {
		h.Tell(n)
	}
	h.Notices = addressed(s, h.Notices, def)
	return nil
}

// addressed fills in who wants the notices, and leaves out those that nobody does.
func addressed(s *settings.Settings, notices []run.Notice, def fleet.Definition) []run.Notice {
	var out []run.Notice
	for _, n := range notices {
		n.Repository, n.Labels = def.Repository, def.Labels
		if n.Targets = s.Wants(n); len(n.Targets) > 0 {
			out = append(out, n)
		}
	}
	return out
}

// runNotice is what people are told of a move of a run. What is replaced by
// another run at once, and speculative plans, are of no interest to others.
func runNotice(d *run.Tx, def fleet.Definition, s *settings.Settings, ev run.Event) (run.Notice, bool) {
	r := d.Run
	if !r.Kind.Applies() || ev.To == "" || ev.To.Terminal() && len(d.Follows) > 0 && ev.To != run.Applied {
		return run.Notice{}, false
	}
	n := run.Notice{Text: about(r, s.Repositories[def.Repository].Links), Command: "tfops show " + r.ID}
	what := r.Workspace + ": " + string(r.Kind)
	switch ev.To {
	case run.AwaitingApproval:
		n.Kind, n.Command = run.NoticeAwaitingApproval, "tfops approve "+r.ID
		n.Title = what + " awaits approval: " + changes(r)
		n.Text = "waits for " + approvals.Decide(decide.CaseOf(&def, s.People, &r, d.Votes)).Missing() + "\n" + n.Text
	case run.Applied:
		n.Kind, n.Title = run.NoticeApplied, what+" applied: "+changes(r)
		if r.Trigger.Cause == run.ByHeal {
			n.Kind, n.Title = run.NoticeHealed, r.Workspace+": drift was put back: "+changes(r)
		}
	case run.Errored:
		n.Kind, n.Title = run.NoticeErrored, what+" failed"
		if r.Failure != nil {
			n.Title, n.Command = n.Title+": "+r.Failure.Message, cmp.Or(commandIn(r.Failure.Next), n.Command)
			n.Text = whole(r.Failure.Message, n.Text)
		}
	case run.Interrupted:
		n.Kind, n.Title, n.Command = run.NoticeInterrupted,
			what+" was interrupted in the middle of its apply, and its outcome is not known", decide.MendCommand(&r)
		if r.Failure != nil {
			n.Text = r.Failure.Message + "\n" + n.Text
		}
	case run.Discarded:
		if r.Reason == run.Superseded {
			return n, false
		}
		why := ev.Text
		if !strings.HasPrefix(why, string(r.Reason)) {
			why = string(r.Reason) + ": " + why
		}
		n.Kind, n.Title, n.Command = run.NoticeDiscarded, what+" was discarded, "+why, decide.RetryCommand(r)
		n.Text = whole(ev.Text, n.Text)
	default:
		return n, false
	}
	return n, true
}

// changes is what a run's plan does, in a few words.
func changes(r run.Run) string {
	if r.Kind == run.Refresh {
		return count(len(r.Plan.Addresses), "resource") + " to accept into the state"
	}
	return r.Plan.Counts.String()
}

// whole puts a message before a text where a title has room for the first line
// of it only.
func whole(message, text string) string {
	if message = strings.TrimSpace(message); strings.Contains(message, "\n") {
		return message + "\n" + text
	}
	return text
}

// commandIn is the text if it is a command that can be typed, and not a sentence
// that begins with one.
func commandIn(next string) string {
	if strings.HasPrefix(next, "tfops ") && !strings.ContainsAny(next, ",;:`\n") {
		return next
	}
	return ""
}

// about tells whose change a run is of.
func about(r run.Run, links codelink.Templates) string {
	subject, _, _ := strings.Cut(strings.TrimSpace(r.Commit.Message), "\n")
	text := "commit " + workspace.ShortCommit(r.Commit.SHA)
	if r.Commit.Author.Name != "" {
		text += " by " + r.Commit.Author.Name
	}
	if subject != "" {
		text += ": " + subject
	}
	if page := links.CommitURL(r.Commit.SHA); page != "" {
		text += "\n" + page
	}
	if r.Trigger.Actor != "" {
		text += "\nasked for by " + r.Trigger.Actor
	}
	return text
}

// maxTold is how many findings a notice lists.
const maxTold = 10

// driftNotices are what people are told of findings that moved on.
func driftNotices(name string, moved []drift.Event, findings []drift.Finding, code place) []run.Notice {
	byID := map[string]drift.Finding{}
	for _, f := range findings {
		byID[f.ID] = f
	}
	var fresh, gone []drift.Finding
	var out []run.Notice
	for _, ev := range moved {
		f := byID[ev.Finding]
		appeared := ev.To == drift.New || ev.To == drift.Recurring
		switch {
		case f.Class == drift.Unchecked && appeared:
			out = append(out, run.Notice{Kind: run.NoticeDriftUnchecked, Severity: string(f.Severity), Title: name +
				" could not be checked for drift",
				Text: strings.Join(f.Problems, "\n"), Command: drift.CheckCommand(name, "--wait")})
		case f.Class == drift.Unchecked, f.Class == drift.PendingCommit, ev.From == drift.Ignored &&
			ev.To == drift.Resolved:
		case appeared:
			fresh = append(fresh, f)
		case ev.To == drift.Resolved:
			gone = append(gone, f)
		}
	}
	// What differs in another way now is told as that, and is not gone.
	gone = slices.DeleteFunc(gone, func(g drift.Finding) bool {
		return slices.ContainsFunc(fresh, func(f drift.Finding) bool { return f.Address == g.Address })
	})
	if len(fresh) > 0 {
		n := listed(fresh, code)
		n.Kind, n.Title, n.Command = run.NoticeDriftNew, fmt.Sprintf("%s drifted: %s, the worst %s", name,
			count(len(fresh), "new finding"), n.Severity), "tfops drift findings "+name
		out = append(out, n)
	}
	if len(gone) > 0 {
		n := listed(gone, code)
		n.Kind, n.Title, n.Command = run.NoticeDriftResolved,
			fmt.Sprintf("%s: %s resolved", name, count(len(gone), "finding")), "tfops drift findings "+name+
				" --life resolved"
		out = append(out, n)
	}
	return out
}

// listed is a notice with findings as its text, worst first.
func listed(findings []drift.Finding, code place) run.Notice {
	slices.SortStableFunc(findings, func(a, b drift.Finding) int {
		return cmp.Or(a.Severity.Compare(b.Severity), natural.Compare(a.Address, b.Address))
	})
	var lines []string
	for i, f := range findings {
		if i == maxTold {
			lines = append(lines, fmt.Sprintf("and %d more", len(findings)-maxTold))
			break
		}
		lines = append(lines, code.tells(f))
	}
	return run.Notice{Severity: string(findings[0].Severity), Text: strings.Join(lines, "\n")}
}

// place is where the code of findings is looked at: by whoever has no shell, too.
type place struct {
	links  codelink.Templates
	commit string // that is applied
}

// tells says of a finding how bad it is, what it is, whose and where.
func (p place) tells(f drift.Finding) string {
	line := fmt.Sprintf("%s: %s %s", f.Severity, f.Address, wording.Class(f.Class))
	if f.Life == drift.Resolved {
		line = fmt.Sprintf("%s: %s resolved (%s)", f.Severity, f.Address, wording.Class(f.Class))
		if f.ResolvedBy != "" {
			line += " by run " + f.ResolvedBy
		}
	}
	if len(f.Owners) > 0 {
		line += ", owned by " + wording.List(f.Owners)
	}
	page := p.links.FileURL(p.commit, f.File, f.Line)
	if page == "" && f.File != "" && f.Line > 0 {
		page = fmt.Sprintf("%s:%d", f.File, f.Line)
	}
	if page != "" {
		line += ", " + page
	}
	return line
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// HealStopped tells that healing gave up.
func HealStopped(d *run.Tx, why string) {
	d.Tell(run.Notice{Kind: run.NoticeHealStopped, Severity: string(drift.High), Title: d.Run.Workspace +
		" is not healed any more: " + why,
		Text: "Something puts the drift back. Look for it, or change the code; healing goes on once a check does " +
			"not find it, or a day after the first of these heals.", Command: "tfops drift findings " +
			d.Run.Workspace})
}

// ReportText is a report for those who get no more of it than a message: what
// cannot be read, what is unchecked, then what is open, worst first.
func ReportText(r *report.Report) string {
	var lines []string
	for _, u := range r.Unreadable {
		lines = append(lines, fmt.Sprintf("unreadable: repository %s, %s", u.Name, u.Why))
	}
	var open []report.Finding
	at := map[string]string{} // workspaces by finding
	for _, s := range r.Workspaces {
		if s.Outcome == drift.NotChecked {
			lines = append(lines, "unchecked: "+s.Name+", "+s.Why)
		}
		for _, f := range s.Findings {
			at[f.ID] = s.Name
			if f.Life != drift.Acknowledged && f.Class != drift.Unchecked {
				open = append(open, f)
			}
		}
	}
	slices.SortStableFunc(open, func(a, b report.Finding) int { return a.Severity.Compare(b.Severity) })
	for _, f := range open {
		line := fmt.Sprintf("%s: %s in %s %s", f.Severity, f.Address, at[f.ID], wording.Class(f.Class))
		if f.New {
			line += ", new"
		}
		if len(f.Owners) > 0 {
			line += ", owned by " + wording.List(f.Owners)
		}
		if where := cmp.Or(f.URL, documents.Place(&f)); where != "" {
			line += ", " + where
		}
		lines = append(lines, line)
	}
	if more := len(lines) - maxTold; more > 0 {
		lines = append(lines[:maxTold], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(lines, "\n")
}
