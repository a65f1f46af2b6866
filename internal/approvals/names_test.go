package approvals

import (
	"slices"
	"testing"
)

func TestNames(t *testing.T) {
	for root, want := range map[string][]string{
		"":       {"commit", "plan", "workspace"},
		"commit": {"author", "author_email", "committer", "committer_email", "message", "sha"},
		"run":    nil,
	} {
		if got := Names(root); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", root, got, want)
		}
	}
}
