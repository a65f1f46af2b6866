package show

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/term"
)

// Findings lists findings.
func Findings(p *term.Printer, found []api.Finding) {
	if len(found) == 0 {
		p.Notef("No finding.")
		return
	}
	var rows [][]term.Cell
	for _, f := range found {
		rows = append(rows, tinted(term.Cells(f.ID, f.Severity, f.Workspace, Address(f), f.Class, f.Life,
			ago(p, cmp.Or(f.ReturnedAt, &f.FirstSeen)), strings.Join(f.Owners, " ")), 1, severityTone(f.Severity)))
	}
	Table(p, []string{"FINDING", "SEVERITY", "WORKSPACE", "ADDRESS", "CLASS", "LIFE", "SINCE", "OWNER"}, rows)
	p.Notef("One of them, and what can be done about it: tfops drift show %s", found[0].ID)
}

func severityTone(severity string) term.Tone {
	switch severity {
	case "critical", "high":
		return term.Bad
	case "medium":
		return term.Busy
	}
	return term.Quiet
}

// Address is what a finding is of.
func Address(f api.Finding) string {
	return cmp.Or(f.Address, "(the workspace)")
}

func findingFacts(p *term.Printer, f api.Finding) []term.KeyValue {
	facts := []term.KeyValue{
		{Key: "Finding", Value: f.ID},
		{Key: "Workspace", Value: f.Workspace},
		{Key: "Address", Value: f.Address},
		{Key: "Severity", Value: f.Severity, Tone: severityTone(f.Severity)},
		{Key: "Class", Value: f.Class + ": " + f.Meaning},
		{Key: "Life", Value: lifeText(f)},
		{Key: "First seen", Value: at(p, &f.FirstSeen)},
		{Key: "Back since", Value: at(p, f.ReturnedAt)},
		{Key: "Last seen", Value: at(p, &f.LastSeen) + fmt.Sprintf(", %s in all", Counted(f.Times, "time"))},
	}
	if f.File != "" {
		facts = append(facts, term.KeyValue{Key: "Written in", Value: fmt.Sprintf("%s:%d", f.File, f.Line)})
	}
	if len(f.Owners) > 0 {
		facts = append(facts, term.KeyValue{Key: "Owner", Value: strings.Join(f.Owners, " ")})
	}
	if f.LastRun != "" {
		by := ""
		if len(f.Approvers) > 0 {
			by = ", approved by " + strings.Join(f.Approvers, ", ")
		}
		facts = append(facts, term.KeyValue{Key: "Last apply", Value: f.LastRun + by})
	}
	return facts
}

// Finding shows a finding and the ways out of it.
func Finding(p *term.Printer, f api.Finding) {
	p.KeyValues(findingFacts(p, f))
	differences(p, f)
	if f.Class == "unchecked" {
		p.Printf("")
		p.Printf("All that the engine said is in the run (tfops show): tfops runs --workspace %s --kind drift --limit "+
			"1",
			drift.ShellWord(f.Workspace))
	}
	if len(f.WaysOut) > 0 {
		p.Printf("")
		p.Heading("Ways out")
		var ways []term.KeyValue
		rule := ""
		for _, w := range f.WaysOut {
			ways = append(ways, term.KeyValue{Key: w.Way, Value: w.Command + "\n" + w.Note})
			rule += w.Rule
		}
		p.KeyValues(ways)
		if rule != "" {
			p.Printf("")
			p.Printf("The rule that ignores it, for tfops.hcl:")
			p.Printf("")
			p.Printf("%s", rule)
		}
	}
}

func differences(p *term.Printer, f api.Finding) {
	for _, problem := range f.Problems {
		p.Printf("")
		p.Printf("%s", problem)
	}
	columns := []term.Column{{Name: "ATTRIBUTE"}, {Name: "APPLIED", Cut: 12}, {Name: "WORLD", Cut: 12}}
	if slices.ContainsFunc(f.Attributes, func(d api.Attribute) bool { return d.Wanted != nil }) {
		columns = append(columns, term.Column{Name: "WANTED", Cut: 12})
	}
	var rows [][]term.Cell
	for _, d := range f.Attributes {
		if d.Path == "" && d.Before == nil && d.After == nil && d.Wanted == nil {
			continue
		}
		path := cmp.Or(d.Path, "(the resource)")
		if d.IgnoredBy != "" {
			path += " (ignored by " + d.IgnoredBy + ")"
		}
		rows = append(rows, term.Cells(path, valueText(d.Before, d.Sensitive), valueText(d.After, d.Sensitive),
			valueText(d.Wanted, d.Sensitive && d.Wanted != nil)))
	}
	if len(rows) > 0 {
		p.Printf("")
		p.TableOf(columns, rows)
	}
}

func lifeText(f api.Finding) string {
	switch {
	case f.Ack != nil && f.Life == "acknowledged":
		text := "acknowledged by " + f.Ack.By + ": " + f.Ack.Reason
		if f.Ack.Until != nil {
			text += " (until " + When(*f.Ack.Until) + ")"
		}
		return text
	case f.Life == "resolved" && f.ResolvedBy != "":
		return "resolved by run " + f.ResolvedBy
	case f.Life == "resolved":
		return "resolved: the world changed back"
	}
	return f.Life
}

// valueText is a value in a table: JSON on one line, shortened.
func valueText(v any, sensitive bool) string {
	if sensitive {
		return "(sensitive value)"
	}
	if v == nil {
		return ""
	}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Sprint(v)
	}
	text := []rune(strings.TrimSpace(b.String()))
	if len(text) > 60 {
		return string(text[:59]) + "…"
	}
	return string(text)
}

// Acknowledged says until when a finding is known.
func Acknowledged(p *term.Printer, f api.Finding, until *time.Time) {
	p.Printf("Acknowledged finding %s (%s of %s) %s.", f.ID, Address(f), f.Workspace,
		lasts(p, until, "until it is resolved"))
	p.Notef("To take it back: tfops drift unack %s", f.ID)
}

// GroupAcknowledged says that all findings of a group are known.
func GroupAcknowledged(p *term.Printer, all []api.Finding) {
	for _, f := range all {
		p.Printf("Acknowledged finding %s (%s of %s).", f.ID, Address(f), f.Workspace)
	}
}

// Reopened says that a finding counts as open.
func Reopened(p *term.Printer, f api.Finding) {
	p.Printf("Finding %s (%s of %s) is open again.", f.ID, Address(f), f.Workspace)
}

// Reports lists reports that were made by schedule.
func Reports(p *term.Printer, kept []api.Report) {
	if len(kept) == 0 {
		p.Notef("No report was made by schedule yet: a report block in tfops.hcl asks for them.")
		return
	}
	var rows [][]term.Cell
	for _, r := range kept {
		rows = append(rows, term.Cells(r.ID, r.Name, When(r.At), r.Text))
	}
	Table(p, []string{"REPORT", "NAME", "MADE", "WHAT IT SAYS"}, rows)
	p.Notef("One of them: tfops drift report --id %s", kept[0].ID)
}

// Refusal says why a value is not codified.
func Refusal(r api.Refusal) string {
	where := ""
	if r.File != "" {
		where = fmt.Sprintf(" (%s:%d)", r.File, r.Line)
	}
	return cmp.Or(r.Path, "the resource") + " is not codified: " + r.Why + where
}

// Unproved says why a patch is not proved; nil where a plan with it shows the finding no more.
func Unproved(p api.Patch) error {
	switch {
	case p.Run == "":
		return fault.New(fault.Conflict, "tfops drift show "+p.Finding, "nothing of finding %s can be codified",
			p.Finding)
	case !p.Checked:
		return fault.New(fault.Conflict, "tfops show "+p.Run,
			"the patch is not checked: its run %s waits for somebody", p.Run)
	case !p.Gone:
		return fault.New(fault.Conflict, "tfops show "+p.Run, "the patch is not enough: %s", p.Why)
	}
	return nil
}

// Proved is what a plan with a patch came to.
func Proved(p api.Patch) string {
	if len(p.Also) == 0 {
		return fmt.Sprintf("With the patch, a plan shows the finding no more (tfops show %s).", p.Run)
	}
	return fmt.Sprintf("With the patch, the finding is gone; the plan also changes %s (see tfops show %s).",
		term.Some(p.Also), p.Run)
}
