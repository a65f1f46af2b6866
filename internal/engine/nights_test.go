package engine

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/drift/report"
	"github.com/tfops/tfops/internal/engine/acts"
	"github.com/tfops/tfops/internal/engine/settings"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/gitrepo"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/testrig"
	"github.com/tfops/tfops/internal/workspace"
)

// Ninety nights of forty workspaces, through the real engine and the real
// store: things drift, are put back by hand or by an apply, drift again, are
// acknowledged; checks fail; the daemon is down for two nights. What reports say
// of it is held against a recomputation by a person with a pencil, who wrote
// down what was done and what each look saw, and knows nothing of findings.

const fleetNights = 90

// fleetSize is the number of workspaces. Under the race detector, where forty take two
// minutes, there are eight, and with -short three: what is recomputed is recomputed for each
// workspace by itself, and three are enough to be checked at the same time.
var fleetSize = sync.OnceValue(func() int {
	switch {
	case testing.Short():
		return 3
	case testrig.Race:
		return 8
	}
	return 40
})

// seen is a look at the world by one check, or by an apply.
type seen struct {
	at     time.Time
	failed bool
	saw    map[thing]bool
}

// thing is what may differ in a workspace: one that is changed and one that is
// gone, so that what a check counts by class tells which it was.
type thing struct {
	address string
	class   drift.Class
}

var things = []thing{{"box.one", drift.Changed}, {"box.two", drift.Deleted}}

// pencil is what is written down.
type pencil struct {
	g     *rig
	rand  *rand.Rand
	names []string
	wrong map[string]map[thing]bool // the world now
	fails map[string]bool           // checks of the workspace fail now
	looks map[string][]seen
	acks  map[string][]drift.Ack // by finding, in time
}

func (p *pencil) plan(name string) *plan.Plan {
	w := &world{g: p.g, sizes: map[string]string{}}
	for t := range p.wrong[name] {
		w.sizes[t.address] = map[drift.Class]string{drift.Changed: "large", drift.Deleted: ""}[t.class]
	}
	return w.plan()
}

func (p *pencil) look(name string, failed bool) {
	saw := map[thing]bool{}
	for t := range p.wrong[name] {
		saw[t] = true
	}
	p.looks[name] = append(p.looks[name], seen{time.Now().UTC(), failed, saw})
}

// play has runners find, and put back, what is wrong, and writes down what they saw.
func (p *pencil) play() {
	p.g.runners.set(func(pl *players) {
		pl.fail = func(j job.Job) *job.Result {
			if j.Phase == job.ApplyPhase || j.LockState || !p.fails[j.Workspace] {
				return nil
			}
			p.look(j.Workspace, true)
			return &job.Result{Outcome: job.Failed, Cause: job.CauseEngine, Message: "no credentials"}
		}
		pl.plan = func(j job.Job) *plan.Plan {
			if len(p.looks[j.Workspace]) == 0 {
				return &plan.Plan{Complete: true, Applyable: true, Counts: plan.Counts{Add: 1},
					Changes: []plan.Change{{Address: "box.made", Mode: "managed", Type: "box", Action: plan.Create}}}
			}
			if !j.LockState || len(p.wrong[j.Workspace]) == 0 { // a check, or a plan without changes
				p.look(j.Workspace, false)
			}
			return p.plan(j.Workspace)
		}
		pl.onStart = func(j job.Job) {
			if j.Phase == job.ApplyPhase {
				p.g.runners.mu.Lock() // which it is not called with
				defer p.g.runners.mu.Unlock()
				clear(p.wrong[j.Workspace])
				p.look(j.Workspace, false)
			}
		}
	})
}

// day does things to the world around noon.
func (p *pencil) day() {
	for _, name := range p.names {
		p.g.runners.set(func(*players) {
			for _, t := range things {
				switch dice := p.rand.IntN(100); {
				case dice < 4:
					p.wrong[name][t] = true
				case dice < 10:
					delete(p.wrong[name], t)
				}
			}
			if dice := p.rand.IntN(100); dice < 3 {
				p.fails[name] = true
			} else if dice < 40 {
				delete(p.fails, name)
			}
		})
	}
	for _, f := range p.g.findings("") {
		if p.rand.IntN(100) < 5 && f.Class != drift.Unchecked {
			until := time.Now().UTC().AddDate(0, 0, 1+p.rand.IntN(9))
			if _, err := p.g.engine.Acknowledge(context.Background(), ana, f.ID, "known", until); err != nil {
				p.g.t.Fatal(err)
			}
			p.acks[f.ID] = append(p.acks[f.ID], drift.Ack{At: time.Now(), Until: until})
		}
	}
	if name := p.names[p.rand.IntN(len(p.names))]; p.rand.IntN(3) == 0 {
		if _, err := p.g.engine.Start(context.Background(), ana,
			acts.Order{Workspace: name, Kind: run.Sync}); err != nil {
			p.g.t.Fatal(err)
		}
	}
	p.g.settle()
}

// stay is a time in which something differed as far as anybody could know: from
// the look that found it to the one that did not.
type stay struct {
	from, to time.Time // to is zero: it is there still
	before   time.Time // of the look before the one that found it; zero: there was none
}

func (s stay) open(at time.Time) bool {
	return !s.from.After(at) && (s.to.IsZero() || s.to.After(at))
}

// stays lists those of one thing, until a time.
func (p *pencil) stays(name string, t thing, until time.Time) (out []stay) {
	var before time.Time
	there := false
	for _, l := range p.looks[name] {
		if l.failed || l.at.After(until) {
			continue
		}
		switch saw := l.saw[t]; {
		case saw && !there:
			out = append(out, stay{from: l.at, before: before})
		case !saw && there:
			out[len(out)-1].to = l.at
		}
		there, before = l.saw[t], l.at
	}
	return out
}

// unknown reports whether nothing was known of a workspace at a time: its last
// look failed, or that of this day is missing. ok is false before the first.
func (p *pencil) unknown(name string, at time.Time) (unknown, ok bool) {
	var last seen
	for _, l := range p.looks[name] {
		if !l.at.After(at) {
			last, ok = l, true
		}
	}
	morning := at.Add(-time.Nanosecond).Truncate(24 * time.Hour).Add(2 * time.Hour)
	return last.failed || last.at.Before(morning), ok
}

func severityOf(c drift.Class) drift.Severity {
	if c == drift.Deleted {
		return drift.Critical
	}
	return drift.Medium
}

type sum struct {
	total time.Duration
	n     int
}

func (s *sum) add(d time.Duration) { s.total, s.n = s.total+d, s.n+1 }

func (s *sum) is(m report.Mean) bool {
	want := 0.0
	if s.n > 0 {
		want = s.total.Seconds() / float64(s.n)
	}
	return m.Count == s.n && math.Abs(float64(m.Mean)-want) <= 1
}

// known reports whether the newest word that somebody gave of a finding holds.
func (p *pencil) known(id string, at time.Time) (holds bool) {
	for _, a := range p.acks[id] {
		if !a.At.After(at) {
			holds = a.Until.After(at)
		}
	}
	return holds
}

// every calls fn for each thing of each workspace that was ever found.
func (p *pencil) every(until time.Time, fn func(name string, t thing, stays []stay)) {
	for _, name := range p.names {
		for _, t := range things {
			if s := p.stays(name, t, until); len(s) > 0 {
				fn(name, t, s)
			}
		}
	}
}

// hold compares a report with what is written down.
func (p *pencil) hold(t *testing.T, r *report.Report) {
	t.Helper()
	var open, fresh, resolved, acked int
	var sev report.Severities
	drifted, unknown := map[string]bool{}, 0
	p.every(r.At, func(name string, th thing, stays []stay) {
		last := stays[len(stays)-1]
		if last.open(r.At) {
			open++
			drifted[name] = true
			if severityOf(th.class) == drift.Critical {
				sev.Critical++
			} else {
				sev.Medium++
			}
			if last.from.After(r.Since) {
				fresh++
			}
			if p.known(drift.ID(name, th.address, th.class), r.At) {
				acked++
			}
		} else if last.to.After(r.Since) {
			resolved++
		}
	})
	for _, name := range p.names {
		if lost, _ := p.unknown(name, r.At); lost {
			unknown++
			delete(drifted, name)
		}
	}
	got := r.Summary
	if got.Open != open || got.New != fresh || got.Resolved != resolved || got.Acknowledged != acked ||
		got.Severity != sev {
		t.Errorf("%s: %d open, %d new, %d resolved, %d acknowledged, %+v; want %d, %d, %d, %d, %+v",
			r.At.Format(time.DateOnly),
			got.Open, got.New, got.Resolved, got.Acknowledged, got.Severity, open, fresh, resolved, acked, sev)
	}
	if w := got.Workspaces; w.Total != fleetSize() || w.Unchecked != unknown || w.Drifted != len(drifted) ||
		w.Clean != fleetSize()-unknown-len(drifted) {
		t.Errorf("%s: %+v, want %d unchecked and %d drifted", r.At.Format(time.DateOnly), w, unknown, len(drifted))
	}
	for i, d := range r.Trend.Days {
		p.holdDay(t, r, d, 89-i)
	}
	for _, period := range r.Trend.Periods {
		p.holdPeriod(t, r, period)
	}
}

// holdDay compares a day of the trend, so many before the report's.
func (p *pencil) holdDay(t *testing.T, r *report.Report, got report.Day, ago int) {
	t.Helper()
	end := r.At.UTC().Truncate(24*time.Hour).AddDate(0, 0, 1-ago)
	if ago == 0 {
		end = r.At
	}
	want := report.Day{Date: r.At.UTC().AddDate(0, 0, -ago).Format(time.DateOnly)}
	p.every(r.At, func(_ string, th thing, stays []stay) {
		for _, s := range stays {
			if !s.open(end) {
				continue
			}
			if severityOf(th.class) == drift.Critical {
				want.Open.Critical++
			} else {
				want.Open.Medium++
			}
		}
	})
	for _, name := range p.names {
		lost, known := p.unknown(name, end)
		want.Known = want.Known || known
		if lost && known {
			want.Unchecked++
		}
	}
	if got != want {
		t.Errorf("report of %s: the day is %+v, want %+v", r.At.Format(time.DateOnly), got, want)
	}
}

// holdPeriod compares one of the last 7, 30 and 90 days. A finding counts each
// time that it came, and went.
func (p *pencil) holdPeriod(t *testing.T, r *report.Report, got report.Period) {
	t.Helper()
	start := r.At.AddDate(0, 0, -got.Days)
	want := report.Period{Days: got.Days}
	var detect, repair sum
	p.every(r.At, func(_ string, _ thing, stays []stay) {
		for _, s := range stays {
			if s.open(start) {
				want.Before++
			}
			if s.open(r.At) {
				want.Now++
			} else if s.to.After(start) {
				want.Resolved++
				repair.add(s.to.Sub(s.from))
			}
			if s.from.After(start) {
				want.New++
				if !s.before.IsZero() {
					detect.add(s.from.Sub(s.before))
				}
			}
		}
	})
	if got.Before != want.Before || got.Now != want.Now || got.New != want.New || got.Resolved != want.Resolved ||
		!detect.is(got.Detect) || !repair.is(got.Repair) {
		t.Errorf("report of %s: %+v, want %+v, detected in %v, repaired in %v", r.At.Format(time.DateOnly), got, want,
			detect, repair)
	}
}

func TestNinetyNights(t *testing.T) {
	p := &pencil{rand: rand.New(rand.NewPCG(1, 2)), wrong: map[string]map[thing]bool{}, fails: map[string]bool{},
		looks: map[string][]seen{}, acks: map[string][]drift.Ack{}}
	var defs []fleet.Definition
	for i := range fleetSize() {
		name := fmt.Sprintf("w%02d", i)
		p.names, p.wrong[name] = append(p.names, name), map[thing]bool{}
		defs = append(defs, define(name, auto, func(d *fleet.Definition) {
			d.Drift, d.KeepRuns, d.KeepDays = scheduled(t, "0 2 * * *", ""), 200, 200
		}))
	}
	bubble(t, func(t *testing.T, g *rig) {
		p.g, g.git.bare = g, true
		var paths []string
		for _, name := range p.names {
			g.git.add(name + "/main.tf")
			paths = append(paths, name+"/main.tf")
		}
		g.set.Repositories["infra"] = settings.Repository{Name: "infra", Remote: g.git, Objects: g.git,
			Pace: gitrepo.Pace{Every: 30 * 24 * time.Hour}}
		g.set.Reports = []settings.ReportPlan{{Name: "nightly", Schedule: scheduled(t, "0 6 * * *", "")}}
		p.play()
		g.git.commit("main", paths...)
		g.start()
		for _, name := range p.names {
			g.want(name, run.Applied)
		}
		g.pass(12 * time.Hour)
		for night := range fleetNights {
			p.day()
			if night == 40 { // the machine is being moved
				g.halt()
				time.Sleep(46 * time.Hour)
				g.restart()
				g.pass(2 * time.Hour)
				continue
			}
			g.pass(24 * time.Hour)
		}
		all, err := g.engine.Reports(context.Background())
		if err != nil || len(all) < fleetNights-3 {
			t.Fatalf("%v: %d reports", err, len(all))
		}
		slices.Reverse(all)
		for i, kept := range all {
			r, err := g.engine.KeptReport(context.Background(), kept.ID)
			if err != nil {
				t.Fatal(err)
			}
			if i%10 == 7 || i == len(all)-1 || r.At.Hour() != 6 {
				p.hold(t, r)
			}
		}
		p.enough(t)
		p.wantQuietStore()
	}, defs...)
}

// enough asserts that the nights had something of everything.
func (p *pencil) enough(t *testing.T) {
	stays, back, failed := 0, 0, 0
	p.every(time.Now(), func(_ string, _ thing, s []stay) {
		stays += len(s)
		back += len(s) - 1
	})
	for _, looks := range p.looks {
		for _, l := range looks {
			if l.failed {
				failed++
			}
		}
	}
	t.Logf("%d findings of which %d were back, %d acknowledged, %d looks that failed", stays, back, len(p.acks), failed)
	if stays < 4*fleetSize() || back < 2*fleetSize() || len(p.acks) < fleetSize()/2 || failed < 2*fleetSize() {
		t.Error("the nights were too quiet to tell anything")
	}
}

// wantQuietStore asserts that a quarter of a year has not piled up.
func (p *pencil) wantQuietStore() {
	p.g.t.Helper()
	findings, err := p.g.store.Findings(context.Background(), "")
	if err != nil {
		p.g.t.Fatal(err)
	}
	if len(findings) > fleetSize()*(len(things)+1) {
		p.g.t.Errorf("%d findings are kept", len(findings))
	}
	for _, name := range p.names {
		if d := p.g.view(name).Record.Drift; d.Status == workspace.DriftUnknown && d.Why == "" {
			p.g.t.Errorf("%s: %+v", name, d)
		}
	}
}
