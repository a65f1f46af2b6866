package fleet

import (
	"time"

	"github.com/tfops/tfops/internal/workspace"
)

// NextCheck is when the next scheduled check of a workspace for drift is due; zero for never.
func (d *Definition) NextCheck(known workspace.DriftRecord, now time.Time) time.Time {
	if d.Drift.IsZero() {
		return time.Time{}
	}
	return d.Drift.Next(d.Name, checkedSince(known, now))
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
