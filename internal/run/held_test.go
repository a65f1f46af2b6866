package run

import (
	"slices"
	"testing"
)

func TestWarningsAreSaidOnce(t *testing.T) {
	var r Run
	for _, text := range []string{"one", "", "two", "one"} {
		r.Warn(text)
		r.HoldBack(text)
	}
	want := []string{"one", "two"}
	if !slices.Equal(r.Warnings, want) || !slices.Equal(r.Confirm, want) {
		t.Errorf("warnings %q, to confirm %q", r.Warnings, r.Confirm)
	}
}
