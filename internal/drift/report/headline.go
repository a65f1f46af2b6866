package report

import (
	"fmt"
	"strings"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/drift/report/wording"
)

// String is a duration in words, rounded down to its two greatest units: "3
// days", "1 day 4 h", "25 min".
func (s Seconds) String() string {
	d, h, m := int(s/86400), int(s%86400/3600), int(s%3600/60)
	switch {
	case s < 60:
		return fmt.Sprintf("%d s", int(s))
	case d > 2, d > 0 && h == 0:
		return wording.Count(d, "day")
	case d > 0:
		return fmt.Sprintf("%s %d h", wording.Count(d, "day"), h)
	case h > 0 && m > 0:
		return fmt.Sprintf("%d h %d min", h, m)
	case h > 0:
		return fmt.Sprintf("%d h", h)
	}
	return fmt.Sprintf("%d min", m)
}

// String is the mean for people.
func (m Mean) String() string {
	if m.Count == 0 {
		return "–"
	}
	return fmt.Sprintf("%s (of %s)", m.Mean, wording.Number(m.Count))
}

// String lists the severities that there are, worst first.
func (s Severities) String() string {
	var parts []string
	for _, v := range drift.Severities() {
		if n := s.Of(v); n > 0 {
			parts = append(parts, wording.Number(n)+" "+string(v))
		}
	}
	return strings.Join(parts, ", ")
}

// SinceWhen says since when something is news: "since the last report", or a time.
func (r *Report) SinceWhen() string {
	if r.Last {
		return "since the last report"
	}
	return "since " + r.Since.Format("2 Jan 2006 15:04 MST")
}

// headline is the whole window in one sentence.
func headline(r *Report) string {
	w := r.Summary.Workspaces
	applied, what := w.Total-w.NeverApplied, "workspace"
	if w.NeverApplied > 0 { // or it would read as if these were all
		what = "applied workspace"
	}
	switch {
	case w.Total == 0:
		return "There are no workspaces, so there was nothing to check."
	case applied == 0 && w.Total == 1:
		return "Nothing is applied yet in the only workspace, so nothing can drift."
	case applied == 0:
		return fmt.Sprintf("Nothing is applied yet in any of %s, so nothing can drift.",
			wording.Count(w.Total, "workspace"))
	case w.Clean == 1 && applied == 1:
		return "All is well: the only " + what + " was checked and has not drifted" + told(r) + "."
	case w.Clean == applied:
		return fmt.Sprintf("All is well: all %s were checked and none has drifted%s.", wording.Count(applied, what),
			told(r))
	}
	var parts []string
	part := func(n int, one, many string) {
		verb := many
		if n == 1 {
			verb = one
		}
		switch {
		case n == 0:
		case len(parts) > 0:
			parts = append(parts, wording.Number(n)+" "+verb)
		case applied == 1:
			parts = append(parts, "The only "+what+" "+verb)
		case n == applied:
			parts = append(parts, "All "+wording.Count(n, what)+" "+verb)
		default:
			parts = append(parts, wording.Number(n)+" of "+wording.Count(applied, what)+" "+verb)
		}
	}
	part(w.Unchecked, "is unchecked", "are unchecked")
	part(w.Drifted, "has drifted", "have drifted")
	part(w.Clean, "is clean", "are clean")
	return wording.List(parts) + told(r) + "."
}

// told is the second half of a headline: the findings.
func told(r *Report) string {
	since := " " + r.SinceWhen()
	s := r.Summary
	if s.Open == 0 && s.Resolved == 0 {
		return ""
	}
	if s.Open == 0 {
		return "; " + wording.Count(s.Resolved, "finding") + " resolved" + since
	}
	worst := s.Severity.Worst()
	text := fmt.Sprintf("; %s (%s %s)", wording.Count(s.Open, "open finding"), numberOf(s.Severity.Of(worst), s.Open),
		worst)
	switch {
	case s.New > 0 && s.Resolved > 0:
		return text + fmt.Sprintf(", %s new and %s resolved", numberOf(s.New, s.Open), wording.Number(s.Resolved)) +
			since
	case s.New > 0:
		return text + ", " + numberOf(s.New, s.Open) + " new" + since
	case s.Resolved > 0:
		return text + fmt.Sprintf(", none new and %s resolved", wording.Number(s.Resolved)) + since
	}
	return text + ", none new" + since
}

// numberOf is "all" where that is so.
func numberOf(n, all int) string {
	if n == all && n > 1 {
		return "all"
	}
	return wording.Number(n)
}
