package report_test

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/drift/report"
	"github.com/tfops/tfops/internal/drift/report/documents"
	"github.com/tfops/tfops/internal/drift/report/formats"
)

func mailed(t *testing.T, r *report.Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := formats.Render(&b, r, formats.Mail); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

var tile = regexp.MustCompile(`<dt>([^<]*)</dt><dd>([^<]*)<small>([^<]*)</small>`)

// A mail is what programs for mail show: plain colours and fills, and never too large; what it is cut by is said, and
// no number changes.
func TestMail(t *testing.T) {
	long := emptyFleet()
	for i := range 400 {
		name := fmt.Sprintf("w-%d-%s", i, strings.Repeat("n", 80))
		long.Workspaces = append(long.Workspaces, workspaceNamed(name))
		outcome := []drift.Outcome{drift.Clean, drift.Drifted, drift.NotChecked}[i%3]
		checks := every(name, 3, 1, outcome)
		checks[0].Why = fmt.Sprintf("%d: %s", i, strings.Repeat("why ", 5000))
		long.Checks = append(long.Checks, checks...)
		for j := range 5 {
			f := found(name, fmt.Sprintf("x.a[%d]", j), drift.Changed, drift.Severities()[j%4], day,
				drift.Attribute{Path: strings.Repeat("p", 200), Before: strings.Repeat("a", 9000),
					After: strings.Repeat("é", 9000)})
			f.Problems = []string{strings.Repeat("problem ", 300)}
			long.Findings = append(long.Findings, f)
		}
	}
	for name, in := range map[string]report.Input{"bad": badNight(), "clean": cleanNight(), "empty": emptyFleet(),
		"large": large(), "long": long} {
		r := report.Build(in)
		html, mail := string(rendered(t, r, "html")), mailed(t, r)
		if len(mail) > documents.MailSize {
			t.Errorf("%s: %d bytes", name, len(mail))
		}
		for _, not := range []string{"var(--", "prefers-color-scheme", ":root", "<script", "=\"\""} {
			if strings.Contains(mail, not) && !(not == `=""` && strings.Contains(html, not)) {
				t.Errorf("%s: it has %s", name, not)
			}
		}
		if got := strings.Contains(mail, "This mail is cut"); got != (len(html) > documents.MailSize) &&
			len(html) > documents.MailSize+5000 {
			t.Errorf("%s: it says that it is cut: %v, of %d bytes", name, got, len(html))
		}
		want, got := tile.FindAllString(html, -1), tile.FindAllString(mail, -1)
		if len(want) != 4 || strings.Join(got, "") != strings.Join(want, "") {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
		for _, rect := range regexp.MustCompile(`<rect [^>]*>`).FindAllString(mail, -1) {
			if !strings.Contains(rect, ` fill="#`) {
				t.Fatalf("%s: %s", name, rect)
			}
		}
		if !strings.Contains(mail, ".sev.critical { color: #a3161a; }") {
			t.Errorf("%s: the colours are not there", name)
		}
	}
}
