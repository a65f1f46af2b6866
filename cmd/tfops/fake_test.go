package main

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/fault"
)

// fakeDaemon answers on a socket what a test puts into it. It is for what is
// printed; that the commands and a real daemon understand each other is for
// live_test.go.
type fakeDaemon struct {
	mu      sync.Mutex
	answers map[string]any // by "METHOD /path"
	asked   []string       // "METHOD /path?query body", in order
	heads   []http.Header
}

func (s *shell) fake() *fakeDaemon {
	s.t.Helper()
	d := &fakeDaemon{answers: map[string]any{}}
	socket := filepath.Join(s.t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		s.t.Fatal(err)
	}
	srv := &httptest.Server{Listener: l, Config: &http.Server{Handler: d}}
	srv.Start()
	s.t.Cleanup(srv.Close)
	s.env["TFOPS_SERVER"] = socket
	return d
}

// on sets the answer to a request below /api/v1: a value, a *fault.Error, or
// raw bytes.
func (d *fakeDaemon) on(request string, answer any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	method, path, _ := strings.Cut(request, " ")
	d.answers[method+" /api/v1"+path] = answer
}

func (d *fakeDaemon) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	d.mu.Lock()
	line := r.Method + " " + strings.TrimPrefix(r.URL.RequestURI(), "/api/v1")
	d.asked, d.heads = append(d.asked, strings.TrimSpace(line+" "+string(body))), append(d.heads, r.Header)
	answer, ok := d.answers[r.Method+" "+r.URL.Path]
	d.mu.Unlock()
	if !ok {
		answer = fault.New(fault.NotFound, "tfops status", "there is no %s", r.URL.Path)
	}
	switch v := answer.(type) {
	case *fault.Error:
		status := api.StatusOf(v.Code)
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(api.Error{Status: status, Detail: v.Message, Code: string(v.Code), Next: v.Next})
	case []byte:
		_, _ = w.Write(v)
	default:
		_ = json.NewEncoder(w).Encode(v)
	}
}

// requests are what was asked with this method.
func (d *fakeDaemon) requests(method string) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(d.asked), func(s string) bool { return !strings.HasPrefix(s, method+" ") })
}

func (d *fakeDaemon) sent(t *testing.T, want string) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if !slices.Contains(d.asked, want) {
		t.Errorf("the daemon was not asked %q but:\n%s", want, strings.Join(d.asked, "\n"))
	}
}

// The things of the examples.

const digest = "sha256:3f2a9c4be071d2f0c1a55a0fb3d9a7b0a1b2c3d4e5f60718293a4b5c6d7e8f90"

func minutesAgo(n int) *time.Time {
	t := noon.Add(-time.Duration(n) * time.Minute)
	return &t
}

func exampleRun() api.Run {
	expires := noon.Add(23 * time.Hour)
	return api.Run{ID: "0k1v8m3pq4rs", Workspace: "network-prod", Kind: "sync", Status: "awaiting_approval",
		WaitingFor:  `1 more of 2 approvals of group:platform (rule "destructive")`,
		NextCommand: "tfops approve 0k1v8m3pq4rs",
		Commit: api.Commit{SHA: "8c5f3e21b7d94a06f2c1e8d7a6b5c4d3e2f10987", Author: "Ana Ruiz",
			AuthorEmail: "ana@example.com", Committer: "Ana Ruiz",
			CommitterEmail: "ana@example.com", Message: "Widen the subnet\n\nIt was full.", Time: noon.Add(-time.Hour)},
		Trigger: api.Trigger{Cause: "commit"},
		Plan: &api.Plan{Digest: digest, Add: 1, Replace: 1, Changes: true, Complete: true,
			Engine: "terraform 1.11.4"},
		Approvals: []api.Vote{{Voter: "li", Yes: true, Digest: digest, Comment: "looks right",
			At: noon.Add(-10 * time.Minute)}},
		Needs: []api.Need{{Rule: "destructive", Require: 2, From: []string{"group:platform"},
			Voters: []string{"li"}}},
		State: "s3:states/network/prod.tfstate", Attempt: 1,
		Events: []api.Event{
			{At: noon.Add(-30 * time.Minute), To: "pending", Text: "commit 8c5f3e21"},
			{At: noon.Add(-30 * time.Minute), From: "pending", To: "planning"},
			{At: noon.Add(-29 * time.Minute), From: "planning", To: "awaiting_approval"},
			{At: noon.Add(-10 * time.Minute), Actor: "li", Text: "approved: looks right"},
		},
		CreatedAt: noon.Add(-30 * time.Minute), StartedAt: minutesAgo(30), PlannedAt: minutesAgo(29),
		ExpiresAt: &expires}
}

// endedRun is the example with another end.
func endedRun(kind, status string) api.Run {
	r := exampleRun()
	r.Kind, r.Status, r.WaitingFor, r.NextCommand, r.Needs, r.FinishedAt = kind, status, "", "", nil, minutesAgo(5)
	return r
}

const examplePlan = `{"format_version":1,"engine_name":"terraform","engine_version":"1.11.4","digest":"` + digest + `",
 "counts":{"add":1,"change":0,"delete":0,"replace":1,"import":0,"move":0,"forget":0,"read":0,"outputs":0},
 "changes":[
  {"address":"aws_subnet.a","mode":"managed","type":"aws_subnet","name":"a","provider":"registry.terraform.io/hashicorp/aws","action":"replace",
   "before":{"cidr":"10.0.0.0/24","id":"subnet-1"},"after":{"cidr":"10.0.0.0/20"},"unknown":{"id":true},"replace_paths":["cidr"]},
  {"address":"aws_subnet.b","mode":"managed","type":"aws_subnet","name":"b","provider":"registry.terraform.io/hashicorp/aws","action":"create",
   "after":{"cidr":"10.1.0.0/20","size":12345678901234567890},"unknown":{"id":true}}],
 "drift":[],"outputs":[],"checks":[],"complete":true,"errored":false,"applyable":true,"destroy":false}`

func exampleFleet() api.Status {
	return api.Status{
		Generators: []api.Generator{{Name: "live", Repository: "infra", Workspaces: []string{"accounts-prod"},
			Problems: []api.Problem{
				{Where: "tfops.hcl:12", Message: `generator "live": dirs = "live/test/*" matches no directory on branch main`, Next: "correct dirs in tfops.hcl, or commit such a directory"}}}},
		Workspaces: []api.Workspace{
			{Name: "accounts-prod", Repository: "infra", Branch: "main", Dir: "live/prod/accounts",
				TerraformWorkspace: "default", Apply: "auto",
				Labels:        map[string]string{"team": "platform"},
				HeadCommit:    "8c5f3e21b7d94a06f2c1e8d7a6b5c4d3e2f10987",
				DesiredCommit: "1111111122222222333333334444444455555555",
				AppliedCommit: "1111111122222222333333334444444455555555", AppliedAt: minutesAgo(600), Sync: "synced",
				Drift: "none", LastCheckedAt: minutesAgo(600)},
			{Name: "network-prod", Repository: "infra", Branch: "main", Dir: "live/prod/network",
				TerraformWorkspace: "default", Apply: "manual",
				Labels:        map[string]string{"team": "network", "tier": "prod"},
				HeadCommit:    "8c5f3e21b7d94a06f2c1e8d7a6b5c4d3e2f10987",
				DesiredCommit: "8c5f3e21b7d94a06f2c1e8d7a6b5c4d3e2f10987",
				AppliedCommit: "1111111122222222333333334444444455555555", AppliedAt: minutesAgo(6000),
				Sync: "pending", Drift: "drifted", DriftSince: minutesAgo(90),
				Drifted:     []string{"aws_subnet.a", "aws_subnet.b"},
				WaitingFor:  `1 more of 2 approvals of group:platform (rule "destructive")`,
				NextCommand: "tfops approve 0k1v8m3pq4rs",
				Lock: &api.Lock{State: "s3:states/network/prod.tfstate", Workspace: "network-prod", Holder: "li",
					Person: "li", Reason: "by hand", Since: *minutesAgo(20), Waiting: []string{"0k1v8m3pq4rs"}},
				Suspended: &api.Suspension{By: "ana", Reason: "freeze", At: *minutesAgo(60)},
				State:     "s3:states/network/prod.tfstate", LastRun: &api.RunRef{ID: "0k1v8m3pq4rs", Kind: "sync",
					Status: "awaiting_approval"}, LastCheckedAt: minutesAgo(90)},
			{Name: "dns", Repository: "names", Branch: "main", Dir: ".", TerraformWorkspace: "default",
				Apply: "never", Sync: "unknown", Drift: "unknown",
				DriftWhy: "never checked", WaitingFor: "repository names: refused", NextCommand: "check the token"},
		},
		Repositories: []api.Repository{{Name: "infra", PolledAt: minutesAgo(0), Note: "its host does not negotiate"},
			{Name: "names", PolledAt: minutesAgo(45), Failures: 3, Error: "refused", Next: "check the token"}},
		Notify: []api.NotifyTarget{{Name: "ops", Place: "slack://", On: []string{"awaiting_approval", "errored"},
			Waiting: 2, Failing: true, LastError: "answered 500"},
			{Name: "audit", Place: "https://hooks.example.com", On: []string{}, Dead: 1, LastError: "answered 410"}},
		LeftBehind: []api.LeftBehind{{Name: "old-dns", AppliedCommit: "8c5f3e2190aa", AppliedAt: minutesAgo(3000)}},
		Strays: []api.Stray{{Run: "0k1v8m3pq4rz", Dir: "/var/lib/tfops/runs/0k1v8m3pq4rz",
			State: "/var/lib/tfops/runs/0k1v8m3pq4rz/apply/errored.tfstate.age"}},
		Damage: []api.Damage{{Bucket: "runs", Key: "0k1v8m3pq4ry", Why: "its checksum does not fit",
			At: *minutesAgo(60)}},
		Config: api.ConfigStatus{Path: "/etc/tfops/tfops.hcl", LoadedAt: *minutesAgo(120),
			Error: "line 3: unknown name"},
		Version: "1.2.3",
	}
}

// exampleFindings are a security group that somebody opened, and a tag.
func exampleFindings() []api.Finding {
	return []api.Finding{
		{ID: "3f2a9c41d07b", Workspace: "network-prod", Address: "aws_security_group_rule.ssh",
			Type: "aws_security_group_rule", Class: "changed",
			Meaning: "the world differs from what was applied", Action: "update", Life: "recurring",
			Severity: "critical",
			Attributes: []api.Attribute{{Path: "cidr_blocks[0]", Before: "10.0.0.0/8", After: "0.0.0.0/0"},
				{Path: "description", Sensitive: true}},
			FirstSeen: *minutesAgo(3000), LastSeen: *minutesAgo(90), Times: 4, ReturnedAt: minutesAgo(90),
			File: "live/prod/network/main.tf", Line: 12, Owners: []string{"@acme/network"}, LastRun: "0k1v6bbbbbbb",
			Approvers: []string{"li"},
			WaysOut: []api.WayOut{{Way: "revert", Command: "tfops sync network-prod",
				Note: "Put the world back to what the code says."},
				{Way: "codify", Command: "tfops drift codify 3f2a9c41d07b",
					Note: "Change the code to what the world has: prints a patch."}}},
		{ID: "9b1c3e5f7a2d", Workspace: "accounts-prod", Address: "aws_iam_account_alias.this",
			Type: "aws_iam_account_alias", Class: "state_only",
			Meaning: "the code does not say how it should be", Life: "acknowledged", Severity: "low",
			Attributes: []api.Attribute{{Path: "tags.cost", After: "12"}},
			FirstSeen:  *minutesAgo(300), LastSeen: *minutesAgo(30), Times: 1, Owners: []string{},
			Ack: &api.Ack{By: "ana", Reason: "the cost team tags", At: *minutesAgo(200)}},
	}
}
