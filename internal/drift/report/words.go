package report

import (
	"fmt"
	"strings"
	"time"
)

// count is a number with its thing.
func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return thousands(n) + " " + what
}

// thousands groups digits as in 12,345.
func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// long is a duration in words, rounded down to its two greatest units: "3
// days", "1 day 4 h", "25 min".
func long(s Seconds) string {
	d, h, m := int(s/86400), int(s%86400/3600), int(s%3600/60)
	switch {
	case s < 60:
		return fmt.Sprintf("%d s", s)
	case d > 2, d > 0 && h == 0:
		return count(d, "day")
	case d > 0:
		return fmt.Sprintf("%s %d h", count(d, "day"), h)
	case h > 0 && m > 0:
		return fmt.Sprintf("%d h %d min", h, m)
	case h > 0:
		return fmt.Sprintf("%d h", h)
	}
	return fmt.Sprintf("%d min", m)
}

// clock is a time for people; the zone stands in the head of a report.
func clock(t time.Time) string { return t.Format("Mon 2 Jan 2006 15:04") }

// clockZone is a time with its zone.
func clockZone(t time.Time) string { return t.Format("Mon 2 Jan 2006 15:04 MST") }

// commit is the beginning of a commit's hash, as long as in all of tfops.
func commit(sha string) string { return sha[:min(len(sha), 8)] }

// again is the command that prints a report in a format. Only those that were
// made by schedule are kept, and have a name.
func again(r *Report, format string) string {
	if r.Name == "" {
		return "tfops drift report --format " + format
	}
	return "tfops drift report --id " + r.ID + " --format " + format
}

// headline is the whole window in one sentence.
func headline(r *Report) string {
	w, s := r.Summary.Workspaces, r.Summary
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
		return fmt.Sprintf("Nothing is applied yet in any of %s, so nothing can drift.", count(w.Total, "workspace"))
	case w.Clean == 1 && applied == 1:
		return "All is well: the only " + what + " was checked and has not drifted" + told(s) + "."
	case w.Clean == applied:
		return fmt.Sprintf("All is well: all %s were checked and none has drifted%s.", count(applied, what), told(s))
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
			parts = append(parts, thousands(n)+" "+verb)
		case applied == 1:
			parts = append(parts, "The only "+what+" "+verb)
		case n == applied:
			parts = append(parts, "All "+count(n, what)+" "+verb)
		default:
			parts = append(parts, thousands(n)+" of "+count(applied, what)+" "+verb)
		}
	}
	part(w.Unchecked, "is unchecked", "are unchecked")
	part(w.Drifted, "has drifted", "have drifted")
	part(w.Clean, "is clean", "are clean")
	return and(parts) + told(s) + "."
}

// told is the second half of a headline: the findings.
func told(s Summary) string {
	const since = " since the last report"
	if s.Open == 0 && s.Resolved == 0 {
		return ""
	}
	if s.Open == 0 {
		return "; " + count(s.Resolved, "finding") + " resolved" + since
	}
	worst := s.Severity.worst()
	text := fmt.Sprintf("; %s (%s %s)", count(s.Open, "open finding"), numberOf(s.Severity.Of(worst), s.Open), worst)
	switch {
	case s.New > 0 && s.Resolved > 0:
		return text + fmt.Sprintf(", %s new and %s resolved", numberOf(s.New, s.Open), thousands(s.Resolved)) + since
	case s.New > 0:
		return text + ", " + numberOf(s.New, s.Open) + " new" + since
	case s.Resolved > 0:
		return text + fmt.Sprintf(", none new and %s resolved", thousands(s.Resolved)) + since
	}
	return text + ", none new" + since
}

// numberOf is "all" where that is so.
func numberOf(n, all int) string {
	if n == all && n > 1 {
		return "all"
	}
	return thousands(n)
}

// and joins parts as a sentence does.
func and(parts []string) string {
	if n := len(parts); n > 1 {
		return strings.Join(parts[:n-1], ", ") + " and " + parts[n-1]
	}
	return strings.Join(parts, "")
}
