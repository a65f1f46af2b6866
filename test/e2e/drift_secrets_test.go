package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/drift/report/formats"
	"github.com/tfops/tfops/internal/plan"
)

// mailbox is a mail server that repeats the password it is given when it does
// not like somebody.
type mailbox struct {
	tb       testing.TB
	password string
	addr     string

	mu      sync.Mutex
	refuses bool
	letters [][]byte
}

func newMailbox(tb testing.TB, password string) *mailbox {
	m := &mailbox{tb: tb, password: password, refuses: true}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	s := smtp.NewServer(m)
	s.Domain, s.AllowInsecureAuth = "localhost", true
	go func() { _ = s.Serve(l) }()
	tb.Cleanup(func() { _ = s.Close() })
	m.addr = l.Addr().String()
	return m
}

func (m *mailbox) NewSession(*smtp.Conn) (smtp.Session, error) { return m, nil }

func (m *mailbox) AuthMechanisms() []string { return []string{sasl.Plain} }

func (m *mailbox) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		m.mu.Lock()
		defer m.mu.Unlock()
		if password != m.password {
			m.tb.Errorf("the password is %q", password)
		}
		if m.refuses {
			return fmt.Errorf("user %s with the password %s is not wanted", user, password)
		}
		return nil
	}), nil
}

func (m *mailbox) Mail(string, *smtp.MailOptions) error { return nil }
func (m *mailbox) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (m *mailbox) Reset()                               {}
func (m *mailbox) Logout() error                        { return nil }

func (m *mailbox) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.letters = append(m.letters, b)
	return err
}

func (m *mailbox) accept() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.refuses = false
}

func (m *mailbox) taken() [][]byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.letters)
}

// driftVault is a lab whose drift, and whose ways of telling of it, are full of
// secrets.
type driftVault struct {
	*vault
	hook *receiver
	mail *mailbox
}

func newDriftVault(t *testing.T, program string) *driftVault {
	v := &driftVault{vault: &vault{lab: newLabWith(t, program), aviary: aviary{tb: t}}, hook: newReceiver(t)}
	set := func(name, value string) { v.env = append(v.env, name+"="+value) }
	set("VAR_SECRET", v.new("variable from env()"))
	v.write("gates/outside.txt", v.new("of a provider"))
	v.hook.secret, v.hook.path = v.new("webhook secret"), "/in/"+v.new("webhook path")
	v.mail = newMailbox(t, v.new("mail password"))
	set("HOOK", v.hook.server.URL+"/in/"+url.PathEscape(v.value("webhook path")))
	set("HOOK_SECRET", v.hook.secret)
	set("MAIL", "smtp://"+url.UserPassword("tfops", v.mail.password).String()+"@"+v.mail.addr+
		"/?from=tfops@example.com&to=ops@example.com&tls=never")
	set("CHAT", "ntfy://"+url.UserPassword("tfops", v.new("chat password")).String()+"@127.0.0.1:1/"+
		url.PathEscape(v.new("chat topic"))+"?scheme=http")
	return v
}

func (v *driftVault) hcl() string {
	return fmt.Sprintf(`data_dir = %q

runner {
  pass_env = ["TF_CLI_CONFIG_FILE"]
}
repository "infra" {
  url  = %q
  poll = "1s"
}
defaults {
  repository = "infra"
  engine     = %q
  apply      = "auto"
  variables  = { from_env = env("VAR_SECRET") }
}
workspace "good" {
  dir = "good"
}
workspace "unread" {
  dir = "unread"
}
notify "hook" {
  url    = env("HOOK")
  secret = env("HOOK_SECRET")
  on     = ["awaiting_approval", "applied", "errored", "drift_new", "drift_resolved", "drift_unchecked", "report"]
}
notify "mail" {
  url = env("MAIL")
  on  = ["drift_new", "drift_unchecked"]
}
notify "chat" {
  url = env("CHAT")
  on  = ["drift_new"]
}
report "nightly" {
  schedule = "@every 1s"
  formats  = ["json", "html"]
  to       = ["hook"]
}
report "mailed" {
  schedule = "@every 1s"
  formats  = ["md", "html", "csv"]
  to       = ["mail"]
}
`, v.data, v.repo.Dir, v.engine)
}

func (v *driftVault) modules() map[string]string {
	return map[string]string{
		"CODEOWNERS": "* @acme/everybody\n",
		"good/main.tf": v.module(`
variable "from_env" {}
data "lab_value" "outside" {
  path = "` + v.path("gates", "outside.txt") + `"
}
resource "lab_thing" "t" {
  name   = "t"
  value  = var.from_env
  secret = data.lab_value.outside.secret
  tags   = { k = "of ${var.from_env}" }
}
resource "lab_thing" "gone" {
  name   = "gone"
  value  = var.from_env
  secret = data.lab_value.outside.secret
}
check "note" {
  assert {
    condition     = lab_thing.t.note == "none"
    error_message = "The note is not of ${var.from_env}."
  }
}
output "sensitive" {
  value     = data.lab_value.outside.secret
  sensitive = true
}
`),
		"unread/main.tf": v.module(`
variable "from_env" {}
data "lab_value" "outside" {
  path = "` + v.path("gates", "outside.txt") + `"
}
resource "lab_thing" "u" {
  name      = "u"
  fail_read = "cannot log in with ${data.lab_value.outside.secret} and ${var.from_env}"
}
`),
	}
}

// meddle changes the world behind the engine's back.
func (v *driftVault) meddle() {
	v.t.Helper()
	o := map[string]any{}
	if err := json.Unmarshal([]byte(v.read("world/t.json")), &o); err != nil {
		v.t.Fatal(err)
	}
	o["secret"], o["value"], o["note"], o["tags"] = v.new("by hand"), "plain", "another", map[string]any{"k": "plain"}
	b, err := json.Marshal(o)
	if err != nil {
		v.t.Fatal(err)
	}
	v.write("world/t.json", string(b))
	if err := os.Remove(filepath.Join(v.world, "gone.json")); err != nil {
		v.t.Fatal(err)
	}
}

// TestDriftSecrets lets drift be found, reported, told of and put back, and
// looks for secrets wherever that leaves something.
func TestDriftSecrets(t *testing.T) {
	t.Parallel()
	withEngines(t, driftSecrets)
}

func driftSecrets(t *testing.T, program string) {
	v := newDriftVault(t, program)
	v.repo.Commit("main", v.modules())
	v.write("tfops.hcl", v.given(v.hcl()))
	v.serve()
	v.latest("good", "applied")
	v.latest("unread", "applied")
	v.meddle()
	v.absentIn("drift", v.tfops(12, "drift", "--wait"))
	v.write("gates/outside.txt", v.new("of a provider, later"))
	v.absentIn("drift", v.tfops(11, "drift", "good", "--wait"))
	v.told()
	v.looksAtDrift(true)
	v.looksAtDriftAPI()
	v.absentIn("sync", v.tfops(0, "sync", "good", "--wait"))
	v.until("it is told that the drift is gone",
		func() bool { kinds, _ := v.hook.taken("hook"); return kinds["drift_resolved"] > 0 })
	v.looksAtDrift(false)

	v.tfops(0, "backup", v.path("backup.db"))
	v.absent("the backup", []byte(v.read("backup.db")))
	v.terminate()
	v.looksAtStore()
	v.looksAtFiles()
	v.absent("the daemon's log", []byte(v.log()))
	for i, body := range v.hook.bodies() {
		v.absent(fmt.Sprintf("request %d to the webhook", i), body)
	}
	for i, letter := range v.mail.taken() {
		v.absent(fmt.Sprintf("letter %d", i), letter)
	}
	if v.places < 100 {
		t.Errorf("only %d places were searched", v.places)
	}
	t.Logf("%d canaries in %d places", len(v.all), v.places)
}

// told waits until the receiver and, after it had refused, the mail server have
// what they should, and the chat has failed.
func (v *driftVault) told() {
	v.t.Helper()
	v.until("the webhook has everything", func() bool {
		kinds, _ := v.hook.taken("hook")
		return kinds["drift_new"] > 0 && kinds["drift_unchecked"] > 0 && kinds["applied"] > 1 && kinds["report"] > 1
	})
	for _, name := range []string{"mail", "chat"} {
		v.until(name+" has failed", func() bool {
			all, err := v.client.NotifyTargets(v.t.Context())
			i := slices.IndexFunc(all, func(n api.NotifyTarget) bool { return n.Name == name })
			return err == nil && all[i].LastError != ""
		})
	}
	v.absentIn("notify", v.tfops(0, "notify"))
	v.mail.accept()
	v.tfops(0, "notify", "test", "mail")
	v.until("mail arrives", func() bool {
		all := string(slices.Concat(v.mail.taken()...))
		return strings.Contains(all, "drifted") && strings.Contains(all, "could not be checked") &&
			strings.Contains(all, "text/csv")
	})
}

// looksAtDrift runs every command that shows something of drift, which stands
// or is resolved.
func (v *driftVault) looksAtDrift(standing bool) {
	v.t.Helper()
	commands := [][]string{{"status"}, {"status", "good"}, {"status", "unread"}, {"drift", "findings"},
		{"drift", "reports"}, {"notify"}, {"notify", "dead"}, {"runs"}, {"audit"}}
	for _, life := range lives {
		commands = append(commands, []string{"drift", "findings", "--life", life})
	}
	findings, err := v.client.Findings(v.t.Context(), "", lives)
	if err != nil || len(findings) < 4 {
		v.t.Fatalf("%v: %+v", err, findings)
	}
	hidden := 0
	for _, f := range findings {
		commands = append(commands, []string{"drift", "show", f.ID})
		v.absentIn("codify "+f.Address, v.command("drift", "codify", f.ID))
		for _, a := range f.Attributes {
			if a.Sensitive {
				hidden++
			}
		}
	}
	if hidden < 2 {
		v.t.Errorf("only %d attributes are sensitive: %+v", hidden, findings)
	}
	for _, r := range v.runsOf("good") {
		commands = append(commands, []string{"show", r.ID}, []string{"logs", r.ID})
	}
	for _, c := range commands {
		for _, format := range []string{"table", "json", "yaml"} {
			v.absentIn(fmt.Sprint(c, format), v.tfops(0, append(slices.Clone(c), "-o", format)...))
		}
	}
	kept, err := v.client.DriftReports(v.t.Context())
	if err != nil || len(kept) == 0 {
		v.t.Fatalf("%v: %+v", err, kept)
	}
	for _, f := range formats.All() {
		now := v.tfops(0, "drift", "report", "--since", "1h", "--format", f.Name)
		if standing && !strings.Contains(now.out, "lab_thing.t") {
			v.t.Errorf("the report in %s has nothing to hide: %s", f.Name, now.out)
		}
		v.absentIn("report in "+f.Name, now)
		v.absentIn("kept report in "+f.Name, v.tfops(0, "drift", "report", "--id", kept[0].ID, "--format", f.Name))
	}
}

// looksAtDriftAPI reads what the daemon answers about drift, as it stands on
// the wire.
func (v *driftVault) looksAtDriftAPI() {
	v.t.Helper()
	c := v.wire()
	defer c.CloseIdleConnections()
	paths := []string{"/api/v1/drift/findings", "/api/v1/drift/reports", "/api/v1/notify", "/api/v1/dead-letters",
		"/api/v1/status", "/api/v1/workspaces", "/api/v1/audit"}
	findings, err := v.client.Findings(v.t.Context(), "", nil)
	if err != nil {
		v.t.Fatal(err)
	}
	seen := false
	for _, f := range findings {
		paths = append(paths, "/api/v1/drift/findings/"+f.ID)
		seen = seen || slices.ContainsFunc(f.Attributes, func(a api.Attribute) bool {
			return a.Before == plan.Sensitive || a.After == plan.Sensitive || a.Sensitive
		})
	}
	if !seen {
		v.t.Errorf("nothing is masked: %+v", findings)
	}
	for _, f := range formats.All() {
		paths = append(paths, "/api/v1/drift/report?format="+f.Name)
	}
	for _, r := range v.runsOf("good") {
		paths = append(paths, "/api/v1/runs/"+r.ID+"/plan")
	}
	for _, p := range paths {
		resp, err := c.Get("http://tfops" + p)
		if err != nil {
			v.t.Fatal(err)
		}
		b, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != 200 && !strings.HasSuffix(p, "/plan") {
			v.t.Errorf("GET %s: %s, %v", p, resp.Status, err)
		}
		v.absent("GET "+p, b)
	}
}
