package report_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/drift/classify"
	"github.com/tfops/tfops/internal/drift/report"
	"github.com/tfops/tfops/internal/plan"
)

// fleet is a made-up fleet whose nights are checked one after the other, with
// the rules that the engine uses, and whose truth is written down beside.
type fleet struct {
	rng   *rand.Rand
	in    report.Input
	rules drift.Rules
	text  func() string // what providers and people write
	truth []*episode
}

// episode is one time that something was wrong, as it was seen.
type episode struct {
	workspace, id string
	severity      drift.Severity
	ignored       bool
	began, before time.Time // the check that found it; the one before that looked, zero for none
	ended         time.Time // zero: it is there
}

const fleetNights = 95

var fleetZone = time.UTC

// newFleet lives through the nights. Every night of a workspace something may
// break, be mended, be acknowledged, be missed or fail to be looked at.
func newFleet(seed uint64, workspaces int, text func() string) *fleet {
	f := &fleet{rng: rand.New(rand.NewPCG(seed, 1)), text: text}
	f.in = report.Input{ID: "r-1", Name: text(), At: time.Date(2026, 11, 21, 6, 0, 0, 0, fleetZone),
		Location: fleetZone,
		Instance: report.Instance{Name: text(), URL: text(), Version: text()}}
	f.in.Since = f.in.At.AddDate(0, 0, -1-f.rng.IntN(20))
	f.rules.Ignore = []drift.Ignore{{Name: text(), Address: "quiet.*", Reason: text(), Owner: text()},
		{Name: text(), Attributes: []string{"noise"}, Reason: text(), Expires: f.in.At.AddDate(0, 0, 30)},
		{Name: "over", Reason: text(), Expires: f.in.At.AddDate(0, 0, -200)}}
	for _, s := range drift.Severities() {
		f.rules.Severity = append(f.rules.Severity, drift.SeverityRule{Name: string(s), Type: string(s), Severity: s})
	}
	f.in.Ignore = f.rules.Ignore
	for i := range workspaces {
		f.live(report.Workspace{Name: fmt.Sprintf("%d%s", i, text()), Repository: text(), Branch: text(), Dir: text(),
			Labels:  map[string]string{text(): text()},
			Applied: "4be1f0c9d2a7", Head: "4be1f0c9d2a7", Schedule: "0 2 * * *", Timezone: "UTC"})
	}
	return f
}

// live takes a workspace through all nights.
func (f *fleet) live(w report.Workspace) {
	f.in.Workspaces = append(f.in.Workspaces, w)
	var known []drift.Finding
	wrong, open := map[int]bool{}, map[string]*episode{}
	var lookedAt time.Time
	key := f.text()
	first := f.rng.IntN(60)
	for n := first; n < fleetNights; n++ {
		c := drift.Check{Workspace: w.Name, Run: fmt.Sprintf("run-%d", n),
			At: f.in.At.AddDate(0, 0, n-fleetNights+1).Add(-4*time.Hour +
				time.Duration(f.rng.IntN(29))*time.Minute),
			Outcome: drift.Clean, Resources: 5, Blind: append(classify.Blinds(nil), drift.Blind{Address: f.text(),
				What: f.text()})}
		var found []drift.Difference
		switch f.rng.IntN(12) {
		case 0:
			continue // missed
		case 1:
			c.Outcome, c.Why = drift.NotChecked, f.text()
			found = []drift.Difference{{Class: drift.Unchecked, Attributes: []drift.Attribute{{}},
				Problems: []string{f.text()}}}
		default:
			for i := range 6 {
				if wrong[i] = wrong[i] != (f.rng.IntN(7) == 0); wrong[i] {
					found = append(found, f.difference(i, key))
				}
			}
			f.note(w.Name, found, open, c.At, lookedAt)
			lookedAt = c.At
		}
		known, _ = f.rules.Update(known, c, found, c.At)
		f.in.Checks = append(f.in.Checks, c.Concluded(found, known))
		f.acknowledge(known, c.At)
	}
	for i := range known {
		known[i].Owners, known[i].File, known[i].Line = []string{f.text()}, f.text(), 3
		known[i].LastRun, known[i].LastApprovers = f.text(), []string{f.text()}
	}
	f.in.Findings = append(f.in.Findings, known...)
}

// difference is the i-th thing that can be wrong with a workspace.
func (f *fleet) difference(i int, key string) drift.Difference {
	classes := drift.Classes()
	d := drift.Difference{Address: fmt.Sprintf(`box.n%d["%s"]`, i, key), Type: string(drift.Severities()[i%4]),
		Class: classes[i], Action: plan.Update,
		Attributes: []drift.Attribute{{Path: fmt.Sprintf(`tags["%s"]`, key), Before: f.text(), After: f.text(),
			Wanted: f.text()}}}
	switch i {
	case 4:
		d.Address = "quiet.n4"
	case 5:
		d.Attributes = append(d.Attributes, drift.Attribute{Path: "noise", Before: 1, After: f.rng.IntN(100)},
			drift.Attribute{Path: "token", Before: "x", After: "y", Sensitive: true})
		d.Class, d.Problems = drift.CheckFailed, []string{f.text()}
	}
	return d
}

// note writes down what a check that looked found.
func (f *fleet) note(workspace string, found []drift.Difference, open map[string]*episode, at, before time.Time) {
	there := map[string]bool{}
	for _, d := range found {
		id := drift.ID(workspace, d.Address, d.Class)
		if there[id] = true; open[id] == nil {
			open[id] = &episode{workspace: workspace, id: id, severity: drift.Severity(d.Type),
				ignored: d.Address == "quiet.n4", began: at, before: before}
			f.truth = append(f.truth, open[id])
		}
	}
	for id, e := range open {
		if !there[id] {
			e.ended = at
			delete(open, id)
		}
	}
}

func (f *fleet) acknowledge(known []drift.Finding, at time.Time) {
	if len(known) == 0 || f.rng.IntN(4) > 0 {
		return
	}
	i := f.rng.IntN(len(known))
	if acked, _, err := drift.Acknowledge(known[i], drift.Ack{By: f.text() + ".", Reason: f.text() + ".",
		Until: at.AddDate(0, 0, 1+f.rng.IntN(20))}, at); err == nil {
		known[i] = acked
	}
}

// last are the newest episodes of each finding that no rule ignores.
func (f *fleet) last() []*episode {
	by := map[string]*episode{}
	for _, e := range f.truth {
		if !e.ignored {
			by[e.id] = e
		}
	}
	var out []*episode
	for _, e := range by {
		out = append(out, e)
	}
	return out
}

// at counts what was open at a time.
func (f *fleet) at(t time.Time) (s report.Severities) {
	for _, e := range f.truth {
		if e.ignored || e.began.After(t) || !e.ended.IsZero() && !e.ended.After(t) {
			continue
		}
		switch e.severity {
		case drift.Critical:
			s.Critical++
		case drift.High:
			s.High++
		case drift.Medium:
			s.Medium++
		case drift.Low:
			s.Low++
		}
	}
	return s
}

// unchecked counts the workspaces of which nothing was known at a time: the
// last check failed, or the one of a night was still missing an hour and a half
// after it was due.
func (f *fleet) unchecked(t time.Time) (n int, known bool) {
	for _, w := range f.in.Workspaces {
		var last drift.Check
		for _, c := range f.in.Checks {
			if c.Workspace == w.Name && !c.At.After(t) {
				last = c
			}
		}
		if last.At.IsZero() {
			continue
		}
		known = true
		missed := false
		for due := time.Date(2026, 7, 1, 2, 0, 0, 0, fleetZone); due.Before(t); due = due.AddDate(0, 0, 1) {
			missed = missed || due.After(last.At.Add(29*time.Minute)) && t.Sub(due) > 90*time.Minute
		}
		if last.Outcome == drift.NotChecked || missed {
			n++
		}
	}
	return n, known
}

func words(list ...string) func() string {
	i := 0
	return func() string { i++; return list[i%len(list)] }
}

func mean(list []time.Duration) report.Mean {
	if len(list) == 0 {
		return report.Mean{}
	}
	sum := 0.0
	for _, d := range list {
		sum += d.Seconds()
	}
	return report.Mean{Mean: report.Seconds(sum/float64(len(list)) + 0.5), Count: len(list)}
}

func sortedIDs(list []report.Finding) []string {
	var out []string
	for _, f := range list {
		out = append(out, f.ID)
	}
	slices.Sort(out)
	return out
}
