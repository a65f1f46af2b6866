package e2e

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/testrig"
)

// often is the interval of the schedules below; a daemon must be able to start
// and check within it.
const often = 8 * time.Second

// TestMissedWhileDown: a check and a report that were due several times while
// no daemon ran are made once, at the start, and then by schedule again.
func TestMissedWhileDown(t *testing.T) {
	if !testrig.Long(t, "what was missed while no daemon ran") {
		return
	}
	t.Parallel()
	l := newLab(t)
	l.repo.Commit("main", map[string]string{"main.tf": "resource \"terraform_data\" \"x\" {}\n"})
	l.configure(fmt.Sprintf("workspace \"w\" {\n  repository = \"infra\"\n  apply = \"auto\"\n  drift {\n    "+
		"schedule = \"@every %[1]s\"\n  }\n}\n"+
		"report \"nightly\" {\n  schedule = \"@every %[1]s\"\n}\n", often))
	l.serve()
	l.until("a report was made", func() bool { return len(l.reports()) > 0 })
	l.latest("w", "planned_and_finished") // a check that waits would be made at the start anyway
	l.terminate()
	up := time.Now().Truncate(often).Add(2 * often)
	l.until("two times were missed", func() bool { return time.Now().After(up) })
	begin := time.Now()
	next := begin.Truncate(often).Add(often)
	l.serve()
	l.until("a check and a report were made by schedule",
		func() bool { return after(l.checks(), next) && after(l.reports(), next) })
	for what, times := range map[string][]time.Time{"check": l.checks(), "report": l.reports()} {
		late, onTime := 0, 0
		for _, at := range times {
			switch {
			case at.Before(begin):
			case at.Before(next):
				late++
			default:
				onTime++
			}
		}
		if late != 1 || onTime == 0 {
			t.Errorf("%ss after the start at %v, with %v as the next time of the schedule: %v", what, begin, next,
				times)
		}
	}
}

func after(times []time.Time, t time.Time) bool {
	return slices.ContainsFunc(times, func(at time.Time) bool { return !at.Before(t) })
}

// checks is when the checks that a schedule asked for were.
func (l *lab) checks() []time.Time {
	l.t.Helper()
	runs, err := l.client.Runs(l.t.Context(), api.RunsQuery{Kinds: []string{"drift"}})
	if err != nil {
		l.t.Fatal(err)
	}
	var times []time.Time
	for _, r := range runs {
		times = append(times, r.CreatedAt)
	}
	return times
}

// reports is when reports were made.
func (l *lab) reports() []time.Time {
	l.t.Helper()
	kept, err := l.client.DriftReports(l.t.Context())
	if err != nil {
		l.t.Fatal(err)
	}
	var times []time.Time
	for _, r := range kept {
		times = append(times, r.At)
	}
	return times
}
