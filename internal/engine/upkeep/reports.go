package upkeep

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"slices"
	"time"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/drift/report"
	"github.com/tfops/tfops/internal/drift/report/formats"
	"github.com/tfops/tfops/internal/engine/notices"
	"github.com/tfops/tfops/internal/engine/settings"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/ids"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// FirstWindow is how far back the first report looks.
const FirstWindow = 24 * time.Hour

// DriftReport makes a report of now. Without since, its window begins with
// the last report that was made by schedule, or a day ago.
func (u *Keeper) DriftReport(ctx context.Context, since time.Time) (*report.Report, error) {
	now := time.Now()
	if since.After(now) {
		return nil, fault.New(fault.Invalid, "name a time in the past", "a report since %s would be of the future",
			since.Format(time.RFC3339))
	}
	of := false
	if since.IsZero() {
		kept, err := u.journal.Reports(ctx)
		if err != nil {
			return nil, err
		}
		since = now.Add(-FirstWindow)
		if last, ok := newestReport(kept, "", now); ok {
			since, of = last.At, true
		}
	}
	return u.buildReport(ctx, settings.ReportPlan{}, report.Input{ID: ids.New(now, ""), At: now, Since: since,
		Last: of})
}

// newestReport finds the newest report of a name, of any with "", that was made
// until now: a clock that was wrong must not hide what happens from then on.
func newestReport(kept []run.Report, name string, now time.Time) (newest run.Report, ok bool) {
	for _, r := range kept {
		if r.Made() && (name == "" || r.Name == name) && !r.At.After(now) && (!ok || r.At.After(newest.At)) {
			newest, ok = r, true
		}
	}
	return newest, ok
}

// buildReport gathers what is known of the workspaces that the report is of.
func (u *Keeper) buildReport(ctx context.Context, p settings.ReportPlan, in report.Input) (*report.Report, error) {
	s := u.txn.Settings.Get()
	records, err := u.txn.Records(ctx)
	if err != nil {
		return nil, err
	}
	findings, err := u.journal.Findings(ctx, "")
	if err != nil {
		return nil, err
	}
	checks, err := u.journal.Checks(ctx, in.At.AddDate(0, 0, -DriftDays))
	if err != nil {
		return nil, err
	}
	covered := map[string]bool{}
	for _, d := range s.Workspaces {
		if p.Covers != nil && !p.Covers(d.Name, d.Labels) {
			continue
		}
		covered[d.Name] = true
		w := reported(d, records[d.Name])
		w.Links = s.Repositories[d.Repository].Links
		in.Workspaces = append(in.Workspaces, w)
	}
	in.Unreadable, in.Unowned = u.unreadable(s)
	in.Location, in.Ignore, in.Instance = p.Location, s.Drift.Ignore, s.Instance
	in.Instance.Sandbox = s.Sandbox.Note()
	in.Checks = slices.DeleteFunc(checks, func(c drift.Check) bool { return !covered[c.Workspace] })
	in.Findings = ruled(s, slices.DeleteFunc(findings, func(f drift.Finding) bool { return !covered[f.Workspace] }),
		in.At)
	return report.Build(in), nil
}

// unreadable are the repositories whose last poll failed, and those whose owners cannot be read as a whole.
func (u *Keeper) unreadable(s *settings.Settings) (out []report.Unreadable, owners []report.Unowned) {
	for name := range s.Repositories {
		p := u.repositories.Polled(name)
		if len(p.Owners) > 0 {
			owners = append(owners, report.Unowned{Repository: name, Lines: p.Owners})
		}
		if p.Err == nil {
			continue
		}
		one := report.Unreadable{Name: name, Why: p.Err.Error(), Next: fault.Next(p.Err)}
		if !p.At.IsZero() {
			one.Read = &p.At
		}
		out = append(out, one)
	}
	return out, owners
}

// reported is what a report has to know of a workspace besides its checks.
func reported(d fleet.Definition, rec workspace.Record) report.Workspace {
	w := report.Workspace{Name: d.Name, Repository: d.Repository, Branch: d.Follow(), Dir: d.Dir, Labels: d.Labels,
		Applied: rec.Applied, Head: rec.Desired, Schedule: d.Drift.String(), Timezone: d.Drift.Timezone(),
		NeverApplied: rec.Applied == ""}
	if rec.Drift.Status == workspace.DriftUnknown && rec.Applied != "" {
		w.Unknown = rec.Drift.Why
	}
	return w
}

// ruled are findings, sorted by workspace, as the rules of now have them.
func ruled(s *settings.Settings, findings []drift.Finding, now time.Time) []drift.Finding {
	var out []drift.Finding
	for len(findings) > 0 {
		name := findings[0].Workspace
		n := slices.IndexFunc(findings, func(f drift.Finding) bool { return f.Workspace != name })
		if n < 0 {
			n = len(findings)
		}
		def, _ := s.Find(name)
		one, _ := s.RulesOf(def).Reapply(findings[:n], now)
		out, findings = append(out, one...), findings[n:]
	}
	return out
}

// Reports lists the reports that were made by schedule, newest first.
func (u *Keeper) Reports(ctx context.Context) ([]run.Report, error) {
	kept, err := u.journal.Reports(ctx)
	kept = slices.DeleteFunc(kept, func(r run.Report) bool { return !r.Made() })
	slices.SortFunc(kept, func(a, b run.Report) int { return b.At.Compare(a.At) })
	return kept, err
}

// KeptReport reads a report that was made by schedule.
func (u *Keeper) KeptReport(ctx context.Context, id string) (*report.Report, error) {
	kept, err := u.journal.Reports(ctx)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(kept, func(r run.Report) bool { return r.Made() && r.ID == id })
	if i < 0 {
		return nil, fault.New(fault.NotFound, "tfops drift reports", "there is no report %q", id)
	}
	b, err := u.txn.Files.ReadReport(kept[i].ID)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.NotFound, "tfops drift report", "report %s is not there any more", id)
	}
	if err != nil {
		return nil, err
	}
	r := &report.Report{}
	if err := json.Unmarshal(b, r); err != nil {
		return nil, fault.New(fault.Internal, "tfops drift report", "report %s cannot be read: %w", id, err)
	}
	return r, nil
}

// dueReport is when a report is due, and when it is tried again after a failure.
type dueReport struct{ at, retry time.Time }

// next is when to look at it.
func (d dueReport) next() time.Time {
	if d.retry.After(d.at) {
		return d.retry
	}
	return d.at
}

// MakeReports makes the reports that are due. One that was missed while no
// daemon ran is made once, at the start.
func (u *Keeper) MakeReports(ctx context.Context, now time.Time) {
	s := u.txn.Settings.Get()
	for _, p := range s.Reports {
		if p.Schedule.IsZero() {
			continue
		}
		due, err := u.reportDue(ctx, s, p, now)
		if err == nil && !due.IsZero() && u.tooSoon(ctx, due, now) {
			u.setReportDue(s, p.Name, dueReport{due, now.Add(time.Second)})
			continue
		}
		if err == nil && !due.IsZero() {
			next := dueReport{at: p.Schedule.Time(now)}
			if err = u.makeReport(ctx, p, due, now); err != nil {
				next = dueReport{due, now.Add(time.Minute)}
			}
			u.setReportDue(s, p.Name, next)
		}
		if err != nil && ctx.Err() == nil {
			u.log.Error("a report cannot be made; trying again", "report", p.Name, "error", err)
		}
	}
}

// How late a report is that was missed, and how long one waits then for the
// checks that were missed with it.
const (
	missedBy = 5 * time.Minute
	CatchUp  = time.Hour
)

// tooSoon reports whether a report that was missed should wait until the checks
// that were missed as well are made: it would have nothing to say but that
// nothing is known.
func (u *Keeper) tooSoon(ctx context.Context, due, now time.Time) bool {
	if now.Sub(due) < missedBy || now.Sub(u.begun) >= CatchUp {
		return false
	}
	q, err := u.txn.Queue(ctx)
	if err != nil {
		return false
	}
	for r := range q.Active() {
		if r.Kind == run.Drift {
			return true
		}
	}
	return false
}

// setReportDue notes when a report is due by the schedule of some settings. Where
// others came into force meanwhile it is reckoned anew.
func (u *Keeper) setReportDue(s *settings.Settings, name string, d dueReport) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if delete(u.reportsDue, name); u.txn.Settings.Get() == s {
		u.reportsDue[name] = d
	}
}

// reportDue is the scheduled time whose report is due now; zero for none.
func (u *Keeper) reportDue(ctx context.Context, s *settings.Settings, p settings.ReportPlan, now time.Time) (time.Time,
	error) {
	u.mu.Lock()
	due, known := u.reportsDue[p.Name]
	u.mu.Unlock()
	if !known {
		since, err := u.reportedSince(ctx, p.Name, now)
		if err != nil {
			return time.Time{}, err
		}
		due = dueReport{at: p.Schedule.Time(since)}
		u.setReportDue(s, p.Name, due)
	}
	if due.at.IsZero() || due.next().After(now) {
		return time.Time{}, nil
	}
	return due.at, nil
}

// reportedSince is the time after which the next report of a name is due: that
// of the last one, or that at which the name was seen for the first time. This
// is remembered as well, so that the first report of all can be missed, and made
// up for, like any other.
func (u *Keeper) reportedSince(ctx context.Context, name string, now time.Time) (time.Time, error) {
	kept, err := u.journal.Reports(ctx)
	if err != nil {
		return now, err
	}
	var since time.Time
	for _, r := range kept {
		if r.Name == name && !r.At.After(now) && r.At.After(since) {
			since = r.At
		}
	}
	if !since.IsZero() {
		return since, nil
	}
	_, err = u.txn.Enqueue(ctx, run.Batch{Reports: []run.Report{{Name: name, At: now}}})
	return now, err
}

// makeReport makes a report, keeps it, and hands it to its targets in the
// transaction that remembers it: a report is never made twice for one time,
// nor lost between being made and being sent.
func (u *Keeper) makeReport(ctx context.Context, p settings.ReportPlan, due, now time.Time) error {
	kept, err := u.journal.Reports(ctx)
	if err != nil {
		return err
	}
	since, last := now.Add(-FirstWindow), ""
	before, of := newestReport(kept, p.Name, now)
	if of {
		since = before.At
	}
	for _, r := range kept { // no two have the same id, whatever their names are
		last = max(last, r.ID)
	}
	if p.Since > 0 {
		since, of = now.Add(-p.Since), false
	}
	made, err := u.buildReport(ctx, p, report.Input{ID: ids.New(now, last), Name: p.Name, At: now, Since: since,
		Last: of})
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := formats.Render(&b, made, "json"); err != nil {
		return err
	}
	if err := u.txn.Files.WriteReport(made.ID, b.Bytes()); err != nil {
		return err
	}
	sum := made.Summary
	r := run.Report{ID: made.ID, Name: p.Name, At: now, Since: since, DueAt: due, Text: made.Headline,
		Clean: sum.Workspaces.Drifted == 0 && sum.Workspaces.Unchecked == 0}
	n := run.Notice{Kind: run.NoticeReport, Title: "drift report " + p.Name + ": " + made.Headline,
		Text:    notices.ReportText(made),
		Command: "tfops drift report --id " + r.ID, Report: &run.ReportRef{ID: r.ID, Formats: p.Formats}, Targets: p.To}
	if wants := u.txn.Settings.Get().Wants; len(n.Targets) == 0 && wants != nil {
		n.Targets = wants(n)
	}
	if _, err := u.txn.Enqueue(ctx, run.Batch{Reports: []run.Report{r}, Notices: []run.Notice{n}}); err != nil {
		return errors.Join(err, u.sweepReports(ctx)) // unless it is remembered all the same
	}
	u.log.Info("a drift report was made", "report", r.ID, "name", r.Name, "text", r.Text)
	return nil
}

// sweepReports removes files of reports that a crash, or a failure, left unremembered.
func (u *Keeper) sweepReports(ctx context.Context) error {
	kept, err := u.journal.Reports(ctx)
	if err != nil {
		return err
	}
	var ids []string
	for _, r := range kept {
		ids = append(ids, r.ID)
	}
	if err := u.txn.Files.KeepReports(ids); err != nil {
		u.log.Warn("files that reports left cannot be removed", "error", err)
	}
	return nil
}
