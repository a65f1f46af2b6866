package show

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/sandbox"
	"github.com/tfops/tfops/internal/term"
	"github.com/tfops/tfops/internal/workspace"
)

// Run shows a run, with its plan unless that is nil, and with what happened to it if that
// is asked for.
func Run(p *term.Printer, r api.Run, pl *plan.Plan, events bool) {
	r = reasonsOnce(r)
	p.KeyValues(runFacts(p, r))
	if f := r.Error; f != nil {
		p.Printf("")
		p.KeyValues([]term.KeyValue{{Key: "Error", Value: f.Message, Tone: term.Bad}, {Key: "Next", Value: f.Next}})
		if f.Detail != "" {
			p.Printf("\n%s", f.Detail)
		}
	}
	if events && len(r.Events) > 0 {
		p.Printf("")
		var rows [][]term.Cell
		for _, e := range r.Events {
			rows = append(rows, tinted(term.Cells(When(e.At), e.To, e.Actor, e.Text), 1, Tone(e.To)))
		}
		Table(p, []string{"TIME", "STATUS", "WHO", "WHAT"}, rows)
	}
	if lines := Warnings(r); len(lines) > 0 {
		p.Printf("")
		p.KeyValues(lines)
	}
	if lines := progress(r); len(lines) > 0 {
		p.Printf("")
		p.KeyValues(lines)
	}
	if pl != nil {
		p.Printf("")
		p.Plan(nil, pl)
	}
}

// maxSteps is how many steps of one kind are listed.
const maxSteps = 30

// progress is how far an apply came that ended halfway.
func progress(r api.Run) (lines []term.KeyValue) {
	if r.Progress == nil {
		return nil
	}
	for _, part := range []struct {
		key   string
		steps []api.Step
		tone  term.Tone
	}{{"Had finished", r.Progress.Finished, term.Good}, {"Failed", r.Progress.Failed, term.Bad},
		{"Was under way", r.Progress.UnderWay, term.Bad}, {"Had not begun", r.Progress.NotBegun, term.Quiet}} {
		var texts []string
		for i, s := range part.steps {
			if i == maxSteps {
				texts = append(texts, fmt.Sprintf("and %d more", len(part.steps)-maxSteps))
				break
			}
			text := s.Address + " (" + s.Action
			if s.Provisioner != "" {
				text += ", in its provisioner " + s.Provisioner
			}
			texts = append(texts, text+")")
		}
		lines = append(lines, term.KeyValue{Key: part.key, Value: strings.Join(texts, "\n"), Tone: part.tone})
	}
	return lines
}

func runFacts(p *term.Printer, r api.Run) []term.KeyValue {
	c := r.Commit
	facts := []term.KeyValue{
		{Key: "Run", Value: r.ID},
		{Key: "Workspace", Value: r.Workspace},
		{Key: "Kind", Value: r.Kind},
		{Key: "Status", Value: Status(r), Tone: Tone(r.Status)},
		{Key: "Comment", Value: r.Comment},
		{Key: "Superseded by", Value: r.SupersededBy},
		{Key: "Waiting for", Value: r.WaitingFor, Tone: term.Busy},
		{Key: "Next command", Value: r.NextCommand},
		{Key: "Commit", Value: fmt.Sprintf("%s %s\nby %s, %s", ShortCommit(c.SHA), Subject(c.Message), c.Author,
			at(p, &c.Time))},
		{Key: "Authors", Value: authorsText(r.Authors)},
		{Key: "Tag", Value: r.Tag},
		{Key: "Ref", Value: r.Ref},
		{Key: "With a patch", Value: patchText(r.Codify)},
		{Key: "Trigger", Value: triggerText(r.Trigger)},
		{Key: "After", Value: strings.Join(r.Upstream, ", ")},
		{Key: "Inputs", Value: inputsText(r.Inputs)},
		{Key: "State", Value: r.State},
		{Key: "Move", Value: moveText(r.Move)},
		{Key: "Another state", Value: newStateText(r.NewState), Tone: term.Bad},
	}
	if r.Attempt > 1 {
		facts = append(facts, term.KeyValue{Key: "Attempt", Value: fmt.Sprint(r.Attempt)})
	}
	if pl := r.Plan; pl != nil {
		facts = append(facts, []term.KeyValue{
			{Key: "Plan", Value: Changes(pl)}, {Key: "Digest", Value: pl.Digest}, {Key: "Engine", Value: pl.Engine},
		}...)
	}
	return append(facts, []term.KeyValue{
		sandboxFact(r.Sandbox),
		{Key: "Network", Value: networkText(r.Network)},
		{Key: "Votes", Value: votesText(p, r.Approvals)},
		{Key: "Needs", Value: Needs(r.Needs)},
		{Key: "Created", Value: at(p, &r.CreatedAt)},
		{Key: "Not before", Value: at(p, r.NotBefore)},
		{Key: "Planned", Value: at(p, r.PlannedAt)},
		{Key: "Expires", Value: expires(p, r)},
		{Key: "Apply began", Value: at(p, r.ApplyStartedAt)},
		{Key: "Finished", Value: at(p, r.FinishedAt)},
		{Key: "Took", Value: Took(r)},
	}...)
}

// sandboxFact tells how well the engine of a run was shut in.
func sandboxFact(level string) term.KeyValue {
	fact := term.KeyValue{Key: "Sandbox", Value: level}
	if l := sandbox.Level(level); l.Known() && l != sandbox.Namespaces {
		fact.Value, fact.Tone = level+": "+l.Sentence(), term.Busy
	}
	return fact
}

// patchText tells that a plan is not of the commit as it is.
func patchText(finding string) string {
	if finding == "" {
		return ""
	}
	return "that codifies finding " + finding + ": the code is the commit with that patch"
}

// reasonsOnce leaves each reason in one place: what a state is, beside the ways out of it,
// and what is to be confirmed, above the plan. The daemon repeats them in other fields, for
// whoever reads one of those.
func reasonsOnce(r api.Run) api.Run {
	told := slices.Clone(r.Confirm)
	if n := r.NewState; n != nil {
		told = append(told, n.Text)
		r.WaitingFor = strings.TrimSuffix(r.WaitingFor, ": "+n.Text)
		r.Confirm = slices.DeleteFunc(slices.Clone(r.Confirm), func(why string) bool { return why == n.Text })
	}
	r.Needs = slices.Clone(r.Needs)
	for i := range r.Needs {
		r.Needs[i].Because = slices.DeleteFunc(slices.Clone(r.Needs[i].Because),
			func(why string) bool { return slices.Contains(told, why) })
	}
	return r
}

func moveText(m *api.StateMove) string {
	if m == nil {
		return ""
	}
	return m.Text
}

// newStateText says which state would be left behind, and what to do about it.
func newStateText(n *api.NewState) string {
	if n == nil {
		return ""
	}
	lines := []string{n.Text}
	for _, w := range n.Ways {
		lines = append(lines, w.What+": "+w.Command)
	}
	return strings.Join(lines, "\n")
}

// expires is empty once it does not matter any more.
func expires(p *term.Printer, r api.Run) string {
	if HasEnded(r.Status) {
		return ""
	}
	return at(p, r.ExpiresAt)
}

func inputsText(all []api.Input) string {
	var lines []string
	for _, in := range all {
		line := in.Output + " of " + in.Workspace
		if in.Sensitive {
			line += " (sensitive)"
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

func triggerText(t api.Trigger) string {
	text := t.Cause
	if t.Actor != "" {
		text += ", " + t.Actor
	}
	if t.Run != "" {
		text += ", after run " + t.Run
	}
	return text
}

func votesText(p *term.Printer, votes []api.Vote) string {
	var lines []string
	for _, v := range votes {
		line := v.Voter + ": " + YesNo(v.Yes) + ", " + at(p, &v.At)
		if v.Comment != "" {
			line += `, "` + v.Comment + `"`
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// Needs says of each rule how many approvals it has, and what is missing.
func Needs(needs []api.Need) string {
	var lines []string
	for _, n := range needs {
		line := fmt.Sprintf("%d of %s", len(n.Voters), Counted(n.Require, "approval"))
		if len(n.From) > 0 {
			line += " of " + strings.Join(n.From, " or ")
		}
		if n.Rule != "" {
			line += ` (rule "` + n.Rule + `")`
		}
		if len(n.Voters) > 0 {
			line += ": " + strings.Join(n.Voters, ", ")
		}
		switch {
		case n.Blocked != "":
			line += "; blocked: " + n.Blocked
		case n.Met:
			line += "; met"
		}
		if len(n.Because) > 0 {
			line += "; because " + strings.Join(n.Because, ", and because ")
		}
		if n.Note != "" {
			line += "; " + n.Note
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// mostContacts is how many hosts are shown; -o json has all.
const mostContacts = 12

// networkText is whom the engine spoke to.
func networkText(all []api.Contact) string {
	var lines []string
	for _, c := range all {
		line := c.Phase + ": " + c.Host
		if c.Port != 0 {
			line += ":" + strconv.Itoa(c.Port)
		}
		if c.Refused != "" {
			line += ", refused: " + c.Refused
		} else {
			line += fmt.Sprintf(", %s in, %s out", workspace.Size(c.BytesIn), workspace.Size(c.BytesOut))
		}
		lines = append(lines, line)
	}
	if more := len(lines) - mostContacts; more > 0 {
		lines = append(lines[:mostContacts], fmt.Sprintf("and %d more (-o json)", more))
	}
	return strings.Join(lines, "\n")
}

// Warnings are what stands above the plan of a run.
func Warnings(r api.Run) []term.KeyValue {
	var lines []term.KeyValue
	for _, w := range r.Warnings {
		lines = append(lines, term.KeyValue{Key: "Warning", Value: w, Tone: term.Busy})
	}
	if r.Plan != nil && len(r.Plan.NewHosts) > 0 {
		lines = append(lines, term.KeyValue{Key: "New host", Value: strings.Join(r.Plan.NewHosts, "\n"),
			Tone: term.Busy})
	}
	for _, why := range r.Confirm {
		lines = append(lines, term.KeyValue{Key: "To confirm", Value: why, Tone: term.Busy})
	}
	return lines
}
