package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/exit"
	"github.com/tfops/tfops/internal/fault"
)

func TestAFindingIsNamedByAPrefix(t *testing.T) {
	s := newShell(t)
	fullFake(s)
	if r := s.ends(exit.Done, "drift", "show", "3F2A9"); !strings.Contains(r.out, "aws_security_group_rule.ssh") {
		t.Errorf("prints %q", r.out)
	}
	for given, says := range map[string]string{"3f": "there is no", "3f2a9c41d07c": "3f2a9c41d07b",
		"ffff": "there is no"} {
		if r := s.ends(exit.Failed, "drift", "show", given); !strings.Contains(r.err, says) {
			t.Errorf("%q: says %q, without %q", given, r.err, says)
		}
	}
}

func TestAcknowledgeNeedsAReason(t *testing.T) {
	s := newShell(t)
	d := fullFake(s)
	s.ends(exit.Usage, "drift", "ack", "3f2a9c41d07b")
	s.ends(exit.Usage, "drift", "ack", "3f2a9c41d07b", "-m", "x", "--until", "yesterday")
	if asked := d.requests("PUT"); len(asked) > 0 {
		t.Errorf("asked %q", asked)
	}
	d.on("PUT /drift/findings/3f2a9c41d07b/ack", exampleFindings()[0])
	d.on("DELETE /drift/findings/3f2a9c41d07b/ack", exampleFindings()[0])
	r := s.ends(exit.Done, "drift", "ack", "3f2a9", "-m", "larger for the migration", "--until", "7d")
	d.sent(t, `PUT /drift/findings/3f2a9c41d07b/ack {"reason":"larger for the migration","until":"2026-11-27T12:00:00Z"}`)
	if !strings.Contains(r.out, "Acknowledged finding 3f2a9c41d07b") ||
		!strings.Contains(r.err, "tfops drift unack 3f2a9c41d07b") {
		t.Errorf("prints %q and %q", r.out, r.err)
	}
	if r := s.ends(exit.Done, "drift", "unack", "3f2a9c41d07b"); !strings.Contains(r.out, "open again") {
		t.Errorf("prints %q", r.out)
	}
}

func TestCodify(t *testing.T) {
	s := newShell(t)
	d := fullFake(s)
	p := api.Patch{Finding: "3f2a9c41d07b", Workspace: "network-prod", Run: "0k1v6bbbbbbb", Commit: "8c5f3e21",
		Diff: "--- a/main.tf\n+++ b/main.tf\n", Done: []string{"cidr_blocks[0]"},
		Refused: []api.Refusal{{Path: "description", Why: "it is sensitive", File: "main.tf", Line: 14,
			Next: "change it by hand"}}}
	d.on("POST /drift/findings/3f2a9c41d07b/codify", p)
	d.on("GET /runs/0k1v6bbbbbbb/wait", endedRun("plan", "planned_and_finished"))
	p.Checked, p.Gone = true, true
	d.on("GET /runs/0k1v6bbbbbbb/patch", p)

	r := s.ends(exit.Done, "drift", "codify", "3f2a9")
	if r.out != p.Diff || !strings.Contains(r.err, "description is not codified: it is sensitive (main.tf:14)") ||
		!strings.Contains(r.err, "change it by hand") || !strings.Contains(r.err, "no more") {
		t.Errorf("prints %q and %q", r.out, r.err)
	}
	file := filepath.Join(t.TempDir(), "drift.patch")
	s.ends(exit.Done, "drift", "codify", "3f2a9", "--file", file)
	if b, err := os.ReadFile(file); err != nil || string(b) != p.Diff {
		t.Errorf("the file holds %q, %v", b, err)
	}
	other := filepath.Join(t.TempDir(), "other.patch")
	if r := s.ends(exit.Done, "drift", "codify", "3f2a9", "--file", other, "-o", "json"); !strings.Contains(r.out,
		`"gone": true`) {
		t.Errorf("prints %q", r.out)
	}
	if b, err := os.ReadFile(other); err != nil || string(b) != p.Diff {
		t.Errorf("with -o json, the file holds %q, %v", b, err)
	}
	p.Also = []string{"a.1", "a.2", "a.3", "a.4", "a.5", "a.6", "a.7"}
	d.on("GET /runs/0k1v6bbbbbbb/patch", p)
	if r := s.ends(exit.Done, "drift", "codify", "3f2a9"); !strings.Contains(r.err,
		"also changes a.1, a.2, a.3, a.4, a.5 and 2 more (see") {
		t.Errorf("prints %q", r.err)
	}
	p.Gone, p.Why = false, "the plan still changes tags"
	d.on("GET /runs/0k1v6bbbbbbb/patch", p)
	heldBack(t, s, p.Diff, "the plan still changes tags")
	p.Checked, p.Why = false, ""
	d.on("GET /runs/0k1v6bbbbbbb/patch", p)
	heldBack(t, s, p.Diff, "is not checked")
	if r := s.ends(exit.Failed, "drift", "codify", "3f2a9"); !strings.Contains(r.err, "is not checked") ||
		!strings.Contains(r.err, "tfops show 0k1v6bbbbbbb") {
		t.Errorf("prints %q", r.err)
	}
	s.ends(exit.Usage, "drift", "codify", "3f2a9", "--timeout", "-5s")
	d.on("GET /runs/0k1v6bbbbbbb", api.Run{ID: p.Run, Kind: "plan", Status: "planning"})
	d.on("GET /runs/0k1v6bbbbbbb/wait", api.Run{ID: p.Run, Kind: "plan", Status: "planning"})
	if r := s.ends(exit.Failed, "drift", "codify", "3f2a9", "--timeout", "30ms"); !strings.Contains(r.err,
		"after 30ms") || !strings.Contains(r.err, "tfops wait 0k1v6bbbbbbb") {
		t.Errorf("prints %q", r.err)
	}
	none := api.Patch{Finding: p.Finding, Workspace: p.Workspace,
		Refused: []api.Refusal{{Why: "it is made by count", Next: "edit the list"}}}
	d.on("POST /drift/findings/3f2a9c41d07b/codify", none)
	if r := s.ends(exit.Failed, "drift", "codify", "3f2a9"); r.out != "" ||
		!strings.Contains(r.err, "it is made by count") || !strings.Contains(r.err, "nothing of finding") {
		t.Errorf("prints %q and %q", r.out, r.err)
	}
}

// heldBack: a patch that no plan has proved goes nowhere from where it could be applied, unless somebody
// asks for it as such.
func heldBack(t *testing.T, s *shell, diff, why string) {
	t.Helper()
	line := strings.SplitAfter(diff, "\n")[0]
	for _, args := range [][]string{nil, {"-o", "json"}, {"-o", "yaml"},
		{"--file", filepath.Join(t.TempDir(), "x.patch")}} {
		r := s.ends(exit.Failed, append([]string{"drift", "codify", "3f2a9"}, args...)...)
		if strings.Contains(r.out, strings.TrimSpace(line)) || !strings.Contains(r.err, why) ||
			!strings.Contains(r.err, "--unproved prints it all the same") {
			t.Errorf("%q prints %q and %q", args, r.out, r.err)
		}
		if len(args) > 0 && args[0] == "--file" {
			if _, err := os.Stat(args[1]); err == nil {
				t.Errorf("the patch is in a file")
			}
		}
	}
	file := filepath.Join(t.TempDir(), "y.patch")
	if r := s.ends(exit.Failed, "drift", "codify", "3f2a9", "--unproved"); r.out != diff ||
		!strings.Contains(r.err, why) {
		t.Errorf("with --unproved, prints %q and %q", r.out, r.err)
	}
	s.ends(exit.Failed, "drift", "codify", "3f2a9", "--unproved", "--file", file)
	if b, err := os.ReadFile(file); err != nil || string(b) != diff {
		t.Errorf("with --unproved, the file holds %q, %v", b, err)
	}
}

func TestReportOfDrift(t *testing.T) {
	s := newShell(t)
	d := fullFake(s)
	d.on("GET /drift/report", []byte("<!doctype html>"))
	d.on("GET /drift/reports/0k1v5eeeeeee", []byte("# kept"))
	file := filepath.Join(t.TempDir(), "drift.html")
	if r := s.ends(exit.Done, "drift", "report", "--since", "7d", "-o", file); r.out != "" ||
		!strings.Contains(r.err, file) {
		t.Errorf("prints %q and %q", r.out, r.err)
	}
	d.sent(t, "GET /drift/report?format=html&since=2026-11-13T12%3A00%3A00Z")
	if b, err := os.ReadFile(file); err != nil || string(b) != "<!doctype html>" {
		t.Errorf("the file holds %q, %v", b, err)
	}
	if r := s.ends(exit.Done, "drift", "report", "--id", "0k1v5eeeeeee"); r.out != "# kept" {
		t.Errorf("prints %q", r.out)
	}
	d.sent(t, "GET /drift/reports/0k1v5eeeeeee?format=md")
	s.ends(exit.Usage, "drift", "report", "--id", "0k1v5eeeeeee", "--since", "7d")
	if r := s.ends(exit.Done, "drift", "report", "--id", "0K1V5"); r.out != "# kept" {
		t.Errorf("prints %q for the beginning of its id", r.out)
	}
	if r := s.ends(exit.Failed, "drift", "report", "--id", "0k9"); !strings.Contains(r.err, "there is no") {
		t.Errorf("says %q", r.err)
	}
	d.on("GET /drift/reports", []api.Report{{ID: "0k1v5eeeeeee"}, {ID: "0k1v5ffffffff"}})
	if r := s.ends(exit.Usage, "drift", "report", "--id", "0k1v5"); !strings.Contains(r.err, "matches 2 reports") {
		t.Errorf("says %q", r.err)
	}
	s.ends(exit.Usage, "drift", "report", "--format", "pdf")
	s.ends(exit.Usage, "drift", "report", "--since", "2030-01-01")

	// A report that cannot be made leaves what is there as it was.
	d.on("GET /drift/report", fault.New(fault.Unavailable, "try again", "the store cannot be read"))
	s.ends(exit.Failed, "drift", "report", "-o", file)
	if b, _ := os.ReadFile(file); string(b) != "<!doctype html>" {
		t.Errorf("the file holds %q", b)
	}
}

func TestDeliveriesOnTheCommandLine(t *testing.T) {
	s := newShell(t)
	d := fullFake(s)
	d.on("POST /notify/ops/test", api.Tested{Delivery: "0k1v8ggggggg-ops"})
	d.on("POST /dead-letters/0k1v4fffffff-audit/retry", []byte(""))
	d.on("DELETE /dead-letters/0k1v4fffffff-audit", []byte(""))
	if r := s.ends(exit.Done, "notify", "test", "ops"); !strings.Contains(r.out, "0k1v8ggggggg-ops") {
		t.Errorf("prints %q", r.out)
	}
	if r := s.ends(exit.Done, "notify", "retry", "0k1v4fffffff-audit"); !strings.Contains(r.out, "sent again") {
		t.Errorf("prints %q", r.out)
	}
	if r := s.ends(exit.Done, "notify", "drop", "0k1v4fffffff-audit"); !strings.Contains(r.out, "forgotten") {
		t.Errorf("prints %q", r.out)
	}
	s.ends(exit.Failed, "notify", "drop", "0k1v4nothere-audit")
}

// TestWhatIsUnknownHasItsAge: how long nobody knows is what matters about it.
func TestWhatIsUnknownHasItsAge(t *testing.T) {
	s := newShell(t)
	d := s.fake()
	w := exampleFleet().Workspaces[1]
	w.Drift, w.DriftWhy, w.LastCheckedAt, w.DriftSince, w.HealStopped = "unknown", "the check failed: no credentials",
		minutesAgo(26*60), minutesAgo(90), "aws_subnet.a was healed 3 times within 24 hours"
	d.on("GET /workspaces/network-prod", w)
	r := s.ends(exit.Done, "status", "network-prod")
	for _, want := range []string{"unknown, last looked at 1d02h ago: the check failed: no credentials\n", "Healing:",
		"was healed 3 times"} {
		if !strings.Contains(r.out, want) {
			t.Errorf("prints %q, without %q", r.out, want)
		}
	}
}

// TestWhatIsUncheckedIsCounted: a fleet of which something is not known is not
// summed up as if it were, and what is unknown names the way out.
func TestWhatIsUncheckedIsCounted(t *testing.T) {
	s := newShell(t)
	d := s.fake()
	fleet := exampleFleet()
	unknown := fleet.Workspaces[1]
	unknown.Drift, unknown.NextCommand, unknown.AppliedCommit = "unknown", "", "8c5f3e21"
	never, gone, waits := unknown, unknown, unknown
	never.AppliedCommit, gone.Destroyed, waits.NextCommand = "", true, "tfops approve 0k1v8m3pq4rs"
	fleet.Workspaces = []api.Workspace{unknown, never, gone}
	d.on("GET /status", fleet)
	if r := s.ends(exit.Done, "status"); !strings.Contains(r.err, "3 workspaces: 3 pending, 1 unchecked.") {
		t.Errorf("sums up %q", r.err)
	}
	for next, w := range map[string]api.Workspace{"tfops drift network-prod --wait": unknown,
		"tfops approve 0k1v8m3pq4rs": waits} {
		d.on("GET /workspaces/network-prod", w)
		if r := s.ends(exit.Done, "status", "network-prod"); !strings.Contains(r.out,
			"Next command:        "+next+"\n") {
			t.Errorf("without %q:\n%s", next, r.out)
		}
	}
	for _, w := range []api.Workspace{never, gone} {
		d.on("GET /workspaces/network-prod", w)
		if r := s.ends(exit.Done, "status", "network-prod"); strings.Contains(r.out, "Next command") {
			t.Errorf("names a command:\n%s", r.out)
		}
	}
}

// TestACommandTakenForAWorkspace: "tfops drift" takes names, and has commands.
func TestACommandTakenForAWorkspace(t *testing.T) {
	s := newShell(t)
	fullFake(s)
	for given, says := range map[string]string{"reprot": "did you mean tfops drift report? Otherwise: ",
		"network-prd": "did you mean network-prod? Otherwise: ", "xyzzy": "Next: "} {
		if r := s.ends(exit.Failed, "drift", given); !strings.Contains(r.err, says) ||
			strings.Count(r.err, "did you mean") > 1 {
			t.Errorf("%s: says %q", given, r.err)
		}
	}
}

func TestAPlanOfAPatchSaysSo(t *testing.T) {
	s := newShell(t)
	d := fullFake(s)
	r := endedRun("plan", "planned_and_finished")
	r.Codify, r.Plan = "3f2a9c41d07b", nil
	d.on("GET /runs/"+r.ID, r)
	if r := s.ends(exit.Done, "show", r.ID); !strings.Contains(r.out, "codifies finding 3f2a9c41d07b") {
		t.Errorf("prints %q", r.out)
	}
}

// TestWhyNothingIsHealed: who has switched healing on sees why it did nothing.
func TestWhyNothingIsHealed(t *testing.T) {
	s := newShell(t)
	d := s.fake()
	w := exampleFleet().Workspaces[1]
	for want, set := range map[string]func(){
		"Healing:             not healed: a.b is input\n":     func() { w.NotHealed = "a.b is input" },
		"Healing:             stopped: three times in vain\n": func() { w.HealStopped = "three times in vain" },
	} {
		w.NotHealed, w.HealStopped = "", ""
		set()
		d.on("GET /workspaces/network-prod", w)
		if r := s.ends(exit.Done, "status", "network-prod"); !strings.Contains(r.out, want) {
			t.Errorf("without %q:\n%s", want, r.out)
		}
	}
}

// TestAFindingThatNobodyCouldLook leads to what made the check fail.
func TestAFindingThatNobodyCouldLook(t *testing.T) {
	s := newShell(t)
	d := fullFake(s)
	f := exampleFindings()[0]
	d.on("GET /drift/findings/3f2a9c41d07b", f)
	const hint = "tfops runs --workspace network-prod --kind drift --limit 1"
	if r := s.ends(exit.Done, "drift", "show", "3f2a9c41d07b"); strings.Contains(r.out, hint) {
		t.Errorf("a check that looked is said to have failed:\n%s", r.out)
	}
	f.Class = "unchecked"
	d.on("GET /drift/findings/3f2a9c41d07b", f)
	if r := s.ends(exit.Done, "drift", "show", "3f2a9c41d07b"); !strings.Contains(r.out, hint) {
		t.Errorf("without %q:\n%s", hint, r.out)
	}
}

// TestGivenUpAndWaiting: the error that is known may be of what still waits, so
// it is not said to be why something was given up.
func TestGivenUpAndWaiting(t *testing.T) {
	s := newShell(t)
	d := s.fake()
	fleet := exampleFleet()
	fleet.Notify = []api.NotifyTarget{{Name: "ops", Waiting: 19, Dead: 1, Failing: true,
		LastError: "connection refused"}}
	d.on("GET /status", fleet)
	if r := s.ends(exit.Done, "status"); !strings.Contains(r.err,
		"notify ops: 1 given up and 19 waiting, the error of one: connection refused\nNext: tfops notify dead\n") {
		t.Errorf("says %q", r.err)
	}
}
