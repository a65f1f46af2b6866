package fleet

import (
	"testing"
	"time"

	"github.com/tfops/tfops/internal/workspace"
)

var midday = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestCheckedSince(t *testing.T) {
	for name, c := range map[string]struct {
		record workspace.DriftRecord
		want   time.Time
	}{
		"never": {workspace.DriftRecord{}, midday},
		"by schedule": {workspace.DriftRecord{DueAt: midday.Add(-time.Hour),
			CheckedAt: midday.Add(-time.Minute)}, midday.Add(-time.Hour)},
		"by an apply only": {workspace.DriftRecord{CheckedAt: midday.Add(-time.Hour)},
			midday.Add(-time.Hour)},
		"by a clock that was years off": {workspace.DriftRecord{DueAt: midday.AddDate(10, 0, 0)}, midday},
	} {
		if got := checkedSince(c.record, midday); !got.Equal(c.want) {
			t.Errorf("%s: since %s, want %s", name, got, c.want)
		}
	}
}
