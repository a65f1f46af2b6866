package documents

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/drift/report"
	"github.com/tfops/tfops/internal/drift/report/wording"
)

// What is said of a workspace or a finding in more than one format.

// clock is a time for people; the zone stands in the head of a report.
func clock(t time.Time) string { return t.Format("Mon 2 Jan 2006 15:04") }

// clockZone is a time with its zone.
func clockZone(t time.Time) string { return t.Format("Mon 2 Jan 2006 15:04 MST") }

// printAgain is the command that prints a report in a format. Only those that
// were made by schedule are kept, and have a name.
func printAgain(r *report.Report, format string) string {
	if r.Name == "" {
		return "tfops drift report --format " + format
	}
	return "tfops drift report --id " + r.ID + " --format " + format
}

// coverage says in a sentence what was looked at.
func coverage(r *report.Report) string {
	s, c := r.Summary, r.Summary.Coverage
	if c.Workspaces == 0 {
		return "There was nothing to look at."
	}
	text := fmt.Sprintf("Looked at %s: %d of %s, %s.", r.SinceWhen(), c.Checked,
		wording.Count(c.Workspaces, "workspace"),
		wording.Count(c.Resources, "resource"))
	if s.Oldest != nil {
		text += fmt.Sprintf(" The oldest check that counts is %s old.", s.Oldest.Age)
	}
	if s.NeverChecked > 0 {
		text += fmt.Sprintf(" Never checked: %s.", wording.Count(s.NeverChecked, "workspace"))
	}
	return text
}

// looks says when it was looked at last, and how well.
func looks(s *report.Section) string {
	switch {
	case s.Checked == nil && s.Tried == nil:
		return "It was never looked at."
	case s.Checked == nil:
		return "No check that is remembered looked at it."
	}
	text := fmt.Sprintf("Looked at %s ago, %s.", s.Age, wording.Count(s.Resources, "resource"))
	if s.UnknownSince != nil {
		text += fmt.Sprintf(" Checks fail since %s (%s).", clock(*s.UnknownSince), wording.Count(s.Failures, "time"))
	}
	return text
}

// maxBlind is how many blind spots of a workspace are named in one place.
const maxBlind = 10

// blinds lists what a check could not see.
func blinds(s *report.Section, show func(string) string) string {
	var parts []string
	for _, x := range s.Blind[:min(maxBlind, len(s.Blind))] {
		text := x.What
		if x.Address != "" {
			text += " of " + x.Address
		}
		parts = append(parts, show(text))
	}
	if more := len(s.Blind) - maxBlind; more > 0 {
		parts = append(parts, wording.Number(more)+" more")
	}
	return wording.List(parts)
}

// pending sums up the commits that wait.
func pending(n int) string {
	return wording.Count(n, "difference") + " that a waiting commit explains"
}

// Drifted sums up the findings, as in "3 open findings: 1 critical, 2 low".
func Drifted(s *report.Section) string {
	if len(s.Findings) == 0 {
		return "it has drifted"
	}
	return wording.Count(len(s.Findings), "open finding") + ": " + s.Counts.String()
}

// State is how a finding stands, as in "new", "seen 4 times in 3 days".
func State(f *report.Finding) string {
	switch {
	case f.ResolvedAt != nil && f.ResolvedBy != "":
		return "resolved by run " + f.ResolvedBy + " after " + f.Age.String()
	case f.ResolvedAt != nil:
		return "the world changed back after " + f.Age.String()
	case f.New && f.Returned != nil:
		return "back after it was resolved"
	case f.New:
		return "new"
	case f.Times == 1:
		return "seen once, " + f.Age.String() + " ago"
	}
	return "seen " + wording.Count(f.Times, "time") + ", for " + f.Age.String()
}

// Place is where a finding's resource is written.
func Place(f *report.Finding) string {
	if f.Line == 0 {
		return f.File
	}
	return fmt.Sprintf("%s:%d", f.File, f.Line)
}

// resolution says how a finding ended.
func resolution(f *report.Finding, show func(string) string) string {
	if f.ResolvedBy == "" {
		return "changed back outside of Terraform after " + f.Age.String()
	}
	return "by run " + show(f.ResolvedBy) + " after " + f.Age.String()
}

// maxListed is how many attributes of a finding Markdown and HTML show.
const maxListed = 12

// listed are the attributes to show; what only says that the resource as a
// whole differs is said by the class.
func listed(f *report.Finding) []report.Attribute {
	if len(f.Attributes) == 1 && f.Attributes[0].Path == "" && f.Attributes[0].Before == nil &&
		f.Attributes[0].After == nil {
		return nil
	}
	return f.Attributes[:min(maxListed, len(f.Attributes))]
}

func unlisted(f *report.Finding) int { return max(0, len(f.Attributes)-maxListed) + f.More }

// acknowledged reports whether somebody's word covers it.
func acknowledged(f *report.Finding) bool { return f.Ack != nil && f.Life == drift.Acknowledged }

// anyWanted reports whether a shown attribute has a wanted value of its own.
func anyWanted(f *report.Finding) bool {
	for _, a := range listed(f) {
		if a.Wanted != nil {
			return true
		}
	}
	return false
}

// AttributeLine is an attribute on one line, as in `tags.Name: "a" → "b"`.
func AttributeLine(a report.Attribute) string {
	text := a.Path
	if text == "" {
		text = "the resource as a whole"
	}
	if a.Before != nil || a.After != nil {
		text += ": " + show(a.Before) + " → " + show(a.After)
	}
	if a.Wanted != nil {
		text += ", wanted " + show(a.Wanted)
	}
	if a.IgnoredBy != "" {
		text += " (ignored by " + a.IgnoredBy + ")"
	}
	return text
}

// show is a value for people; of none it is "none".
func show(v *report.Value) string {
	if v == nil {
		return "none"
	}
	return wording.Whole(v.Text, v.Length)
}

// until says how long an acknowledgement or rule lasts.
func until(t time.Time, otherwise string) string {
	if t.IsZero() {
		return otherwise
	}
	return "until " + clock(t)
}

// lasts says how long a rule holds.
func lasts(l drift.LeftOut) string {
	switch {
	case l.Expired:
		return "expired " + clock(l.Rule.Expires)
	case l.Rule.Expires.IsZero():
		return "for ever"
	}
	return "until " + clock(l.Rule.Expires)
}

// offers names the ways out of a finding.
func offers(f *report.Finding) string {
	var out []string
	for _, w := range f.WaysOut {
		out = append(out, string(w.Way))
	}
	return strings.Join(out, ", ")
}

// labelsOf are the labels of a workspace on one line.
func labelsOf(s *report.Section) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(s.Labels)) {
		parts = append(parts, k+"="+s.Labels[k])
	}
	return strings.Join(parts, " ")
}

// failure is unchecked workspaces, as a rule one, whose checks failed for the same reason.
type failure struct{ sections []*report.Section }

// failures are all unchecked workspaces, in the order of the report.
func failures(r *report.Report) []*failure {
	var out []*failure
	by := map[string]*failure{}
	for i := range r.Workspaces {
		s := &r.Workspaces[i]
		if s.Outcome != drift.NotChecked {
			continue
		}
		why := strings.Join(append([]string{s.Why}, s.Problems...), "\x00")
		if by[why] == nil {
			by[why] = &failure{}
			out = append(out, by[why])
		}
		by[why].sections = append(by[why].sections, s)
	}
	return out
}

// unread says of a repository that cannot be read what that means.
func unread(u report.Unreadable, show func(string) string) string {
	since := "since tfops serve began"
	if u.Read != nil {
		since = "since " + clock(*u.Read)
	}
	what := "what is said of them may be old"
	if u.Workspaces == 1 {
		what = "what is said of it may be old"
	}
	return fmt.Sprintf("Repository %s cannot be read %s: %s. It has %s of this report; %s.", show(u.Name), since,
		show(strings.TrimSuffix(u.Why, ".")), wording.Count(u.Workspaces, "workspace"), what)
}

// cause says in a sentence what the findings of a group have in common.
func cause(g *report.Group, show func(string) string) string {
	what := "resources"
	if g.Type != "" {
		what = show(g.Type)
	}
	text := what
	switch {
	case g.Problem != "":
		return "the same check does not hold: " + show(g.Problem)
	case g.Attribute != "" && g.To != nil:
		text += ": " + show(g.Attribute) + " is " + show(wording.Whole(g.To.Text, g.To.Length))
	case g.Attribute != "":
		text += ": " + show(g.Attribute) + " has no value"
	}
	return text
}

// reaches says how far a group reaches.
func reaches(g *report.Group) string {
	return wording.Count(len(g.Findings), "finding") + " in " + wording.Count(len(g.Workspaces), "workspace")
}

// named lists the workspaces of a group.
func named(g *report.Group, show func(string) string) string {
	const most = 12
	var parts []string
	for _, name := range g.Workspaces[:min(most, len(g.Workspaces))] {
		parts = append(parts, show(name))
	}
	if more := len(g.Workspaces) - most; more > 0 {
		parts = append(parts, wording.Number(more)+" more")
	}
	return wording.List(parts)
}

// apart are findings that nobody knows of, and those that somebody does.
func apart(all []report.Finding) (unknown, known []*report.Finding) {
	for i := range all {
		if f := &all[i]; acknowledged(f) {
			known = append(known, f)
		} else {
			unknown = append(unknown, f)
		}
	}
	return unknown, known
}

// compared is how many resources the last checks of some workspaces looked at.
func compared(sections []*sectionView) (n int) {
	for _, s := range sections {
		n += s.Resources
	}
	return n
}
