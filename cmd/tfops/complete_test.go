package main

import (
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/term/document"
	"github.com/tfops/tfops/internal/term/show"
)

func TestCompletion(t *testing.T) {
	s := newShell(t)
	d := fullFake(s)
	for _, c := range []struct {
		words []string
		want  []string
	}{
		{[]string{"statu"}, []string{"status"}},
		{[]string{"plan", ""}, []string{"accounts-prod\tsynced", "network-prod\tpending", "dns\tunknown"}},
		{[]string{"plan", "net"}, []string{"network-prod\tpending"}},
		{[]string{"plan", "network-prod", ""}, nil},
		{[]string{"drift", "network-prod", ""}, []string{"accounts-prod\tsynced", "dns\tunknown"}},
		{[]string{"runs", "--workspace", "n"}, []string{"network-prod\tpending"}},
		{[]string{"runs", "--status", "aw"}, []string{"awaiting_approval"}},
		{[]string{"status", "--sync", ""}, show.SyncWords},
		{[]string{"status", "--label", "team=n"}, []string{"team=network"}},
		{[]string{"show", "0k1v8"}, []string{"0k1v8m3pq4rs\tnetwork-prod sync awaiting_approval"}},
		{[]string{"poll", ""}, []string{"infra", "names"}},
		{[]string{"status", "-o", ""}, document.Formats},
	} {
		out := s.ok(append([]string{"__complete"}, c.words...)...)
		lines := strings.Split(strings.TrimSpace(out), "\n")
		got := strings.Join(lines[:len(lines)-1], "\n") // the last line is for the shell
		if c.words[0] == "statu" {
			got, _, _ = strings.Cut(got, "\t")
		}
		if got != strings.Join(c.want, "\n") {
			t.Errorf("%q completes to\n%s\nwant\n%s", c.words, got, strings.Join(c.want, "\n"))
		}
	}
	s.ok("__complete", "approve", "")
	d.sent(t, "GET /runs?limit=50&status=awaiting_approval")
	s.ok("__complete", "resolve", "")
	d.sent(t, "GET /runs?limit=50&status=interrupted")

	s.env["TFOPS_SERVER"] = "/nowhere/tfops.sock"
	if out := s.ok("__complete", "plan", ""); !strings.HasPrefix(out, ":") {
		t.Errorf("without a daemon: %q", out)
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if out := s.ok("completion", shell); !strings.Contains(out, "tfops") {
			t.Errorf("no script for %s", shell)
		}
	}
}
