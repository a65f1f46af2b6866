package report_test

import (
	"slices"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/drift/report"
)

// The trend and the means are those that a plain count over what happened
// comes to, on random histories.
func TestTrendIsWhatHappened(t *testing.T) {
	for seed := range uint64(25) {
		f := newFleet(seed, 1+int(seed%7), words("a", "b", "c"))
		r := report.Build(f.in)
		checkDays(t, f, r)
		for _, p := range r.Trend.Periods {
			checkPeriod(t, f, p)
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func checkDays(t *testing.T, f *fleet, r *report.Report) {
	for i, d := range r.Trend.Days {
		end := time.Date(2026, 11, 21+1-(len(r.Trend.Days)-1-i), 0, 0, 0, 0, fleetZone)
		if i == len(r.Trend.Days)-1 {
			end = f.in.At
		}
		if want := end.Add(-time.Minute).Format(time.DateOnly); d.Date != want {
			t.Errorf("day %d is %s, not %s", i, d.Date, want)
		}
		lost, known := f.unchecked(end)
		if i == len(r.Trend.Days)-1 {
			lost += r.Summary.NeverChecked // a workspace that was never looked at counts in a report
		}
		if want := f.at(end); d.Open != want || d.Unchecked != lost || d.Known != known {
			t.Errorf("%s: %+v, want %+v, %d unchecked, known %v", d.Date, d, want, lost, known)
		}
	}
	if want := f.at(f.in.At); r.Summary.Severity != want {
		t.Errorf("open now: %+v, want %+v", r.Summary.Severity, want)
	}
}

func checkPeriod(t *testing.T, f *fleet, got report.Period) {
	start := f.in.At.AddDate(0, 0, -got.Days)
	want := report.Period{Days: got.Days, Before: f.at(start).Total(), Now: f.at(f.in.At).Total()}
	var detect, repair []time.Duration
	for _, e := range f.truth {
		if e.ignored {
			continue
		}
		if e.began.After(start) {
			if want.New++; !e.before.IsZero() {
				detect = append(detect, e.began.Sub(e.before))
			}
		}
		if e.ended.After(start) {
			want.Resolved++
			repair = append(repair, e.ended.Sub(e.began))
		}
	}
	want.Detect, want.Repair = mean(detect), mean(repair)
	if got != want {
		t.Errorf("%d days:\n%+v, want\n%+v", got.Days, got, want)
	}
}

// What is in the lists of a report is what happened in its window.
func TestListsAreWhatHappened(t *testing.T) {
	for seed := range uint64(25) {
		f := newFleet(100+seed, 1+int(seed%5), words("a", "b"))
		r := report.Build(f.in)
		var open, fresh, resolved, ignored []string
		for _, e := range f.truth {
			if e.ignored && e.ended.IsZero() {
				ignored = append(ignored, e.id)
			}
		}
		for _, e := range f.last() {
			if e.ended.IsZero() {
				open = append(open, e.id)
				if e.began.After(f.in.Since) {
					fresh = append(fresh, e.id)
				}
			} else if e.ended.After(f.in.Since) {
				resolved = append(resolved, e.id)
			}
		}
		var got [4][]string
		for _, s := range r.Workspaces {
			got[0], got[2], got[3] = append(got[0], sortedIDs(s.Findings)...),
				append(got[2], sortedIDs(s.Resolved)...), append(got[3], sortedIDs(s.Ignored)...)
			for _, x := range s.Findings {
				if x.New {
					got[1] = append(got[1], x.ID)
				}
			}
			if !slices.IsSortedFunc(s.Findings, func(a, b report.Finding) int { return place(a) - place(b) }) {
				t.Errorf("seed %d: %s is not worst first", seed, s.Name)
			}
		}
		for i, want := range [][]string{open, fresh, resolved, ignored} {
			slices.Sort(want)
			if slices.Sort(got[i]); !slices.Equal(got[i], want) {
				t.Errorf("seed %d: list %d is %v, want %v", seed, i, got[i], want)
			}
		}
		if s := r.Summary; s.Open != len(open) || s.New != len(fresh) || s.Resolved != len(resolved) ||
			s.Ignored != len(ignored) {
			t.Errorf("seed %d: %+v", seed, s)
		}
	}
}

// place orders findings: what is acknowledged last, then by severity.
func place(f report.Finding) int {
	n := slices.Index(drift.Severities(), f.Severity)
	if f.Life == drift.Acknowledged {
		n += 10
	}
	return n
}
