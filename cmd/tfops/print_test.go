package main

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"unicode"

	"go.yaml.in/yaml/v3"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/exit"
	"github.com/tfops/tfops/internal/term/document"
)

// fullFake has an answer to whatever can be looked at.
func fullFake(s *shell) *fakeDaemon {
	d := s.fake()
	fleet, r := exampleFleet(), exampleRun()
	failed := endedRun("sync", "errored")
	failed.ID, failed.Plan, failed.Approvals = "0k1v7aaaaaaa", nil, []api.Vote{}
	failed.Error = &api.Failure{Message: "terraform plan failed",
		Detail: "Error: Unsupported argument\n\n  on main.tf line 3:\n   3: colour = 1",
		Next:   "correct the code and push"}
	applied := endedRun("sync", "applied")
	applied.ID, applied.ApplyStartedAt = "0k1v6bbbbbbb", minutesAgo(6)
	yes, no := true, false
	mineRun, other := exampleRun(), exampleRun()
	mineRun.CanApprove = &yes
	other.ID, other.Workspace, other.CanApprove, other.CannotApproveBecause = "0k1v9ccccccc", "accounts-prod", &no,
		"ana wrote the commit"
	d.on("GET /status", fleet)
	d.on("GET /workspaces", fleet.Workspaces)
	d.on("GET /workspaces/network-prod", fleet.Workspaces[1])
	d.on("GET /repositories", fleet.Repositories)
	d.on("GET /runs", []api.Run{r, failed, applied})
	d.on("GET /runs/0k1v8m3pq4rs", r)
	d.on("GET /runs/0k1v7aaaaaaa", failed)
	d.on("GET /runs/0k1v8m3pq4rs/plan", []byte(examplePlan))
	d.on("GET /approvals", []api.Run{other, mineRun})
	d.on("GET /workspaces/network-prod/history", []api.Run{applied})
	d.on("GET /locks", []api.Lock{*fleet.Workspaces[1].Lock})
	found := exampleFindings()
	d.on("GET /drift/findings", found)
	d.on("GET /drift/findings/3f2a9c41d07b", found[0])
	d.on("GET /drift/findings/9b1c3e5f7a2d", found[1])
	d.on("GET /drift/reports", []api.Report{{ID: "0k1v5eeeeeee", Name: "nightly", At: *minutesAgo(360),
		Since: *minutesAgo(1800), Text: "2 findings in 3 workspaces, 1 new"}})
	d.on("GET /notify", fleet.Notify)
	d.on("GET /dead-letters", []api.Delivery{{ID: "0k1v4fffffff-audit", Target: "audit", Kind: "applied",
		Title: "network-prod was applied", At: *minutesAgo(2000), Attempts: 12,
		LastError: "answered 410", DeadAt: minutesAgo(500)}})
	d.on("GET /audit", []api.Audit{{At: noon, Actor: "li", Via: "socket", Action: "approve",
		Workspace: "network-prod", Run: r.ID, Reason: "looks right", Number: 7, Allowed: true}})
	return d
}

func TestWhatIsPrinted(t *testing.T) {
	s := newShell(t)
	fullFake(s)
	commands := map[string][]string{
		"status":        {"status"},
		"status-one":    {"status", "network-prod"},
		"status-filter": {"status", "--label", "team=network", "--sync", "pending", "--drift", "drifted"},
		"runs": {"runs", "--workspace", "network-prod", "--status", "errored,applied", "--kind", "sync",
			"--limit", "3", "--before", "0k2"},
		"show":           {"show", "0k1v8m3pq4rs", "--events"},
		"show-errored":   {"show", "0k1v7aaaaaaa"},
		"approvals":      {"approvals"},
		"history":        {"history", "network-prod"},
		"locks":          {"locks"},
		"audit":          {"audit", "--limit", "5"},
		"status-missing": {"status", "--label", "team=nobody"},
		"findings":       {"drift", "findings", "--life", "acknowledged", "--life", "recurring"},
		"finding":        {"drift", "show", "3f2a9c41d07b"},
		"finding-acked":  {"drift", "show", "9b1c3e5f7a2d"},
		"reports":        {"drift", "reports"},
		"notify":         {"notify"},
		"notify-dead":    {"notify", "dead"},
	}
	for name, args := range commands {
		for _, format := range document.Formats {
			r := s.ends(exit.Done, append(args, "-o", format)...)
			golden(t, name+"."+format, r.out+divider(r.err))
			checkDocument(t, name, format, r.out)
		}
	}
}

func divider(stderr string) string {
	if stderr == "" {
		return ""
	}
	return "--- stderr\n" + stderr
}

// checkDocument sees that what is printed for programs can be read by them.
func checkDocument(t *testing.T, name, format, out string) {
	t.Helper()
	var v any
	switch format {
	case "json":
		if err := json.Unmarshal([]byte(out), &v); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	case "yaml":
		if err := yaml.Unmarshal([]byte(out), &v); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFleetOf200(t *testing.T) {
	s := newShell(t)
	d := s.fake()
	var fleet api.Status
	for i := range 200 {
		w := exampleFleet().Workspaces[i%3]
		w.Name = fmt.Sprintf("workspace-%03d", i)
		fleet.Workspaces = append(fleet.Workspaces, w)
	}
	d.on("GET /status", fleet)
	r := s.ends(exit.Done, "status")
	lines := strings.Split(strings.TrimSpace(r.out), "\n")
	if len(lines) != 201 {
		t.Errorf("%d lines for 200 workspaces", len(lines))
	}
	for _, l := range lines[1:] {
		if strings.Index(l, "1111111") > strings.Index(lines[0], "WAITING") {
			t.Errorf("columns are not aligned: %q", l)
		}
	}
	if want := "200 workspaces: 67 synced, 67 pending, 66 unknown, 67 drifted."; !strings.Contains(r.err, want) {
		t.Errorf("stderr is %q, without %q", r.err, want)
	}
	if len(d.requests("GET")) != 1 {
		t.Errorf("asked %d times", len(d.requests("GET")))
	}
}

func TestTheQueryIsSent(t *testing.T) {
	s := newShell(t)
	d := fullFake(s)
	s.ok("runs", "--workspace", "network-prod", "--status", "errored,applied", "--kind", "drift", "--limit", "3",
		"--before", "0k2")
	d.sent(t, "GET /runs?before=0k2&kind=drift&limit=3&status=errored&status=applied&workspace=network-prod")
	s.ok("audit", "--limit", "7")
	d.sent(t, "GET /audit?limit=7")
	s.ok("drift", "findings", "network-prod", "--life", "new", "--life", "resolved")
	d.sent(t, "GET /drift/findings?life=new&life=resolved&workspace=network-prod")
	s.ok("history", "network-prod", "--limit", "4")
	d.sent(t, "GET /workspaces/network-prod/history?limit=4")
	s.env["TFOPS_TOKEN"] = "from-env"
	s.ok("locks")
	s.ok("locks", "--token", "from-flag")
	if got := []string{d.heads[len(d.heads)-2].Get("Authorization"),
		d.heads[len(d.heads)-1].Get("Authorization")}; !reflect.DeepEqual(got,
		[]string{"Bearer from-env", "Bearer from-flag"}) {
		t.Errorf("tokens sent: %q", got)
	}
}

func TestTextFromOutsideCannotActOnTheTerminal(t *testing.T) {
	s := newShell(t)
	d := s.fake()
	evil := "\x1b]0;owned\x07\u009b2J\u202etxt.exe\x7f"
	r := exampleRun()
	r.Commit.Message, r.Commit.Author, r.Comment, r.WaitingFor = evil, evil, evil, evil
	r.Error = &api.Failure{Message: evil, Detail: evil, Next: evil}
	w := exampleFleet().Workspaces[1]
	w.WaitingFor, w.Lock.Reason, w.Suspended.Reason, w.DriftWhy = evil, evil, evil, evil
	d.on("GET /runs/"+r.ID, r)
	d.on("GET /runs/"+r.ID+"/plan", []byte(examplePlan))
	d.on("GET /runs/"+r.ID+"/log", []byte(
		`{"@level":"info","@message":"\u001b[31m`+"\x7f\u202e"+`","type":"log"}`+"\n"))
	d.on("GET /runs", []api.Run{r})
	d.on("GET /workspaces/network-prod", w)
	d.on("GET /locks", []api.Lock{*w.Lock})
	f := exampleFindings()[0]
	f.Address, f.Owners, f.File, f.Problems, f.Attributes[0].Path, f.Attributes[0].After = evil, []string{evil}, evil,
		[]string{evil}, evil, evil
	d.on("GET /drift/findings", []api.Finding{f})
	d.on("GET /drift/findings/"+f.ID, f)
	d.on("GET /dead-letters", []api.Delivery{{ID: "x", Target: "ops", Title: evil, LastError: evil}})
	d.on("GET /notify", []api.NotifyTarget{{Name: "ops", Place: evil, LastError: evil}})
	d.on("GET /audit", []api.Audit{{Actor: evil, Reason: evil}})
	for _, args := range [][]string{{"show", r.ID}, {"runs"}, {"status", "network-prod"}, {"locks"}, {"audit"},
		{"logs", r.ID},
		{"drift", "findings"}, {"drift", "show", f.ID}, {"notify"}, {"notify", "dead"}} {
		for _, format := range document.Formats {
			got := s.ends(exit.Done, append(args, "-o", format)...)
			for _, c := range got.out + got.err {
				if !strings.ContainsRune("\n\t\u200c\u200d", c) && unicode.In(c, unicode.Cc, unicode.Cf) {
					t.Errorf("%q -o %s prints %U:\n%q", args, format, c, got.out)
					break
				}
			}
			checkDocument(t, args[0], format, got.out)
		}
	}
	var back api.Run
	if err := json.Unmarshal([]byte(s.ok("show", r.ID, "-o", "json")), &back); err != nil || back.Comment != r.Comment {
		t.Errorf("the comment does not survive as JSON: %q, %v", back.Comment, err)
	}
	var doc map[string]any
	if err := yaml.Unmarshal([]byte(s.ok("show", r.ID, "-o", "yaml")), &doc); err != nil ||
		doc["comment"] != r.Comment {
		t.Errorf("the comment does not survive as YAML: %q, %v", doc["comment"], err)
	}
}

func TestColours(t *testing.T) {
	s := newShell(t)
	fullFake(s)
	if out := s.ok("status"); strings.Contains(out, "\x1b") {
		t.Error("colours without a terminal")
	}
	s.env["CLICOLOR_FORCE"] = "1"
	if out := s.ok("status"); !strings.Contains(out, "\x1b[") {
		t.Error("no colours though they were asked for")
	}
	if out := s.ok("status", "--no-color"); strings.Contains(out, "\x1b") {
		t.Error("colours in spite of --no-color")
	}
	s.env["NO_COLOR"] = "1"
	if out := s.ok("status"); strings.Contains(out, "\x1b") {
		t.Error("colours in spite of NO_COLOR")
	}
}
