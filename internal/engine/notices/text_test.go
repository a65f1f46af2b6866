package notices

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/codelink"
	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/drift/report"
)

func TestAReportInAMessage(t *testing.T) {
	finding := func(id string, s drift.Severity, life drift.Life, owners ...string) report.Finding {
		return report.Finding{ID: id, Address: "box." + id, Class: drift.Changed, Severity: s, Life: life,
			New: life == drift.New, Owners: owners}
	}
	r := &report.Report{Unreadable: []report.Unreadable{{Name: "infra", Why: "connection refused"}},
		Workspaces: []report.Section{
			{Name: "dns", Outcome: drift.NotChecked, Why: "the check failed: no credentials",
				Findings: []report.Finding{{ID: "u", Class: drift.Unchecked, Severity: drift.High}}},
			{Name: "a", Outcome: drift.Drifted, Findings: []report.Finding{finding("1", drift.Medium, drift.Ongoing),
				finding("2", drift.Low, drift.Acknowledged)}},
			{Name: "b", Outcome: drift.Drifted, Findings: []report.Finding{finding("3", drift.Critical, drift.New,
				"@acme/b", "@acme/c")}},
			{Name: "c", Outcome: drift.Clean},
		}}
	want := "unreadable: repository infra, connection refused\nunchecked: dns, the check failed: no credentials\n" +
		"critical: box.3 in b changed outside, new, owned by @acme/b and @acme/c\nmedium: box.1 in a changed outside"
	if got := ReportText(r); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := ReportText(&report.Report{Workspaces: r.Workspaces[3:]}); got != "" {
		t.Errorf("a clean night says %q", got)
	}
	for i := range 20 {
		r.Workspaces[1].Findings = append(r.Workspaces[1].Findings, finding(fmt.Sprint("x", i), drift.Low, drift.New))
	}
	got := strings.Split(ReportText(r), "\n")
	if len(got) != maxTold+1 || !strings.HasPrefix(got[1], "unchecked") || !strings.HasPrefix(got[2], "critical") ||
		got[maxTold] != "and 14 more" {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
}

// What is told of a finding is whole for somebody without a shell: how bad, what, whose, where.
func TestTells(t *testing.T) {
	f := drift.Finding{Severity: drift.High, Owners: []string{"@acme/dns"}, File: "live/a b.tf", Line: 7,
		Difference: drift.Difference{Address: "box.a", Class: drift.Deleted}}
	gone := f
	gone.Life, gone.ResolvedBy, gone.Owners, gone.File = drift.Resolved, "r1", nil, ""
	for want, got := range map[string]string{
		"high: box.a deleted outside, owned by @acme/dns, live/a b.tf:7": place{}.tells(f),
		"high: box.a deleted outside, owned by @acme/dns, " +
			"https://github.com/acme/infra/blob/c0ffee/live/a%20b.tf#L7": place{
			codelink.Of("https://github.com/acme/infra"), "c0ffee"}.tells(f),
		"high: box.a resolved (deleted outside) by run r1": place{}.tells(gone),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
