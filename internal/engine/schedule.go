package engine

import (
	"context"
	"time"

	"github.com/tfops/tfops/internal/agenda"
	"github.com/tfops/tfops/internal/engine/settings"

	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// checkSchedules enqueues a drift run for each workspace whose check is due.
// A check that was missed while no daemon ran is made once, at the start.
func (e *Engine) checkSchedules(ctx context.Context, now time.Time) {
	q, err := e.txn.Queue(ctx)
	if err != nil && ctx.Err() == nil {
		e.Log.Error("drift schedules cannot be read", "error", err)
	}
	if err != nil {
		return
	}
	due := e.dueChecks(q, now)
	if len(due) == 0 {
		return
	}
	b := run.Batch{Drifts: map[string]time.Time{}}
	for _, d := range due {
		if rec := *q.Record(d.Name); rec.Applied != "" { // else nothing can drift
			r, err := e.order.Check(ctx, d, rec, run.Trigger{Cause: run.BySchedule})
			if err == nil {
				b.Runs = append(b.Runs, r)
			} else if err := e.notCheckable(ctx, rec, err); err != nil {
				e.Log.Error("a failed drift check cannot be recorded; trying again", "workspace", d.Name, "error", err)
				e.putOff([]fleet.Definition{d}, now)
				continue
			}
		}
		b.Drifts[d.Name] = now
	}
	if _, err := e.txn.Enqueue(ctx, b); err != nil {
		e.Log.Error("drift checks cannot be enqueued; trying again", "error", err)
		e.putOff(due, now)
	}
}

// checkTimes are the times at which workspaces are checked for drift next. Whoever uses it holds
// Engine.mu.
type checkTimes struct {
	agenda.Agenda
	of *settings.Settings // under which every workspace has its time; nil: some may have none
}

// schedule gives those workspaces their time that have none, and takes it from those that are
// not configured any more.
func (c *checkTimes) schedule(s *settings.Settings, q run.Queue, now time.Time) {
	for name := range c.Times() {
		if d, ok := s.Definition(name); !ok || d.Drift.IsZero() {
			c.Delete(name)
		}
	}
	for i := range s.Workspaces {
		d := &s.Workspaces[i]
		if _, known := c.At(d.Name); !known && !d.Drift.IsZero() {
			c.Set(d.Name, d.Drift.Next(d.Name, checkedSince(q.Record(d.Name).Drift, now)))
		}
	}
	c.of = s
}

// dueChecks picks the workspaces whose time has come and sets their next.
func (e *Engine) dueChecks(q run.Queue, now time.Time) (due []fleet.Definition) {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.txn.Settings.Get()
	if e.checkTimes.of != s {
		e.checkTimes.schedule(s, q, now)
	}
	for _, name := range e.checkTimes.Due(now) {
		d, _ := s.Find(name)
		due = append(due, d)
		e.checkTimes.Set(name, d.Drift.Next(name, now))
	}
	return due
}

// checkedSince is the time after which the next check is due: that of the last
// scheduled one, or of the apply that looked at the world before there was any.
// A clock that was wrong must not put it into the future.
func checkedSince(d workspace.DriftRecord, now time.Time) time.Time {
	since := d.DueAt
	if since.IsZero() {
		since = d.CheckedAt
	}
	if since.IsZero() || since.After(now) {
		since = now
	}
	return since
}

// putOff makes checks that could not be enqueued due again in a while.
func (e *Engine) putOff(checks []fleet.Definition, now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, d := range checks {
		e.checkTimes.Set(d.Name, now.Add(time.Minute))
	}
}
