package upkeep

import (
	"context"
	"time"

	"github.com/tfops/tfops/internal/agenda"
	"github.com/tfops/tfops/internal/engine/decide"
	"github.com/tfops/tfops/internal/engine/settings"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/run"
)

// CheckSchedules enqueues a drift run for each workspace whose check is due.
// A check that was missed while no daemon ran is made once, at the start.
func (u *Keeper) CheckSchedules(ctx context.Context, now time.Time) {
	q, err := u.txn.Queue(ctx)
	if err != nil && ctx.Err() == nil {
		u.log.Error("drift schedules cannot be read", "error", err)
	}
	if err != nil {
		return
	}
	due := u.DueChecks(q, now)
	if len(due) == 0 {
		return
	}
	b := run.Batch{Drifts: map[string]time.Time{}}
	for _, d := range due {
		if rec := *q.Record(d.Name); rec.Applied != "" { // else nothing can drift
			r, err := u.order.Check(ctx, d, rec, run.Trigger{Cause: run.BySchedule})
			if w, waits := decide.SandboxWait(u.txn.Settings.Get(), &d, ""); waits && err == nil {
				err = fault.New(fault.Conflict, w.Command, "it waits for %s", w.Sentence()) // who knows for how long
			}
			if err == nil {
				b.Runs = append(b.Runs, r)
			} else if err := u.notCheckable(ctx, rec, err); err != nil {
				u.log.Error("a failed drift check cannot be recorded; trying again", "workspace", d.Name, "error", err)
				u.putOff([]fleet.Definition{d}, now)
				continue
			}
		}
		b.Drifts[d.Name] = now
	}
	if _, err := u.txn.Enqueue(ctx, b); err != nil {
		u.log.Error("drift checks cannot be enqueued; trying again", "error", err)
		u.putOff(due, now)
	}
}

// checkTimes are the times at which workspaces are checked for drift next. Whoever uses it holds
// Keeper.mu.
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
			c.Set(d.Name, d.NextCheck(q.Record(d.Name).Drift, now))
		}
	}
	c.of = s
}

// DueChecks picks the workspaces whose time has come and sets their next.
func (u *Keeper) DueChecks(q run.Queue, now time.Time) (due []fleet.Definition) {
	u.mu.Lock()
	defer u.mu.Unlock()
	s := u.txn.Settings.Get()
	if u.checkTimes.of != s {
		u.checkTimes.schedule(s, q, now)
	}
	for _, name := range u.checkTimes.Due(now) {
		d, _ := s.Find(name)
		due = append(due, d)
		u.checkTimes.Set(name, d.Drift.Next(name, now))
	}
	return due
}

// putOff makes checks that could not be enqueued due again in a while.
func (u *Keeper) putOff(checks []fleet.Definition, now time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, d := range checks {
		u.checkTimes.Set(d.Name, now.Add(time.Minute))
	}
}
