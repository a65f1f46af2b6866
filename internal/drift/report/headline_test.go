package report

import "testing"

// A headline counts what can have drifted, and does not call that all there is.
func TestHeadline(t *testing.T) {
	for want, o := range map[string]Outcomes{
		"There are no workspaces, so there was nothing to check.":              {},
		"Nothing is applied yet in any of 3 workspaces, so nothing can drift.": {Total: 3, NeverApplied: 3},
		"All is well: the only workspace was checked and has not drifted.":     {Total: 1, Clean: 1},
		"All is well: the only applied workspace was checked and has not drifted.": {Total: 5, Clean: 1,
			NeverApplied: 4},
		"All is well: all 5 workspaces were checked and none has drifted.": {Total: 5, Clean: 5},
		"All is well: all 4 applied workspaces were checked and none has drifted.": {Total: 5, Clean: 4,
			NeverApplied: 1},
		"The only applied workspace is unchecked.": {Total: 2, Unchecked: 1,
			NeverApplied: 1},
		"All 2 applied workspaces have drifted.": {Total: 3, Drifted: 2,
			NeverApplied: 1},
		"1 of 4 applied workspaces is unchecked, 2 have drifted and 1 is clean.": {Total: 5, Unchecked: 1,
			Drifted: 2, Clean: 1, NeverApplied: 1},
		"1 of 3 workspaces is unchecked and 2 are clean.": {Total: 3, Unchecked: 1, Clean: 2},
	} {
		if got := headline(&Report{Summary: Summary{Workspaces: o}}); got != want {
			t.Errorf("%+v: %q, want %q", o, got, want)
		}
	}
}
