package notices

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/drift/report"
)

func TestAReportInAMessage(t *testing.T) {
	finding := func(id string, s drift.Severity, life drift.Life, owners ...string) report.Finding {
		return report.Finding{ID: id, Address: "box." + id, Class: drift.Changed, Severity: s, Life: life,
			New: life == drift.New, Owners: owners}
	}
	r := &report.Report{Workspaces: []report.Section{
		{Name: "dns", Outcome: drift.NotChecked, Why: "the check failed: no credentials",
			Findings: []report.Finding{{ID: "u", Class: drift.Unchecked, Severity: drift.High}}},
		{Name: "a", Outcome: drift.Drifted, Findings: []report.Finding{finding("1", drift.Medium, drift.Ongoing),
			finding("2", drift.Low, drift.Acknowledged)}},
		{Name: "b", Outcome: drift.Drifted, Findings: []report.Finding{finding("3", drift.Critical, drift.New,
			"@acme/b", "@acme/c")}},
		{Name: "c", Outcome: drift.Clean},
	}}
	want := "unchecked  dns  the check failed: no credentials\ncritical  b  box.3  changed, new  @acme/b  " +
		"@acme/c\nmedium  a  box.1  changed"
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
	if len(got) != maxTold+1 || !strings.HasPrefix(got[0], "unchecked") || !strings.HasPrefix(got[1], "critical") ||
		got[maxTold] != "and 13 more" {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
}
