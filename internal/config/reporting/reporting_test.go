package reporting

import (
	"slices"
	"testing"

	"github.com/tfops/tfops/internal/run"
)

// A notify block without `on` is told of what asks for a person and not of what
// goes as it should, and a report goes where it is sent.
func TestKindsByDefault(t *testing.T) {
	var not []run.NoticeKind
	for _, k := range run.NoticeKinds() {
		if !slices.Contains(DefaultKinds, k) {
			not = append(not, k)
		}
	}
	if want := []run.NoticeKind{run.NoticeApplied, run.NoticeDiscarded, run.NoticeReport,
		run.NoticeTest}; !slices.Equal(not, want) {
		t.Errorf("left out are %v, want %v", not, want)
	}
}

func TestReportCovers(t *testing.T) {
	for _, c := range []struct {
		report Report
		name   string
		labels map[string]string
		want   bool
	}{
		{Report{}, "a", nil, true},
		{Report{Workspaces: []string{"prod-*", "net"}}, "prod-a", nil, true},
		{Report{Workspaces: []string{"prod-*", "net"}}, "net", nil, true},
		{Report{Workspaces: []string{"prod-*", "net"}}, "network", nil, false},
		{Report{Labels: map[string]string{"tier": "prod"}}, "a", map[string]string{"tier": "prod", "x": "y"}, true},
		{Report{Labels: map[string]string{"tier": "prod"}}, "a", map[string]string{"tier": "test"}, false},
		{Report{Labels: map[string]string{"tier": ""}}, "a", nil, false},
		{Report{Workspaces: []string{"b"}, Labels: map[string]string{"tier": "prod"}}, "a",
			map[string]string{"tier": "prod"}, false},
	} {
		if got := c.report.Covers(c.name, c.labels); got != c.want {
			t.Errorf("%+v covers %s %v: %v", c.report, c.name, c.labels, got)
		}
	}
}
