package agenda

import (
	"slices"
	"testing"
	"time"
)

// Times before 1970 come before those after it, and a nanosecond counts.
func TestOrder(t *testing.T) {
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var a Agenda
	if !a.Next().IsZero() || len(a.Due(noon)) != 0 {
		t.Error("an empty agenda has something due")
	}
	a.Set("late", noon.Add(1))
	a.Set("now", noon)
	a.Set("old", time.Date(1901, 1, 1, 0, 0, 0, 0, time.UTC))
	a.Set("never", time.Time{})
	a.Set("gone", noon.Add(-time.Hour))
	a.Delete("gone")
	a.Delete("gone")
	if got := a.Due(noon); !slices.Equal(got, []string{"old", "now"}) {
		t.Errorf("due are %q", got)
	}
	a.Set("old", noon.Add(time.Hour)) // of two times of one thing the later call counts
	if got := a.Next(); !got.Equal(noon) {
		t.Errorf("the next is at %s", got)
	}
	if _, ok := a.At("never"); !ok || len(a.Times()) != 4 {
		t.Errorf("there are %v", a.Times())
	}
}
