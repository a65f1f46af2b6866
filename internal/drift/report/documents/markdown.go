// Package documents writes a drift report for people: as Markdown and as one HTML
// page. What is said of a workspace or a finding in one sentence is in
// sentences.go; the formats of package formats quote it.
//
// Whatever comes from outside is escaped: by html/template in HTML, by code and
// inCell in Markdown. Characters that reorder text are written out in both.
package documents

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/drift/report"
	"github.com/tfops/tfops/internal/drift/report/wording"
	"github.com/tfops/tfops/internal/term"
)

// maxTold is how many findings the Markdown tells in full. It ends up in
// comments and mails, which have limits; the rest has a line each.
const maxTold = 200

// Markdown writes the report for GitHub, mail and terminals. Everything that
// comes from outside stands in code spans, where nothing is a link, a mention
// or markup.
func Markdown(w io.Writer, r *report.Report) error {
	m := &md{Writer: bufio.NewWriter(w), r: r, full: inFull(r, maxTold)}
	m.head()
	m.unreadable()
	m.summary()
	m.groups()
	m.unchecked()
	m.drifted()
	m.clean()
	m.resolved()
	m.leftOut()
	m.trend()
	m.blind()
	m.WriteString("\n---\n")
	m.textf("Every finding, with rules to copy: %s\n", code(printAgain(r, "html")))
	return m.Flush()
}

type md struct {
	*bufio.Writer // keeps its first error
	r             *report.Report
	full          map[*report.Finding]bool
}

// inFull chooses the findings that are told in full, the worst of all first.
func inFull(r *report.Report, most int) map[*report.Finding]bool {
	out := map[*report.Finding]bool{}
	for _, known := range []bool{false, true} {
		for _, v := range drift.Severities() {
			for i := range r.Workspaces {
				list := r.Workspaces[i].Findings
				for j := range list {
					if len(out) < most && list[j].Severity == v && known == (list[j].Life == drift.Acknowledged) {
						out[&list[j]] = true
					}
				}
			}
		}
	}
	return out
}

func (m *md) textf(format string, args ...any) { fmt.Fprintf(m, format, args...) }

func (m *md) head() {
	r := m.r
	title := "Drift report"
	if r.Name != "" {
		title += " " + code(r.Name)
	}
	m.textf("# %s\n\n**%s**\n\n", title, r.Headline)
	m.textf("%s, since %s%s", clockZone(r.At), clockZone(r.Since), lastReport(r))
	if r.Instance.Name != "" {
		m.textf(" · %s", code(r.Instance.Name))
	}
	if u := wording.Link(r.Instance.URL); u != "" {
		m.textf(" · <%s>", u)
	}
	m.WriteString("\n\n")
	if note := r.Instance.Sandbox; note != "" {
		m.textf("Sandbox: %s\n\n", code(note))
	}
}

// lastReport says that the window begins with the last report.
func lastReport(r *report.Report) string {
	if r.Last {
		return " (the last report)"
	}
	return ""
}

func (m *md) summary() {
	s, o := m.r.Summary, m.r.Summary.Workspaces
	m.WriteString("| Workspaces | Unchecked | Drifted | Clean | Never applied |\n|---:|---:|---:|---:|---:|\n")
	m.textf("| %d | %d | %d | %d | %d |\n\n", o.Total, o.Unchecked, o.Drifted, o.Clean, o.NeverApplied)
	m.WriteString("| Open findings | Critical | High | Medium | Low | New | Resolved | Acknowledged | Ignored |" +
		" Commits that wait |\n" +
		"|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n")
	m.textf("| %d | %d | %d | %d | %d | %d | %d | %d | %d | %d |\n\n", s.Open, s.Severity.Critical, s.Severity.High,
		s.Severity.Medium, s.Severity.Low,
		s.New, s.Resolved, s.Acknowledged, s.Ignored, s.Pending)
	m.textf("%s\n", coverage(m.r))
	for _, u := range m.r.Unowned {
		m.textf("\nLines of CODEOWNERS in repository %s cannot be read and count for nobody: %s.\n",
			code(u.Repository), spans(u.Lines))
	}
	if len(s.Owners) > 0 {
		m.WriteString("\n| Owner | Open findings | Worst |\n|---|---:|---|\n")
		for _, o := range s.Owners {
			m.textf("| %s | %d | %s |\n", ownerCell(o.Owner), o.Count, o.Severity.Worst())
		}
	}
}

func ownerCell(o string) string {
	if o == "" {
		return "nobody"
	}
	return inCell(o)
}

// unreadable stands above all else: no news may only mean that nobody could look.
func (m *md) unreadable() {
	for _, u := range m.r.Unreadable {
		m.textf("**%s** Next: %s\n\n", unread(u, code), code(u.Next))
	}
}

// groups are the causes that show in several workspaces, widest first.
func (m *md) groups() {
	for i := range m.r.Groups {
		g := &m.r.Groups[i]
		if i == 0 {
			m.WriteString("\n## One cause, several workspaces\n")
		}
		m.textf("\n### %s · %s, %s\n\n", strings.ToUpper(string(g.Severity)), wording.Class(g.Class), cause(g, code))
		m.textf("%s: %s. The oldest is %s old.", wording.Sentence(reaches(g)), named(g, code), g.Age)
		if g.File != "" {
			m.textf(" All are written at %s.", code(fmt.Sprintf("%s:%d", g.File, g.Line)))
		}
		m.WriteString("\n\n")
		for _, w := range g.WaysOut {
			m.textf("- %s: %s\n", w.Way, code(w.Command))
		}
	}
}

func (m *md) unchecked() {
	for i, f := range failures(m.r) {
		if i == 0 {
			m.WriteString("\n## Unchecked\n")
		}
		if len(f.sections) == 1 {
			m.section(f.sections[0])
			continue
		}
		m.textf("\n### %s, for one reason\n\n", wording.Count(len(f.sections), "workspace"))
		m.reason(f.sections[0])
		for _, s := range f.sections {
			m.textf("- %s: %s Next: %s\n", code(s.Name), looks(s), code(s.Next))
		}
		for _, s := range f.sections {
			if len(s.Findings)+len(s.Pending) > 0 {
				m.textf("\n### %s\n", code(s.Name))
				m.findings(s)
			}
		}
	}
}

func (m *md) drifted() {
	n := 0
	for i := range m.r.Workspaces {
		if s := &m.r.Workspaces[i]; s.Outcome == drift.Drifted {
			if n++; n == 1 {
				m.WriteString("\n## Drifted\n")
			}
			m.section(s)
		}
	}
}

// reason is why a workspace is unchecked.
func (m *md) reason(s *report.Section) {
	m.textf("Why: %s\n\n", code(s.Why))
	for _, p := range s.Problems {
		m.textf("- %s\n", code(p))
	}
	if len(s.Problems) > 0 {
		m.WriteString("\n")
	}
}

func (m *md) section(s *report.Section) {
	m.textf("\n### %s\n\n", code(s.Name))
	if s.Outcome == drift.NotChecked {
		m.reason(s)
		m.textf("%s\n\nNext: %s\n", looks(s), code(s.Next))
	} else {
		m.textf("%s %s.\n", looks(s), wording.Sentence(Drifted(s)))
	}
	if len(s.Blind) > 0 {
		m.textf("Not seen by the check: %s.\n", blinds(s, code))
	}
	m.findings(s)
}

// findings are those that nobody knows of, then those that somebody does, then the commits that wait.
func (m *md) findings(s *report.Section) {
	unknown, known := apart(s.Findings)
	m.list(unknown)
	if len(known) > 0 {
		m.textf("\nAcknowledged: %s.\n", wording.Count(len(known), "finding"))
		m.list(known)
	}
	if len(s.Pending) > 0 {
		m.textf("\n%s; see %s.\n", wording.Sentence(pending(len(s.Pending))), code("tfops status "+
			drift.ShellWord(s.Name)))
	}
}

func (m *md) list(all []*report.Finding) {
	var short []*report.Finding
	for _, f := range all {
		if m.full[f] {
			m.finding(f)
		} else {
			short = append(short, f)
		}
	}
	if len(short) == 0 {
		return
	}
	m.textf("\n%s with a line each; all about them is in the other formats:\n\n",
		wording.Count(len(short), "more finding"))
	for _, f := range short {
		m.textf("- **%s** %s %s, %s\n", f.Severity, wording.Class(f.Class), code(f.Address), code(f.ID))
	}
}

func (m *md) finding(f *report.Finding) {
	m.textf("\n#### %s · %s %s\n\n", strings.ToUpper(string(f.Severity)), wording.Class(f.Class), code(f.Address))
	m.textf("%s %s.", f.Meaning, wording.Sentence(State(f)))
	if f.File != "" {
		m.textf(" In %s.", code(Place(f)))
	}
	if len(f.Owners) > 0 {
		m.textf(" Owned by %s.", spans(f.Owners))
	}
	if f.LastRun != "" {
		m.textf(" Last applied by run %s", code(f.LastRun))
		if len(f.LastApprovers) > 0 {
			m.textf(", approved by %s", spans(f.LastApprovers))
		}
		m.WriteString(".")
	}
	m.WriteString("\n")
	if acknowledged(f) {
		m.textf("\nAcknowledged by %s %s: %s\n", code(f.Ack.By), until(f.Ack.Until, "until it is resolved"),
			code(f.Ack.Reason))
	}
	m.attributes(f)
	for i, p := range f.Problems {
		if i == 0 {
			m.WriteString("\n")
		}
		m.textf("- %s\n", code(p))
	}
	m.WriteString("\n")
	for _, w := range f.WaysOut {
		m.textf("- %s: %s\n", w.Way, code(w.Command))
	}
}

func (m *md) attributes(f *report.Finding) {
	list := listed(f)
	if len(list) == 0 {
		return
	}
	head, line := "| Attribute | Applied | World |", "|---|---|---|"
	wanted := anyWanted(f)
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
		m.WriteString(row + "\n")
	}
	if more := unlisted(f); more > 0 {
		m.textf("\nAnd %s.\n", wording.Count(more, "more attribute"))
	}
}

func valueCell(v *report.Value) string {
	if v == nil {
		return "none"
	}
	return wording.Whole(inCell(v.Text), v.Length)
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
				m.textf(": looked at %s ago, %s", s.Age, wording.Count(s.Resources, "resource"))
				m.notes(s)
			}
			m.WriteString("\n")
		}
	}
}

// notes is what there is to say of a clean workspace.
func (m *md) notes(s *report.Section) {
	if n := len(s.Pending); n > 0 {
		m.textf(", %s", pending(n))
	}
	if n := len(s.Ignored); n > 0 {
		m.textf(", %s ignored", wording.Count(n, "finding"))
	}
	if len(s.Blind) > 0 {
		m.textf("; not seen: %s", blinds(s, code))
	}
}

func (m *md) resolved() {
	n := 0
	for i := range m.r.Workspaces {
		s := &m.r.Workspaces[i]
		for j := range s.Resolved {
			f := &s.Resolved[j]
			if n++; n == 1 {
				m.textf("\n## Resolved %s\n\n", m.r.SinceWhen())
			}
			m.textf("- %s in %s: %s, %s\n", code(f.Address), code(s.Name), wording.Class(f.Class), resolution(f, code))
		}
	}
}

func (m *md) leftOut() {
	if len(m.r.Rules) == 0 {
		return
	}
	m.WriteString("\n## Ignored\n\n| Rule | Reason | Lasts | Owner | Findings | Attributes |\n" +
		"|---|---|---|---|---:|---:|\n")
	for _, l := range m.r.Rules {
		m.textf("| %s | %s | %s | %s | %d | %d |\n", inCell(l.Rule.Name), inCell(l.Rule.Reason), lasts(l),
			ownerCell(l.Rule.Owner), len(l.Findings), l.Attributes)
	}
}

func (m *md) trend() {
	t := m.r.Trend
	if !known(t) {
		return
	}
	m.textf("\n## Trend\n\nOpen findings, 90 days: `%s`\n\n", sparks(t.Days))
	m.WriteString("| Days | Open before | Open now | New | Resolved | Time to detect, at most | Time to repair |\n" +
		"|---:|---:|---:|---:|---:|---:|---:|\n")
	for _, p := range t.Periods {
		m.textf("| %d | %d | %d | %d | %d | %s | %s |\n", p.Days, p.Before, p.Now, p.New, p.Resolved, p.Detect,
			p.Repair)
	}
}

func (m *md) blind() {
	m.WriteString("\n## What no check sees\n\n")
	for _, x := range m.r.Blind {
		m.textf("- %s: %s\n", x.What, x.Why)
	}
}

// code is text from outside as a code span. (In a table it is inCell.)
func code(s string) string {
	s = term.Clean(s)
	if strings.TrimSpace(s) == "" {
		return "–"
	}
	fence := strings.Repeat("`", 1+longestRun(s, '`'))
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") || strings.HasPrefix(s, " ") &&
		strings.HasSuffix(s, " ") {
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
	return wording.List(out)
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
