package report_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/drift/report"
)

// A first report does not speak of one before.
func TestSinceWhen(t *testing.T) {
	for _, first := range []bool{true, false} {
		in := badNight()
		in.Last = !first
		r := report.Build(in)
		for _, format := range []string{"md", "html"} {
			if got := strings.Contains(string(rendered(t, r, format)), "the last report"); got == first {
				t.Errorf("%s, first %v: %v", format, first, got)
			}
		}
		if got := strings.Contains(r.Headline, "the last report"); got == first {
			t.Errorf("%q, first %v", r.Headline, first)
		}
	}
	in := emptyFleet()
	in.Workspaces = []report.Workspace{workspaceNamed("w")}
	in.Findings = []drift.Finding{found("w", "x.a", drift.Changed, drift.Low, time.Hour)}
	in.Checks = every("w", 3, 2, drift.Drifted)
	if got := report.Build(in).Headline; !strings.HasSuffix(got, "new since 20 Nov 2026 06:00 CET.") {
		t.Errorf("%q", got)
	}
}

// A commit that waits is no finding: it counts in no sum, no mean and no trend, and its workspace is clean.
func TestPendingCommitsAreApart(t *testing.T) {
	in := emptyFleet()
	in.Workspaces = []report.Workspace{workspaceNamed("w")}
	waits := found("w", "x.a", drift.PendingCommit, drift.Critical, time.Hour, drift.Attribute{Path: "n", Wanted: 1})
	waits.Owners = []string{"@acme/dns"}
	applied := found("w", "x.b", drift.PendingCommit, drift.Critical, 3*day, drift.Attribute{Path: "n", Wanted: 1})
	applied.Life, applied.ResolvedAt, applied.ResolvedBy = drift.Resolved, ago(time.Hour), "run-1"
	in.Findings = []drift.Finding{waits, applied}
	check := every("w", 3, 1)[0].Concluded(nil, in.Findings)
	in.Checks = []drift.Check{check}
	r := report.Build(in)
	s, w := r.Summary, r.Workspaces[0]
	if s.Pending != 1 || len(w.Pending) != 1 || w.Outcome != drift.Clean {
		t.Errorf("%d, %+v", s.Pending, w)
	}
	if s.Open+s.New+s.Resolved+s.Severity.Total()+len(s.Owners)+len(s.Classes)+len(w.Findings)+len(w.Resolved) != 0 {
		t.Errorf("it counts: %+v, %+v", s, w)
	}
	for _, p := range r.Trend.Periods {
		if p.New+p.Resolved+p.Now+p.Detect.Count+p.Repair.Count != 0 {
			t.Errorf("it counts in the trend: %+v", p)
		}
	}
	if len(check.Open) != 0 {
		t.Errorf("the check counts it: %v", check.Open)
	}
	if md := string(rendered(t, r, "md")); !strings.Contains(md, "1 difference that a waiting commit explains") ||
		strings.Contains(md, "open finding") {
		t.Errorf("%s", md)
	}
	for _, format := range []string{"csv", "sarif", "junit", "json"} {
		if !strings.Contains(string(rendered(t, r, format)), "x.a") {
			t.Errorf("%s does not have it", format)
		}
	}
}

// Checks that fail for the same reason are one card, with all workspaces and what to do in each.
func TestOneFailureOfMany(t *testing.T) {
	in := emptyFleet()
	for i := range 12 {
		name := fmt.Sprintf("w%d", i)
		in.Workspaces = append(in.Workspaces, workspaceNamed(name))
		failed := every(name, 3, 1, drift.NotChecked)
		failed[0].Why = "the engine could not plan: no valid credential sources found"
		if i == 7 {
			failed[0].Why = "the engine could not plan: access denied"
		}
		in.Checks = append(in.Checks, failed...)
	}
	in.Findings = []drift.Finding{found("w3", "x.stays", drift.Changed, drift.High, 2*day)}
	r := report.Build(in)
	for format, reason := range map[string]string{"md": "### 11 workspaces, for one reason",
		"html": "<h3>11 workspaces, for one reason</h3>"} {
		text := string(rendered(t, r, format))
		if strings.Count(text, "for one reason") != 1 || !strings.Contains(text, reason) ||
			strings.Count(text, "no valid credential sources found") > 2 { // in HTML at the top, too
			t.Errorf("%s is not one card: %d times", format, strings.Count(text, "no valid credential sources found"))
		}
		for i := range 12 {
			if !strings.Contains(text, fmt.Sprintf("tfops logs run-w%d-0", i)) {
				t.Errorf("%s: what to do in w%d is not there", format, i)
			}
		}
		if !strings.Contains(text, "x.stays") || !strings.Contains(text, "access denied") {
			t.Errorf("%s: something is lost", format)
		}
	}
}

// What is compared and what is found belong to their own kind of workspace; in the page each number stands beside
// what it is of.
func TestTilesAddUp(t *testing.T) {
	in := emptyFleet()
	for _, name := range []string{"clean", "drifted", "failed"} {
		in.Workspaces = append(in.Workspaces, workspaceNamed(name))
	}
	in.Checks = append(every("clean", 3, 2), every("drifted", 500, 2, drift.Drifted)...)
	in.Checks = append(in.Checks, every("failed", 70, 2, drift.NotChecked)...)
	known := found("drifted", "x.known", drift.Changed, drift.High, 2*day)
	known.Life, known.Ack = drift.Acknowledged, &drift.Ack{By: "ana", Reason: "it is known", At: ago(day)}
	in.Findings = []drift.Finding{known, found("drifted", "x.a", drift.Changed, drift.High, 2*day),
		found("failed", "x.old", drift.Changed, drift.Low, 5*day)}
	html := string(rendered(t, report.Build(in), "html"))
	for _, want := range []string{"<dt>Clean</dt><dd>1<small>3 resources compared</small>",
		"<dt>Drifted</dt><dd>1<small>1 open finding</small>", "<dt>Unchecked</dt><dd>1<small>of 3 workspaces</small>"} {
		if !strings.Contains(html, want) {
			t.Errorf("%q is not there", want)
		}
	}
}

// People count: list[10] stands after list[2].
func TestNumbersInOrder(t *testing.T) {
	in := emptyFleet()
	for _, name := range []string{"w10", "w2"} {
		in.Workspaces = append(in.Workspaces, workspaceNamed(name))
		in.Checks = append(in.Checks, every(name, 3, 1, drift.Drifted)...)
		for _, i := range []int{10, 2, 1} {
			in.Findings = append(in.Findings, found(name, fmt.Sprintf("x.list[%d]", i), drift.Changed, drift.Low, day))
		}
	}
	var got []string
	for _, w := range report.Build(in).Workspaces {
		for _, f := range w.Findings {
			got = append(got, w.Name+" "+f.Address)
		}
	}
	want := "w2 x.list[1], w2 x.list[2], w2 x.list[10], w10 x.list[1], w10 x.list[2], w10 x.list[10]"
	if strings.Join(got, ", ") != want {
		t.Errorf("%q", got)
	}
}

// A repository that cannot be read stands above everything; one that no workspace of the report is made of is
// nobody's news.
func TestUnreadableRepositoriesStandOnTop(t *testing.T) {
	r := report.Build(badNight())
	if len(r.Unreadable) != 1 || r.Unreadable[0].Name != "edge" || r.Unreadable[0].Workspaces != 1 ||
		r.Unreadable[0].Next != "tfops poll edge" {
		t.Errorf("%+v", r.Unreadable)
	}
	for _, format := range []string{"md", "html"} {
		text := string(rendered(t, r, format))
		i := strings.Index(text, "cannot be read")
		if i < 0 || i > strings.Index(text, "Unchecked") || strings.Contains(text, "elsewhere") {
			t.Errorf("%s: at %d", format, i)
		}
	}
}
