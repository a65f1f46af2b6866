package engine

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/drift/report"
	"github.com/tfops/tfops/internal/drift/schedule"
	"github.com/tfops/tfops/internal/engine/settings"
	"github.com/tfops/tfops/internal/engine/upkeep"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/gitrepo"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/notify"
	"github.com/tfops/tfops/internal/run"
)

// reportRig is a rig that makes reports; polls are rare, so that weeks pass quickly.
func reportRig(t *testing.T, plans []settings.ReportPlan, fn func(*testing.T, *rig, *world), defs ...fleet.Definition) {
	t.Helper()
	targets := []notify.Target{{Name: "ops", On: []run.NoticeKind{run.NoticeReport}},
		{Name: "boss", On: []run.NoticeKind{run.NoticeErrored}}}
	bubble(t, func(t *testing.T, g *rig) {
		g.adjust = func(s *settings.Settings) {
			s.Wants = func(n run.Notice) []string { return notify.Wants(targets, n) }
			s.Repositories["infra"] = settings.Repository{Name: "infra", Remote: g.git, Objects: g.git,
				Pace: gitrepo.Pace{Every: time.Hour}}
			s.Reports = plans
		}
		g.adjust(g.set)
		fn(t, g, inWorld(g))
	}, defs...)
}

// plans replaces the report blocks.
func (g *rig) reportsBy(plans ...settings.ReportPlan) {
	g.t.Helper()
	with := g.adjust
	g.adjust = func(s *settings.Settings) { with(s); s.Reports = plans }
	g.configure(g.set.Config.Workspaces...)
}

// reports are those that were made, oldest first, each with its file.
func (g *rig) reports() []run.Report {
	g.t.Helper()
	kept, err := g.engine.Reports(context.Background())
	if err != nil {
		g.t.Fatal(err)
	}
	files, err := os.ReadDir(filepath.Join(g.dir, "reports"))
	if err != nil && len(kept) > 0 || len(files) != len(kept) {
		g.t.Errorf("%v: %d files of %d reports", err, len(files), len(kept))
	}
	slices.Reverse(kept)
	for _, r := range kept {
		g.report(r.ID)
	}
	return kept
}

func (g *rig) report(id string) *report.Report {
	g.t.Helper()
	r, err := g.engine.KeptReport(context.Background(), id)
	if err != nil {
		g.t.Fatal(err)
	}
	return r
}

// wantReports asserts when reports were made, as the clock in a place has it.
func (g *rig) wantReports(zone *time.Location, want ...string) {
	g.t.Helper()
	var got []string
	for _, r := range g.reports() {
		got = append(got, r.At.In(zone).Truncate(time.Second).Format("2 Jan 15:04 MST"))
	}
	if !slices.Equal(got, want) {
		g.t.Errorf("reports at %q, want %q", got, want)
	}
	if n := len(g.told("ops")); n != len(want) || len(g.told("boss")) != 0 {
		g.t.Errorf("%d reports were told of, want %d", n, len(want))
	}
}

func (g *rig) halt() {
	g.stop()
	<-g.done
	g.stop = nil
}

func daily(t *testing.T, change ...func(*settings.ReportPlan)) settings.ReportPlan {
	p := settings.ReportPlan{Name: "daily", Schedule: scheduled(t, "0 6 * * *", "")}
	for _, c := range change {
		c(&p)
	}
	return p
}

// A report goes by the clock of its place: the night that skips its time has it
// later, the night that has its time twice has it once.
func TestReportGoesByTheClock(t *testing.T) {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	plan := settings.ReportPlan{Name: "nightly", Schedule: scheduled(t, "30 2 * * *", "Europe/Paris"), Location: paris}
	for name, c := range map[string]struct {
		begin time.Time
		want  []string
	}{
		"put forward": {time.Date(2000, 3, 24, 12, 0, 0, 0, paris), []string{"25 Mar 02:30 CET", "26 Mar 03:30 CEST",
			"27 Mar 02:30 CEST"}},
		"put back": {time.Date(2000, 10, 27, 12, 0, 0, 0, paris), []string{"28 Oct 02:30 CEST", "29 Oct 02:30 CEST",
			"30 Oct 02:30 CET"}},
	} {
		t.Run(name, func(t *testing.T) {
			reportRig(t, []settings.ReportPlan{plan}, func(t *testing.T, g *rig, w *world) {
				time.Sleep(time.Until(c.begin))
				g.start()
				g.pass(72 * time.Hour)
				g.wantReports(paris, c.want...)
				all := g.reports()
				for i, r := range all {
					if r.DueAt.After(r.At) || r.At.Sub(r.DueAt) > time.Second {
						t.Errorf("made at %s for %s", r.At, r.DueAt)
					}
					since := r.At.Add(-upkeep.FirstWindow)
					if i > 0 {
						since = all[i-1].At
					}
					if !r.Since.Equal(since) {
						t.Errorf("report %d is since %s, want %s", i, r.Since, since)
					}
					if at := g.report(r.ID).At.Format("15:04 -0700"); at != r.At.In(paris).Format("15:04 -0700") {
						t.Errorf("its times are told as %s", at)
					}
				}
			})
		})
	}
}

// A report that was missed while no daemon ran is made once, however many times
// were missed and however often the daemon starts or reads its configuration.
func TestMissedReportIsMadeOnce(t *testing.T) {
	for name, before := range map[string][]string{"the first of all": nil,
		"one of many": {"1 Jan 06:00 UTC", "2 Jan 06:00 UTC"}} {
		t.Run(name, func(t *testing.T) {
			reportRig(t, []settings.ReportPlan{daily(t)}, func(t *testing.T, g *rig, w *world) {
				g.start()
				g.pass(time.Duration(len(before))*24*time.Hour + 2*time.Hour)
				g.wantReports(time.UTC, before...)
				g.halt()
				time.Sleep(time.Until(time.Date(2000, 1, 6, 9, 0, 0, 0, time.UTC)))
				g.restart()
				want := append(before, "6 Jan 09:00 UTC")
				g.wantReports(time.UTC, want...)
				for range 3 {
					g.pass(10 * time.Minute)
					g.restart()
					g.configure()
				}
				g.wantReports(time.UTC, want...)
				g.pass(24 * time.Hour)
				g.wantReports(time.UTC, append(want, "7 Jan 06:00 UTC")...)
				if r := g.reports(); len(before) > 0 && !r[2].Since.Equal(r[1].At) {
					t.Errorf("what was missed is not in the report that was late: it is since %s", r[2].Since)
				}
			})
		})
	}
}

// The daemon dies between writing a report and remembering it, or right after:
// it is there once, and told of once.
func TestReportSurvivesACrash(t *testing.T) {
	for name, after := range map[string]bool{"before it is remembered": false, "after": true} {
		t.Run(name, func(t *testing.T) {
			reportRig(t, []settings.ReportPlan{daily(t)}, func(t *testing.T, g *rig, w *world) {
				g.start()
				g.pass(5 * time.Hour)
				g.dying.dieAt(1, after)
				g.pass(time.Hour + time.Second)
				if !g.dying.dead.Load() {
					t.Fatal("no report was made")
				}
				g.restart()
				g.wantReports(time.UTC, "1 Jan 06:00 UTC")
				g.pass(24 * time.Hour)
				g.wantReports(time.UTC, "1 Jan 06:00 UTC", "2 Jan 06:00 UTC")
			})
		})
	}
	t.Run("a file that nobody remembers", func(t *testing.T) {
		reportRig(t, []settings.ReportPlan{daily(t)}, func(t *testing.T, g *rig, w *world) {
			g.start()
			g.pass(7 * time.Hour)
			g.halt()
			if err := g.engine.txn.Files.WriteReport("01zgwseg2c5m", []byte("{}")); err != nil {
				t.Fatal(err)
			}
			g.restart()
			g.wantReports(time.UTC, "1 Jan 06:00 UTC")
		})
	})
}

// What cannot be written is made as soon as it can be, for the time that it was
// due at; and a disk that fails makes none that was not due.
func TestReportThatCannotBeWritten(t *testing.T) {
	reportRig(t, []settings.ReportPlan{daily(t)}, func(t *testing.T, g *rig, w *world) {
		g.start()
		in := filepath.Join(g.dir, "reports")
		if err := os.WriteFile(in, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		g.pass(7 * time.Hour)
		if err := os.Remove(in); err != nil {
			t.Fatal(err)
		}
		g.wantReports(time.UTC)
		g.pass(2 * time.Minute)
		r := g.reports()
		if len(r) != 1 || !r[0].DueAt.Equal(time.Date(2000, 1, 1, 6, 0, 0, 0, time.UTC)) {
			t.Fatalf("%+v", r)
		}
		g.dying.dead.Store(true)
		g.pass(23 * time.Hour)
		g.dying.dead.Store(false)
		g.pass(2 * time.Minute)
		if r := g.reports(); len(r) != 2 || !r[1].DueAt.Equal(time.Date(2000, 1, 2, 6, 0, 0, 0, time.UTC)) {
			t.Errorf("%+v", r)
		}
		g.pass(2 * time.Hour)
		g.reports() // no file that is too many
	})
}

// P5: a clean night is a report that says so; what could not be checked is not
// clean, and what is only a commit on its way is no drift.
func TestEveryNightIsReported(t *testing.T) {
	nightly := func(d *fleet.Definition) { d.Drift = scheduled(t, "0 2 * * *", "") }
	reportRig(t, []settings.ReportPlan{daily(t)}, func(t *testing.T, g *rig, w *world) {
		next := func() run.Report {
			g.pass(24 * time.Hour)
			all := g.reports()
			return all[len(all)-1]
		}
		g.start()
		g.git.commit("main", "a/main.tf")
		r := next() // its window begins before anything was applied
		if !r.Clean || g.report(r.ID).Summary.Coverage.Checked != 1 {
			t.Errorf("the night of the first apply: %+v", r)
		}
		if r = next(); !r.Clean || !strings.HasPrefix(r.Text, "All is well") {
			t.Errorf("a clean night: %+v", r)
		}
		n := g.told("ops")
		last := n[len(n)-1]
		if last.Report == nil || last.Report.ID != r.ID || last.Command != "tfops drift report --id "+r.ID ||
			!strings.Contains(last.Title, r.Text) || !strings.Contains(last.Title, "daily") {
			t.Errorf("%+v", last)
		}
		w.change("box.one", "large")
		if r := next(); r.Clean || !strings.Contains(r.Text, "has drifted") {
			t.Errorf("a night with drift: %+v", r)
		}
		w.restore("box.one")
		if r := next(); !r.Clean || g.report(r.ID).Summary.Resolved != 1 {
			t.Errorf("a night after drift: %+v", r)
		}
		failing(g, job.PlanPhase, "no credentials")
		if r := next(); r.Clean || !strings.Contains(r.Text, "unchecked") {
			t.Errorf("a night without a check: %+v", r)
		}
		working(g)
		next()
		g.halt()
		time.Sleep(3*24*time.Hour + 4*time.Hour) // until after the report of another day
		g.runners.set(func(p *players) { p.hold[job.PlanPhase] = true })
		before := len(g.reports())
		g.restart()
		if len(g.reports()) != before {
			t.Error("the missed report did not wait for the missed check")
		}
		g.pass(upkeep.CatchUp + time.Second)
		all := g.reports()
		if r := all[len(all)-1]; len(all) != before+1 || r.Clean || !strings.Contains(r.Text, "unchecked") {
			t.Errorf("after nights without a daemon, with a check that goes on and on: %+v", r)
		}
	}, define("a", auto, nightly))
}

// A report is of the workspaces that it covers, of a window of its own, and for
// those that it names.
func TestReportCovers(t *testing.T) {
	team := func(name string) func(*fleet.Definition) {
		return func(d *fleet.Definition) { d.Labels = map[string]string{"team": name} }
	}
	plans := []settings.ReportPlan{
		{Name: "network", Schedule: scheduled(t, "0 6 * * *", ""), Since: 48 * time.Hour, To: []string{"net"},
			Formats: []string{"html"},
			Covers:  func(_ string, labels map[string]string) bool { return labels["team"] == "network" }},
		{Name: "b", Schedule: scheduled(t, "0 6 * * *", ""),
			Covers: func(name string, _ map[string]string) bool { return name == "b" }},
		{Name: "none", Schedule: scheduled(t, "0 6 * * *", ""),
			Covers: func(string, map[string]string) bool { return false }},
	}
	reportRig(t, plans, func(t *testing.T, g *rig, w *world) {
		w.makes["a"], w.makes["b"] = true, true
		g.git.commit("main", "a/main.tf", "b/main.tf")
		g.start()
		w.change("box.one", "large")
		g.check("a")
		w.change("box.two", "large")
		g.check("b")
		g.pass(30 * time.Hour) // two of each
		got := map[string]string{}
		for _, r := range g.reports() {
			made := g.report(r.ID)
			var names []string
			for _, s := range made.Workspaces {
				names = append(names, s.Name)
			}
			got[r.Name] = strings.Join(names, " ")
			if r.Name == "network" && !r.Since.Equal(r.At.Add(-48*time.Hour)) {
				t.Errorf("its window begins at %s", r.Since)
			}
			if open := map[string]int{"network": 1, "b": 2, "none": 0}[r.Name]; made.Summary.Open != open {
				t.Errorf("report %s has %d open findings, want %d", r.Name, made.Summary.Open, open)
			}
			fresh := r.Name == "network" || r.Name == "b" && r.At.Day() == 1
			if (made.Summary.New > 0) != fresh {
				t.Errorf("report %s of the %d. has %d new findings", r.Name, r.At.Day(), made.Summary.New)
			}
		}
		if len(g.reports()) != 6 || got["network"] != "a" || got["b"] != "b" || got["none"] != "" {
			t.Errorf("%d reports of %v", len(g.reports()), got)
		}
		if n := g.told("net"); len(n) != 2 || !slices.Equal(n[0].Report.Formats, []string{"html"}) {
			t.Errorf("%+v", n)
		}
		if n := g.told("ops"); len(n) != 4 {
			t.Errorf("who is not named was told of %d reports", len(n))
		}
	}, define("a", auto, team("network")), define("b", auto, team("apps")))
}

// Report blocks come and go with the configuration.
func TestReportBlocksChange(t *testing.T) {
	weekly := settings.ReportPlan{Name: "weekly", Schedule: scheduled(t, "0 7 * * 1", "")} // 3 January is a Monday
	reportRig(t, []settings.ReportPlan{daily(t)}, func(t *testing.T, g *rig, w *world) {
		g.start()
		g.pass(7 * time.Hour)
		g.wantReports(time.UTC, "1 Jan 06:00 UTC")
		g.reportsBy(daily(t), weekly) // a new one is made at its first time, not before
		g.wantReports(time.UTC, "1 Jan 06:00 UTC")
		g.pass(48*time.Hour - time.Minute)
		g.wantReports(time.UTC, "1 Jan 06:00 UTC", "2 Jan 06:00 UTC", "3 Jan 06:00 UTC", "3 Jan 07:00 UTC")
		g.reportsBy(weekly)
		g.pass(24 * time.Hour)
		g.wantReports(time.UTC, "1 Jan 06:00 UTC", "2 Jan 06:00 UTC", "3 Jan 06:00 UTC", "3 Jan 07:00 UTC")
		g.reportsBy(weekly, daily(t)) // back again: what was missed is made up for, once
		g.reportsBy(daily(t, func(p *settings.ReportPlan) { p.Schedule = scheduled(t, "0 12 * * *", "") }))
		g.pass(24 * time.Hour)
		var names []string
		for _, r := range g.reports()[4:] {
			names = append(names, r.Name+r.At.Format(" 2 15"))
		}
		if want := []string{"daily 4 07", "daily 4 12"}; !slices.Equal(names, want) {
			t.Errorf("%q, want %q", names, want)
		}
	})
}

// A reload in the very second in which a report is due, or a clock that is put
// back, loses no report and doubles none.
func TestReportAtAReload(t *testing.T) {
	reportRig(t, []settings.ReportPlan{daily(t)}, func(t *testing.T, g *rig, w *world) {
		g.start()
		time.Sleep(6*time.Hour - time.Nanosecond)
		if err := g.engine.Configure(context.Background(), g.settings()); err != nil {
			t.Fatal(err)
		}
		g.pass(time.Second)
		g.engine.upkeep.ClockSetBack()
		g.pass(time.Hour)
		g.wantReports(time.UTC, "1 Jan 06:00 UTC")
	})
}

// Reports and checks are kept for the longest trend, and their files go with them.
func TestReportsAreForgotten(t *testing.T) {
	once := settings.ReportPlan{Name: "once", Schedule: scheduled(t, "0 5 1 1 *", "")}
	reportRig(t, []settings.ReportPlan{daily(t), once}, func(t *testing.T, g *rig, w *world) {
		g.start()
		g.git.commit("main", "a/main.tf")
		g.pass(100 * 24 * time.Hour)
		all := g.reports()
		byName := map[string]int{}
		for _, r := range all {
			byName[r.Name]++
		}
		if byName["daily"] < upkeep.DriftDays || byName["daily"] > upkeep.DriftDays+1 || byName["once"] != 1 {
			t.Errorf("reports that are kept: %v", byName)
		}
		kept, err := g.store.Reports(context.Background())
		if err != nil || len(kept) != len(all) {
			t.Errorf("%v: %d records of %d reports", err, len(kept), len(all))
		}
	}, define("a", auto, func(d *fleet.Definition) { d.Drift = schedule.Schedule{} }))
}
