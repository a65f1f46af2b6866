package engine

import (
	"context"
	"time"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// checkSchedules enqueues a drift run for each workspace whose check is due.
// A check that was missed while no daemon ran is made once, at the start.
func (e *Engine) checkSchedules(ctx context.Context, now time.Time) {
	due, err := e.dueChecks(ctx, now)
	if err != nil || len(due) == 0 {
		if err != nil && ctx.Err() == nil {
			e.Log.Error("drift schedules cannot be read", "error", err)
		}
		return
	}
	records, err := e.Store.Records(ctx)
	if err != nil {
		e.Log.Error("drift checks cannot be enqueued; trying again", "error", err)
		e.putOff(due, now)
		return
	}
	b := run.Batch{Drifts: map[string]time.Time{}}
	for _, d := range due {
		if records[d.Name].Applied != "" { // else nothing can drift
			r, err := e.driftRun(ctx, d, records[d.Name], run.Trigger{Cause: run.BySchedule})
			if err == nil {
				b.Runs = append(b.Runs, r)
			} else if err := e.notCheckable(ctx, records[d.Name], err); err != nil {
				e.Log.Error("a failed drift check cannot be recorded; trying again", "workspace", d.Name, "error", err)
				e.putOff([]Definition{d}, now)
				continue
			}
		}
		b.Drifts[d.Name] = now
	}
	if err := e.enqueue(ctx, b); err != nil {
		e.Log.Error("drift checks cannot be enqueued; trying again", "error", err)
		e.putOff(due, now)
	}
}

// dueChecks picks the workspaces whose time has come and sets their next.
func (e *Engine) dueChecks(ctx context.Context, now time.Time) ([]Definition, error) {
	s := e.current()
	var records map[string]workspace.Record
	var due []Definition
	for _, d := range s.Workspaces {
		if d.Drift.IsZero() {
			continue
		}
		e.mu.Lock()
		at, known := e.due[d.Name]
		e.mu.Unlock()
		if !known {
			if records == nil {
				var err error
				if records, err = e.Store.Records(ctx); err != nil {
					return nil, err
				}
			}
			at = d.Drift.Next(d.Name, checkedSince(records[d.Name].Drift, now))
		}
		if !at.IsZero() && !at.After(now) {
			due = append(due, d)
			at = d.Drift.Next(d.Name, now)
		}
		e.mu.Lock()
		if delete(e.due, d.Name); e.settings == s { // else its schedule may be another now
			e.due[d.Name] = at
		}
		e.mu.Unlock()
	}
	return due, nil
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
func (e *Engine) putOff(checks []Definition, now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, d := range checks {
		e.due[d.Name] = now.Add(time.Minute)
	}
}

// driftRun is a check at the commit that is applied.
func (e *Engine) driftRun(ctx context.Context, d Definition, rec workspace.Record, t run.Trigger) (run.Run, error) {
	if rec.Applied == "" {
		return run.Run{}, fault.New(fault.Conflict, "tfops sync "+d.Name, "workspace %s was never applied, so nothing can drift from it", d.Name)
	}
	if _, err := e.asApplied(d, rec.AppliedFingerprint); err != nil {
		return run.Run{}, err
	}
	repo, ok := e.current().Repositories[d.Repository]
	if !ok {
		return run.Run{}, fault.New(fault.NotFound, "tfops validate", "there is no repository %q", d.Repository)
	}
	c, err := commit(ctx, repo, rec.Applied)
	if fault.Is(err, fault.NotFound) {
		return run.Run{}, fault.New(fault.Conflict, "tfops sync "+d.Name, "commit %s, which workspace %s was made equal to, is not in the repository any more", short(rec.Applied), d.Name)
	}
	if err != nil {
		return run.Run{}, err
	}
	return run.Run{Workspace: d.Name, Kind: run.Drift, Commit: c, Fingerprint: rec.AppliedFingerprint, Trigger: t}, nil
}
