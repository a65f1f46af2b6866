package outcome

import (
	"testing"

	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/run"
)

// What the last run that ended well left stays known while others end halfway, and a refresh meanwhile does not hide
// what those left.
func TestLeft(t *testing.T) {
	ok, failed := job.Result{Outcome: job.Succeeded}, job.Result{Outcome: job.Failed, Cause: job.CauseEngine}
	for _, c := range []struct {
		what             string
		kind             run.Kind
		res              job.Result
		by               string
		half             bool
		wantLeft, wantBy string
	}{
		{"a sync", run.Sync, ok, "new", false, "new", ""},
		{"a sync after one that ended halfway", run.Sync, ok, "new", true, "new", ""},
		{"a sync that could not tell", run.Sync, ok, "", true, "", ""},
		{"one that fails", run.Sync, failed, "new", false, "old", "new"},
		{"one that fails and could not tell", run.Sync, failed, "", true, "old", ""},
		{"one that was killed", run.Sync, job.Result{Outcome: job.KilledOutcome}, "new", false, "old", "new"},
		{"one that wrote nothing", run.Sync, job.Result{Outcome: job.Failed, Cause: job.CauseStale}, "", true, "old",
			"half"},
		{"a refresh", run.Refresh, ok, "new", false, "new", ""},
		{"a refresh after one that ended halfway", run.Refresh, ok, "new", true, "old", "new"},
		{"a destroy", run.Destroy, ok, "", true, "", ""},
		{"a destroy that fails", run.Destroy, failed, "new", false, "old", "new"},
	} {
		d := &run.Tx{}
		d.Run.Kind, d.Record.LeftOf = c.kind, "old"
		if c.half {
			d.Record.LeftHalf, d.Record.HalfDone = "half", "half"
		}
		if left(d, c.res, c.by); d.Record.LeftOf != c.wantLeft || d.Record.LeftHalf != c.wantBy {
			t.Errorf("%s: %q and %q, want %q and %q", c.what, d.Record.LeftOf, d.Record.LeftHalf, c.wantLeft, c.wantBy)
		}
	}
}
