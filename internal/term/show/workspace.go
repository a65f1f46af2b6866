package show

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/term"
)

// Workspace shows all about one workspace.
func Workspace(p *term.Printer, w api.Workspace) {
	facts := []term.KeyValue{
		{Key: "Workspace", Value: w.Name},
		{Key: "Sync", Value: w.Sync, Tone: Tone(w.Sync)},
		{Key: "Drift", Value: driftText(p, w), Tone: Tone(w.Drift)},
		{Key: "Healing", Value: healingText(w), Tone: term.Bad},
		{Key: "Waiting for", Value: w.WaitingFor, Tone: term.Busy},
		{Key: "Next command", Value: nextFor(w)},
		{Key: "Desired commit", Value: w.DesiredCommit},
		{Key: "Applied commit", Value: withTime(w.AppliedCommit, at(p, w.AppliedAt))},
	}
	if w.Destroyed {
		facts = append(facts, term.KeyValue{Key: "Destroyed", Value: at(p, w.AppliedAt)})
	}
	if w.HeadCommit != w.DesiredCommit {
		facts = append(facts, term.KeyValue{Key: "Newest commit", Value: w.HeadCommit})
	}
	if r := w.LastRun; r != nil {
		facts = append(facts, term.KeyValue{Key: "Last run", Value: r.ID + " (" + r.Kind + ", " + r.Status + ")",
			Tone: Tone(r.Status)})
	}
	p.KeyValues(append(facts, []term.KeyValue{
		{Key: "Lock", Value: lockText(p, w.Lock), Tone: term.Busy},
		{Key: "Suspended", Value: suspensionText(p, w.Suspended), Tone: term.Busy},
		{Key: "Drifted", Value: strings.Join(w.Drifted, "\n"), Tone: term.Bad},
		{Key: "Last check", Value: at(p, w.LastCheckedAt)},
		{Key: "Next check", Value: at(p, w.NextCheckAt)},
		{Key: "Upstream", Value: upstreamText(w.Upstream)},
		{Key: "Repository", Value: w.Repository},
		{Key: "Follows", Value: cmp.Or(w.Follows, "branch "+w.Branch)},
		{Key: "Directory", Value: w.Dir},
		{Key: "Terraform workspace", Value: w.TerraformWorkspace},
		{Key: "Made by", Value: w.Generator},
		{Key: "Apply", Value: w.Apply},
		{Key: "Labels", Value: labelText(w.Labels)},
		{Key: "State", Value: w.State},
	}...))
}

// healingText is why drift that is to be healed by itself is still there.
func healingText(w api.Workspace) string {
	switch {
	case w.HealStopped != "":
		return "stopped: " + w.HealStopped
	case w.NotHealed != "":
		return "not healed: " + w.NotHealed
	}
	return ""
}

// nextFor is the command that moves a workspace on: of what it waits for, or
// else towards knowing whether it has drifted.
func nextFor(w api.Workspace) string {
	if w.NextCommand == "" && mayHaveDrifted(w) {
		return drift.CheckCommand(w.Name, "--wait")
	}
	return w.NextCommand
}

func upstreamText(all []api.Dependency) string {
	var lines []string
	for _, d := range all {
		why := d.Why
		if d.Inferred {
			why = "inferred: " + why
		}
		lines = append(lines, d.Workspace+" ("+why+")")
	}
	return strings.Join(lines, "\n")
}

func driftText(p *term.Printer, w api.Workspace) string {
	text := w.Drift
	switch {
	case w.Drift == "unknown" && w.LastCheckedAt != nil:
		text += ", last looked at " + ago(p, w.LastCheckedAt)
	case w.Drift != "unknown" && w.DriftSince != nil:
		text += ", since " + When(*w.DriftSince)
	}
	if w.DriftWhy != "" {
		text += ": " + w.DriftWhy
	}
	return text
}

func withTime(what, at string) string {
	if what == "" || at == "" {
		return what
	}
	return what + ", " + at
}

func lockText(p *term.Printer, l *api.Lock) string {
	if l == nil {
		return ""
	}
	text := "by " + l.Holder + ", " + p.Time(l.Since)
	if l.Reason != "" {
		text += ": " + l.Reason
	}
	if len(l.Waiting) > 0 {
		text += "\nwaiting: " + strings.Join(l.Waiting, ", ")
	}
	return text
}

func suspensionText(p *term.Printer, s *api.Suspension) string {
	if s == nil {
		return ""
	}
	text := "by " + s.By + ", " + p.Time(s.At)
	if s.Until != nil {
		text += "; still " + stretch(p, *s.Until)
	}
	return text + ": " + s.Reason
}

func labelText(labels map[string]string) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		parts = append(parts, k+"="+labels[k])
	}
	return strings.Join(parts, ", ")
}
