package main

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/creack/pty"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/exit"
)

// wide runs a command on a terminal of so many columns, without colours.
func (s *shell) wide(columns uint16, args ...string) string {
	s.t.Helper()
	person, tty, err := pty.Open()
	if err != nil {
		s.t.Fatal(err)
	}
	defer person.Close()
	if err := pty.Setsize(tty, &pty.Winsize{Rows: 24, Cols: columns}); err != nil {
		s.t.Fatal(err)
	}
	showed := make(chan string)
	go func() {
		b, _ := io.ReadAll(person) // ends with EIO once the terminal is closed
		showed <- string(b)
	}()
	var errs bytes.Buffer
	a := &app{stdin: &bytes.Buffer{}, stdout: tty, stderr: &errs, getenv: func(k string) string { return s.env[k] },
		now: s.now}
	status := a.run(s.t.Context(), append(args, "--no-color"))
	tty.Close()
	out := strings.ReplaceAll(<-showed, "\r\n", "\n")
	if status != exit.Done {
		s.t.Fatalf("tfops %q: exit status %d\n%s%s", args, status, out, errs.String())
	}
	return out
}

// TestTablesAt80Columns sees that no row wraps on a usual terminal, and that
// what is copied from one is whole.
func TestTablesAt80Columns(t *testing.T) {
	s := newShell(t)
	d := fullFake(s)
	long := exampleRun()
	long.Workspace, long.Status, long.Reason = "network-production-eu", "discarded", "superseded"
	long.Commit.Message = strings.Repeat("A very long subject ", 8)
	d.on("GET /runs", []api.Run{exampleRun(), long})
	d.on("GET /audit", []api.Audit{{At: noon, Actor: "ana@example.com", Via: "socket", Action: "approve",
		Workspace: "network-prod", Run: "0k1v8m3pq4rs", Reason: long.Commit.Message}})
	owned, told := exampleFindings(), exampleFleet().Notify
	owned[0].Owners = []string{"@acme/network", "@acme/platform", "ana@example.com"}
	d.on("GET /drift/findings", owned)
	d.on("GET /drift/findings/3f2a9c41d07b", api.Finding{ID: "3f2a9c41d07b", Workspace: "network-prod",
		Severity: "high", Class: "changed", Life: "new",
		Attributes: []api.Attribute{{Path: "description", Before: long.Commit.Message, After: "a <b> & c " +
			long.Commit.Message}}})
	for i := range told {
		told[i].On = []string{"awaiting_approval", "errored", "interrupted", "drift_new", "drift_resolved",
			"drift_unchecked", "healed"}
	}
	d.on("GET /notify", told)
	d.on("GET /drift/reports", []api.Report{{ID: "0k1v5eeeeeee", Name: "nightly", At: noon, Since: noon,
		Text: long.Commit.Message}})
	for command, whole := range map[string][]string{
		"runs": {"0k1v8m3pq4rs", "network-prod ", "awaiting_approval", "sync", "8c5f3e21",
			"network-production-eu", "discarded (superseded)"},
		"approvals": {"0k1v8m3pq4rs", "network-prod", "sync", "8c5f3e21", "1 more of 2 approv",
			"ana wrote the commit"},
		"history network-prod": {"0k1v6bbbbbbb", "sync", "applied", "8c5f3e21"},
		"locks":                {"network-prod", "li", "by hand"},
		"audit": {"2026-11-20 12:00:00Z", "ana@example.com", "approve", "network-prod",
			"0k1v8m3pq4rs"},
		"status": {"accounts-prod", "network-prod", "synced", "drifted", "8c5f3e21",
			"1 more of 2 approv"},
		"show 0k1v7aaaaaaa":      {"0k1v7aaaaaaa"},
		"status --sync pending ": {"network-prod"},
		"drift findings": {"3f2a9c41d07b", "critical", "network-prod", "aws_security_group_rule.ssh",
			"changed"},
		"drift show 3f2a9c41d07b": {"description", `"A very long`, `"a <b> & c`},
		"drift reports":           {"0k1v5eeeeeee", "nightly", "2026-11-20 12:00:00Z"},
		"notify":                  {"ops", "audit"},
		"notify dead":             {"0k1v4fffffff-audit", "answered 410"},
	} {
		out := s.wide(80, strings.Fields(command)...)
		for _, w := range whole {
			if !strings.Contains(out, w) {
				t.Errorf("tfops %s cuts %q:\n%s", command, w, out)
			}
		}
		for _, l := range strings.Split(out, "\n") {
			if n := len([]rune(l)); n > 80 {
				t.Errorf("tfops %s: a line of %d: %q", command, n, l)
			}
		}
	}
	if out := s.wide(200, "runs"); !strings.Contains(out, "TOOK") || !strings.Contains(out, "PLAN") {
		t.Errorf("columns are left out though there is room:\n%s", out)
	}
}
