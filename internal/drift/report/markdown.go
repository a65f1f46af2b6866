package report

import (
	"fmt"
	"io"
	"net/url"
	"strings"
	"unicode"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/term"
)

// maxTold is how many findings the Markdown tells in full. It ends up in
// comments and mails, which have limits; the rest has a line each.
const maxTold = 200

// markdown writes the report for GitHub, mail and terminals. Everything that
// comes from outside stands in code spans, where nothing is a link, a mention
// or markup.
func markdown(w io.Writer, r *Report) error {
	m := &md{sticky: &sticky{w: w}, r: r, full: inFull(r, maxTold)}
	m.head()
	m.summary()
	m.sections(drift.NotChecked, "Unchecked")
	m.sections(drift.Drifted, "Drifted")
	m.clean()
	m.resolved()
	m.leftOut()
	m.trend()
	m.blind()
	m.text("\n---\n")
	m.textf("Every finding, with rules to copy: %s\n", code(again(r, "html")))
	return m.err
}

type md struct {
	*sticky
	r    *Report
	full map[*Finding]bool
}

// inFull chooses the findings that are told in full, the worst of all first.
func inFull(r *Report, most int) map[*Finding]bool {
	out := map[*Finding]bool{}
	for _, acknowledged := range []bool{false, true} {
		for _, v := range severityOrder {
			for i := range r.Workspaces {
				list := r.Workspaces[i].Findings
				for j := range list {
					if len(out) < most && list[j].Severity == v && acknowledged == (list[j].Life == drift.Acknowledged) {
						out[&list[j]] = true
					}
				}
			}
		}
	}
	return out
}

func (m *md) head() {
	r := m.r
	title := "Drift report"
	if r.Name != "" {
		title += " " + code(r.Name)
	}
	m.textf("# %s\n\n**%s**\n\n", title, r.Headline)
	m.textf("%s, since %s", clockZone(r.At), clockZone(r.Since))
	if r.Instance.Name != "" {
		m.textf(" · %s", code(r.Instance.Name))
	}
	if u := link(r.Instance.URL); u != "" {
		m.textf(" · <%s>", u)
	}
	m.text("\n\n")
}

// link is an address of the web that can be written as a link; empty if not.
func link(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || strings.ContainsAny(s, "<> \"'`\\") || term.Clean(s) != s {
		return ""
	}
	u.User = nil
	return u.String()
}

func (m *md) summary() {
	s, o := m.r.Summary, m.r.Summary.Workspaces
	m.text("| Workspaces | Unchecked | Drifted | Clean | Never applied |\n|---:|---:|---:|---:|---:|\n")
	m.textf("| %d | %d | %d | %d | %d |\n\n", o.Total, o.Unchecked, o.Drifted, o.Clean, o.NeverApplied)
	m.text("| Open findings | Critical | High | Medium | Low | New | Resolved | Acknowledged | Ignored |\n|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n")
	m.textf("| %d | %d | %d | %d | %d | %d | %d | %d | %d |\n\n", s.Open, s.Severity.Critical, s.Severity.High,
		s.Severity.Medium, s.Severity.Low,
		s.New, s.Resolved, s.Acknowledged, s.Ignored)
	m.textf("%s\n", coverage(s))
	if len(s.Owners) > 0 {
		m.text("\n| Owner | Open findings | Worst |\n|---|---:|---|\n")
		for _, o := range s.Owners {
			m.textf("| %s | %d | %s |\n", ownerCell(o.Owner), o.Count, o.Severity.worst())
		}
	}
}

func ownerCell(o string) string {
	if o == "" {
		return "nobody"
	}
	return inCell(o)
}

// coverage says in a sentence what was looked at.
func coverage(s Summary) string {
	c := s.Coverage
	if c.Workspaces == 0 {
		return "There was nothing to look at."
	}
	text := fmt.Sprintf("Looked at since the last report: %d of %s, %s.", c.Checked, count(c.Workspaces, "workspace"),
		count(c.Resources, "resource"))
	if s.Oldest != nil {
		text += fmt.Sprintf(" The oldest check that counts is %s old.", long(s.Oldest.Age))
	}
	if s.NeverChecked > 0 {
		text += fmt.Sprintf(" Never checked: %s.", count(s.NeverChecked, "workspace"))
	}
	return text
}

func (m *md) sections(outcome drift.Outcome, title string) {
	n := 0
	for i := range m.r.Workspaces {
		s := &m.r.Workspaces[i]
		if s.Outcome != outcome {
			continue
		}
		if n++; n == 1 {
			m.textf("\n## %s\n", title)
		}
		m.section(s)
	}
}

func (m *md) section(s *Section) {
	m.textf("\n### %s\n\n", code(s.Name))
	if s.Outcome == drift.NotChecked {
		m.textf("Why: %s\n\n", code(s.Why))
		for _, p := range s.Problems {
			m.textf("- %s\n", code(p))
		}
		if len(s.Problems) > 0 {
			m.text("\n")
		}
		m.textf("%s\n\nNext: %s\n", s.looks(), code(s.Next))
	} else {
		m.textf("%s %s.\n", s.looks(), upper(s.drifted()))
	}
	if len(s.Blind) > 0 {
		m.textf("Not seen by the check: %s.\n", s.blinds(code))
	}
	m.findings(s)
}

// looks says when it was looked at last, and how well.
func (s *Section) looks() string {
	switch {
	case s.Checked == nil && s.Tried == nil:
		return "It was never looked at."
	case s.Checked == nil:
		return "No check that is remembered looked at it."
	}
	text := fmt.Sprintf("Looked at %s ago, %s.", long(s.Age), count(s.Resources, "resource"))
	if s.UnknownSince != nil {
		text += fmt.Sprintf(" Checks fail since %s (%s).", clock(*s.UnknownSince), count(s.Failures, "time"))
	}
	return text
}

// maxBlind is how many blind spots of a workspace are named in one place.
const maxBlind = 10

// blinds lists what a check could not see.
func (s *Section) blinds(show func(string) string) string {
	var parts []string
	for _, x := range s.Blind[:min(maxBlind, len(s.Blind))] {
		text := x.What
		if x.Address != "" {
			text += " of " + x.Address
		}
		parts = append(parts, show(text))
	}
	if more := len(s.Blind) - maxBlind; more > 0 {
		parts = append(parts, thousands(more)+" more")
	}
	return and(parts)
}

func (m *md) findings(s *Section) {
	short := 0
	for i := range s.Findings {
		if f := &s.Findings[i]; m.full[f] {
			m.finding(f)
		} else {
			short++
		}
	}
	if short == 0 {
		return
	}
	m.textf("\n%s with a line each; all about them is in the other formats:\n\n", count(short, "more finding"))
	for i := range s.Findings {
		if f := &s.Findings[i]; !m.full[f] {
			m.textf("- **%s** %s %s, %s\n", f.Severity, f.Class, code(f.Address), code(f.ID))
		}
	}
}

func (m *md) finding(f *Finding) {
	m.textf("\n#### %s · %s %s\n\n", strings.ToUpper(string(f.Severity)), f.Class, code(f.Address))
	m.textf("%s %s.", f.Meaning, upper(f.state()))
	if f.File != "" {
		m.textf(" In %s.", code(f.place()))
	}
	if len(f.Owners) > 0 {
		m.textf(" Owned by %s.", spans(f.Owners))
	}
	if f.LastRun != "" {
		m.textf(" Last applied by run %s", code(f.LastRun))
		if len(f.LastApprovers) > 0 {
			m.textf(", approved by %s", spans(f.LastApprovers))
		}
		m.text(".")
	}
	m.text("\n")
	if f.Ack != nil && f.Life == drift.Acknowledged {
		m.textf("\nAcknowledged by %s %s: %s\n", code(f.Ack.By), until(f.Ack.Until, "until it is resolved"),
			code(f.Ack.Reason))
	}
	m.attributes(f)
	for i, p := range f.Problems {
		if i == 0 {
			m.text("\n")
		}
		m.textf("- %s\n", code(p))
	}
	m.text("\n")
	for _, w := range f.WaysOut {
		m.textf("- %s: %s\n", w.Way, code(w.Command))
	}
}

// maxListed is how many attributes of a finding Markdown and HTML show.
const maxListed = 12

func (m *md) attributes(f *Finding) {
	list := f.listed()
	if len(list) == 0 {
		return
	}
	head, line := "| Attribute | Applied | World |", "|---|---|---|"
	wanted := f.AnyWanted()
	if wanted {
		head, line = head+" Wanted |", line+"---|"
	}
	m.textf("\n%s\n%s\n", head, line)
	for _, a := range list {
		name := inCell(a.Path)
		if a.Path == "" {
			name = "the resource as a whole"
		}
		if a.IgnoredBy != "" {
			name += " (ignored by " + inCell(a.IgnoredBy) + ")"
		}
		row := fmt.Sprintf("| %s | %s | %s |", name, valueCell(a.Before), valueCell(a.After))
		switch {
		case wanted && a.Wanted != nil:
			row += " " + valueCell(a.Wanted) + " |"
		case wanted:
			row += "  |"
		}
		m.text(row + "\n")
	}
	if more := f.unlisted(); more > 0 {
		m.textf("\nAnd %s.\n", count(more, "more attribute"))
	}
}

// listed are the attributes to show; what only says that the resource as a
// whole differs is said by the class.
func (f *Finding) listed() []Attribute {
	if len(f.Attributes) == 1 && f.Attributes[0].Path == "" && f.Attributes[0].Before == nil && f.Attributes[0].After == nil {
		return nil
	}
	return f.Attributes[:min(maxListed, len(f.Attributes))]
}

func (f *Finding) unlisted() int { return max(0, len(f.Attributes)-maxListed) + f.More }

func valueCell(v *Value) string {
	if v == nil {
		return "none"
	}
	text := inCell(v.Text)
	if v.Length > 0 {
		text += " (" + count(v.Length, "character") + " in all)"
	}
	return text
}

func (m *md) clean() {
	for _, group := range []struct {
		outcome drift.Outcome
		title   string
	}{{drift.Clean, "Clean"}, {drift.NothingYet, "Never applied"}} {
		n := 0
		for i := range m.r.Workspaces {
			s := &m.r.Workspaces[i]
			if s.Outcome != group.outcome {
				continue
			}
			if n++; n == 1 {
				m.textf("\n## %s\n\n", group.title)
			}
			m.textf("- %s", code(s.Name))
			if s.Outcome == drift.Clean {
				m.textf(": looked at %s ago, %s", long(s.Age), count(s.Resources, "resource"))
				m.notes(s)
			}
			m.text("\n")
		}
	}
	for i := range m.r.Workspaces {
		if s := &m.r.Workspaces[i]; s.Outcome == drift.Clean && len(s.Findings) > 0 {
			m.textf("\n### %s\n", code(s.Name))
			m.findings(s)
		}
	}
}

// notes is what there is to say of a clean workspace.
func (m *md) notes(s *Section) {
	if n := len(s.Findings); n > 0 {
		m.textf(", %s a commit explains", count(n, "difference"))
	}
	if n := len(s.Ignored); n > 0 {
		m.textf(", %s ignored", count(n, "finding"))
	}
	if len(s.Blind) > 0 {
		m.textf("; not seen: %s", s.blinds(code))
	}
}

func (m *md) resolved() {
	n := 0
	for i := range m.r.Workspaces {
		s := &m.r.Workspaces[i]
		for j := range s.Resolved {
			f := &s.Resolved[j]
			if n++; n == 1 {
				m.text("\n## Resolved since the last report\n\n")
			}
			m.textf("- %s in %s: %s, %s\n", code(f.Address), code(s.Name), f.Class, f.resolution(code))
		}
	}
}

// resolution says how a finding ended.
func (f *Finding) resolution(show func(string) string) string {
	if f.ResolvedBy == "" {
		return "changed back outside of Terraform after " + long(f.Age)
	}
	return "by run " + show(f.ResolvedBy) + " after " + long(f.Age)
}

func (m *md) leftOut() {
	if len(m.r.Rules) == 0 {
		return
	}
	m.text("\n## Ignored\n\n| Rule | Reason | Lasts | Owner | Findings | Attributes |\n|---|---|---|---|---:|---:|\n")
	for _, l := range m.r.Rules {
		m.textf("| %s | %s | %s | %s | %d | %d |\n", inCell(l.Rule.Name), inCell(l.Rule.Reason), lasts(l),
			ownerCell(l.Rule.Owner), len(l.Findings), l.Attributes)
	}
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

func (m *md) trend() {
	t := m.r.Trend
	if !t.known() {
		return
	}
	m.textf("\n## Trend\n\nOpen findings, 90 days: `%s`\n\n", sparks(t.Days))
	m.text("| Days | Open before | Open now | New | Resolved | Time to detect, at most | Time to repair |\n|---:|---:|---:|---:|---:|---:|---:|\n")
	for _, p := range t.Periods {
		m.textf("| %d | %d | %d | %d | %d | %s | %s |\n", p.Days, p.Before, p.Now, p.New, p.Resolved, p.Detect,
			p.Repair)
	}
}

// known reports whether there was any check in the time of the trend.
func (t Trend) known() bool { return len(t.Days) > 0 && t.Days[len(t.Days)-1].Known }

// String is the mean for people.
func (m Mean) String() string {
	if m.Count == 0 {
		return "–"
	}
	return fmt.Sprintf("%s (of %s)", long(m.Mean), thousands(m.Count))
}

// sparks draws the open findings of 90 days in 30 characters, each the most of
// its three days; a space is where nothing is known.
func sparks(list []Day) string {
	bars := []rune("▁▂▃▄▅▆▇█")
	most := 1
	for _, d := range list {
		most = max(most, d.Open.Total())
	}
	var b strings.Builder
	for i := 0; i < len(list); i += 3 {
		n, known := 0, false
		for _, d := range list[i:min(i+3, len(list))] {
			n, known = max(n, d.Open.Total()), known || d.Known
		}
		if !known {
			b.WriteRune(' ')
			continue
		}
		b.WriteRune(bars[(n*(len(bars)-1)+most-1)/most])
	}
	return b.String()
}

func (m *md) blind() {
	m.text("\n## What no check sees\n\n")
	for _, x := range m.r.Blind {
		m.textf("- %s: %s\n", x.What, x.Why)
	}
}

// upper begins a sentence.
func upper(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// code is text from outside as a code span. (In a table it is inCell.)
func code(s string) string {
	s = term.Clean(s)
	if strings.TrimSpace(s) == "" {
		return "–"
	}
	fence := strings.Repeat("`", 1+longestRun(s, '`'))
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") || strings.HasPrefix(s, " ") && strings.HasSuffix(s, " ") {
		s = " " + s + " "
	}
	return fence + s + fence
}

// inCell is a code span within a table, where a bar ends the cell even there
// unless a backslash stands before it, and before that no other one. What has
// such a pair itself is written without any punctuation.
func inCell(s string) string {
	if !strings.Contains(s, `\|`) {
		return strings.ReplaceAll(code(s), "|", `\|`)
	}
	var b strings.Builder
	for _, r := range term.Clean(s) {
		if r < 0x80 && (unicode.IsPunct(r) || unicode.IsSymbol(r)) {
			fmt.Fprintf(&b, "&#%d;", r)
			continue
		}
		b.WriteRune(r)
	}
	return "<code>" + b.String() + "</code>"
}

func spans(list []string) string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = code(s)
	}
	return and(out)
}

func longestRun(s string, of rune) int {
	most, n := 0, 0
	for _, r := range s {
		if n++; r != of {
			n = 0
		}
		most = max(most, n)
	}
	return most
}
