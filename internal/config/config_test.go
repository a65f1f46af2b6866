package config

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"golang.org/x/crypto/ssh"

	"github.com/zclconf/go-cty/cty"

	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/config/decode"
	"github.com/tfops/tfops/internal/config/people"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/sandbox"
	"github.com/tfops/tfops/internal/workspace"
)

// write makes a configuration in a directory of its own, with files beside it.
func write(t *testing.T, src string, beside map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range beside {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "tfops.hcl")
	if err := os.WriteFile(path, []byte(src), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func load(t *testing.T, src string, beside map[string]string) *Config {
	t.Helper()
	c, err := Load(write(t, src, beside))
	if err != nil {
		var out bytes.Buffer
		_ = err.(*Problems).Render(&out, false, 0)
		t.Fatal(out.String())
	}
	return c
}

func TestDefaults(t *testing.T) {
	c := load(t, "repository \"infra\" {\n url = \"https://git.example.com/infra.git\"\n}\nworkspace \"w\" {\n"+
		" repository = \"infra\"\n}", nil)
	if c.DataDir != "/var/lib/tfops" || c.Runner.Concurrency != runtime.NumCPU() || c.Server.SocketGroup != "" ||
		c.Runner.PlanGrace != 30*time.Second || c.Runner.ApplyGrace != 10*time.Minute || len(c.Runner.PassEnv) != 0 {
		t.Errorf("%q %+v %+v", c.DataDir, c.Runner, c.Server)
	}
	if c.Engines["terraform"] != (Engine{Name: "terraform"}) || c.Engines["tofu"] != (Engine{Name: "tofu"}) ||
		len(c.Engines) != 2 {
		t.Errorf("%+v", c.Engines)
	}
	if r := c.Repositories[0]; r.Poll != 30*time.Second || r.URL != "https://git.example.com/infra.git" {
		t.Errorf("%+v", r)
	}
	w := c.Workspaces[0]
	w.Range.Filename = ""
	want := Workspace{
		Workspace: workspace.Workspace{
			Name: "w", Repository: "infra", Branch: "main", Dir: ".", TerraformWorkspace: "default",
			Apply: workspace.Manual, Engine: "terraform",
			Variables: map[string]cty.Value{}, BackendConfig: map[string]cty.Value{},
			Env: map[string]workspace.EnvVar{}, Labels: map[string]string{},
			PlanTimeout: 30 * time.Minute, ApplyTimeout: 2 * time.Hour, LockTimeout: time.Minute, KeepRuns: 50,
			KeepDays: 90,
			Inputs:   map[string]workspace.Input{}, InferDependencies: true, ApplyOffline: true,
		},
		Drift: Drift{Timezone: "UTC", HealCooldown: time.Hour}, Range: w.Range,
	}
	if !reflect.DeepEqual(w, want) {
		t.Errorf("got  %+v\nwant %+v", w, want)
	}
	if w.Range.Start.Line != 4 || len(c.Warnings) != 0 {
		t.Errorf("line %d, warnings %v", w.Range.Start.Line, c.Warnings)
	}
}

const whole = `
data_dir = "data"

server {
  socket_group = "tfops"
}

runner {
  concurrency = 2
  pass_env    = ["AWS_*", "HTTPS_PROXY"]
  plan_grace  = "1m"
  apply_grace = "1h"
  sandbox     = "users"
  uids        = "200000-265535"
}

engine "terraform" {
  version     = "~> 1.11"
  release_url = "https://releases.example.com"
  public_key  = file("release.asc")
}

repository "infra" {
  url  = "https://git.example.com/acme/infra.git"
  poll = "1m"
  auth {
    username = "tfops"
    password = env("TFOPS_TEST_TOKEN")
  }
}

defaults {
  repository = "infra"
  apply      = "manual"
  variables  = { region = "us-east-1", size = 1 }
  env        = { AWS_PROFILE = "none", GONE = "x" }
  labels     = { team = "platform", tier = "prod" }
  keep_runs  = 10
  drift {
    schedule = "0 2 * * *"
    timezone = "Asia/Tokyo"
  }
  approval "destructive" {
    when    = plan.delete > 0
    require = 2
  }
  approval "always" {}
}

workspace "network-prod" {
  branch              = "release/1"
  dir                 = "./live/prod/network/"
  terraform_workspace = "blue"
  engine              = "terraform"
  var_files           = ["prod.tfvars"]
  variables           = { region = "eu-west-1", token = env("TFOPS_TEST_TOKEN"), list = [1, "a"] }
  env                 = { AWS_PROFILE = "prod", TOKEN = upper(env("TFOPS_TEST_TOKEN")), GONE = null }
  labels              = { team = "network" }
  apply               = "auto"
  plan_timeout        = "1h"
  apply_timeout       = "3h"
  lock_timeout        = "0s"
  keep_runs           = 7
  keep_days           = 8

  approval "destructive" {
    when         = plan.delete > 0 || plan.replace > 0
    require      = 1
    from         = ["group:platform", "user:ana"]
    allow_author = true
    expire       = "48h"
  }
  drift {
    timezone = "Europe/Paris"
  }
}

workspace "other" {
  dir = "other"
  drift { schedule = "" }
}

user "ana" { emails = ["ana@example.com", "ana@home.example"] }
user "li" {}
group "platform" { members = ["ana", "li"] }
`

func TestWhole(t *testing.T) {
	t.Setenv("TFOPS_TEST_TOKEN", "s3cret")
	key := publicKey(t)
	c := load(t, whole, map[string]string{"release.asc": key})
	dir := filepath.Dir(c.Path)
	if c.DataDir != filepath.Join(dir, "data") || c.Server.SocketGroup != "tfops" || c.Runner.Concurrency != 2 ||
		!slices.Equal(c.Runner.PassEnv, []string{"AWS_*", "HTTPS_PROXY"}) || c.Runner.PlanGrace != time.Minute ||
		c.Runner.ApplyGrace != time.Hour || c.Runner.Sandbox != "users" ||
		c.Runner.Users != (sandbox.IDs{First: 200000, Last: 265535}) {
		t.Errorf("%q %+v %+v", c.DataDir, c.Server, c.Runner)
	}
	if e := c.Engines["terraform"]; e != (Engine{Name: "terraform", Version: "~> 1.11",
		ReleaseURL: "https://releases.example.com", PublicKey: key}) {
		t.Errorf("%+v", e)
	}
	if r := c.Repositories[0]; r.Poll != time.Minute || r.Auth.Username != "tfops" || r.Auth.Password != "s3cret" {
		t.Errorf("%+v", r)
	}
	if !slices.Equal(c.Files, []string{c.Path, filepath.Join(dir, "release.asc")}) {
		t.Errorf("files %q", c.Files)
	}
	if !reflect.DeepEqual(c.Users, []people.User{{Name: "ana", Emails: []string{"ana@example.com",
		"ana@home.example"}}, {Name: "li"}}) ||
		!reflect.DeepEqual(c.Groups, []people.Group{{Name: "platform", Members: []string{"ana", "li"}}}) {
		t.Errorf("%+v %+v", c.Users, c.Groups)
	}
	if len(c.Warnings) != 0 {
		t.Errorf("warnings %v", c.Warnings)
	}
	checkNetwork(t, c.Workspaces[0])
	o := c.Workspaces[1]
	if !reflect.DeepEqual(o.Drift, Drift{Timezone: "Asia/Tokyo", HealCooldown: time.Hour}) ||
		o.Apply != workspace.Manual || o.KeepRuns != 10 || o.KeepDays != 90 || o.Labels["team"] != "platform" ||
		o.Env["GONE"].Value != "x" || ruleNames(o.Rules) != "destructive always" || o.Rules[0].Require != 2 ||
		o.Branch != "main" {
		t.Errorf("%+v", o)
	}
}

func checkNetwork(t *testing.T, w Workspace) {
	t.Helper()
	if w.Branch != "release/1" || w.Dir != "live/prod/network" || w.TerraformWorkspace != "blue" ||
		w.Apply != workspace.Auto || w.Repository != "infra" ||
		!slices.Equal(w.VarFiles, []string{"prod.tfvars"}) || w.PlanTimeout != time.Hour ||
		w.ApplyTimeout != 3*time.Hour || w.LockTimeout != 0 ||
		w.KeepRuns != 7 || w.KeepDays != 8 {
		t.Errorf("%+v", w)
	}
	vars := map[string]cty.Value{
		"region": cty.StringVal("eu-west-1"), "size": cty.NumberIntVal(1),
		"token": cty.StringVal("s3cret").WithMarks(workspace.Secret),
		"list":  cty.TupleVal([]cty.Value{cty.NumberIntVal(1), cty.StringVal("a")}),
	}
	for name, v := range vars {
		if !withoutSources(w.Variables[name]).RawEquals(v) {
			t.Errorf("variable %s is %#v, want %#v", name, w.Variables[name], v)
		}
	}
	env := map[string]workspace.EnvVar{"AWS_PROFILE": {Value: "prod"},
		"TOKEN": {Value: "S3CRET", Secret: true, Of: "s3cret"}}
	if len(w.Variables) != len(vars) || !reflect.DeepEqual(w.Env, env) ||
		!reflect.DeepEqual(w.Labels, map[string]string{"team": "network", "tier": "prod"}) {
		t.Errorf("%v %v %v", w.Variables, w.Env, w.Labels)
	}
	if !reflect.DeepEqual(w.Drift, Drift{Schedule: "0 2 * * *", Timezone: "Europe/Paris", HealCooldown: time.Hour}) {
		t.Errorf("%+v", w.Drift)
	}
	if ruleNames(w.Rules) != "destructive always" {
		t.Fatalf("rules %s", ruleNames(w.Rules))
	}
	r := w.Rules[0]
	if r.Require != 1 || !r.AllowAuthor || r.Expire != 48*time.Hour ||
		!slices.Equal(r.From, []string{"group:platform", "user:ana"}) {
		t.Errorf("%+v", r)
	}
	for replaced, want := range map[int]bool{0: false, 1: true} {
		holds, err := r.When.Holds(approvals.Facts{Plan: approvals.PlanFacts{Counts: plan.Counts{Replace: replaced}},
			Workspace: w.Workspace})
		if err != nil || holds != want {
			t.Errorf("with %d replaced the rule holds: %v, %v", replaced, holds, err)
		}
	}
	always := w.Rules[1]
	if holds, err := always.When.Holds(approvals.Facts{}); !holds || err != nil || always.Require != 1 ||
		always.Expire != 24*time.Hour || always.AllowAuthor {
		t.Errorf("%+v holds %v %v", always, holds, err)
	}
}

func ruleNames(rules []approvals.Rule) string {
	var names []string
	for _, r := range rules {
		names = append(names, r.Name)
	}
	return strings.Join(names, " ")
}

func publicKey(t *testing.T) string {
	t.Helper()
	e, err := openpgp.NewEntity("test", "", "test@example.com", &packet.Config{Algorithm: packet.PubKeyAlgoEdDSA})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w, err := armor.Encode(&b, openpgp.PublicKeyType, nil)
	if err == nil {
		err = errors.Join(e.Serialize(w), w.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// A mark of the whole becomes one of each value, and survives functions.
func TestSecretsFollow(t *testing.T) {
	c := load(t, `
repository "r" {
  url = "https://git.example.com/x.git"
}
workspace "w" {
  repository = "r"
  variables  = merge(jsondecode(file("vars.json")), { plain = "x" })
  env = {
    A = "${try(jsondecode(file("vars.json")).a, "none")}!"
    B = jsonencode({ x = [trimspace(file("vars.json"))] })
    C = "plain"
  }
}`, map[string]string{"vars.json": `{"a": "one", "b": ["two"]}`})
	w := c.Workspaces[0]
	for _, name := range []string{"a", "b"} {
		if !workspace.IsSecret(w.Variables[name]) {
			t.Errorf("variable %s is not secret", name)
		}
	}
	if e := w.Env["A"]; e.Value != "one!" || !e.Secret {
		t.Errorf("A is %+v", e)
	}
	if e := w.Env["B"]; !e.Secret {
		t.Errorf("B is %+v", e)
	}
	if e := w.Env["C"]; e != (workspace.EnvVar{Value: "plain"}) {
		t.Errorf("C is %+v", e)
	}
	if got := fmt.Sprint(w.Secrets()); !strings.Contains(got, "two") {
		t.Errorf("secret strings are %q", got)
	}
}

func TestURLs(t *testing.T) {
	t.Setenv("TFOPS_TEST_TOKEN", "s3cret")
	local := t.TempDir()
	for _, c := range []struct{ url, want, user, password string }{
		{"https://git.example.com/a/b.git", "https://git.example.com/a/b.git", "", ""},
		{"https://ana:${env(\"TFOPS_TEST_TOKEN\")}@git.example.com:8443/a.git", "https://git.example.com:8443/a.git",
			"ana", "s3cret"},
		{"https://${env(\"TFOPS_TEST_TOKEN\")}@git.example.com/a.git", "https://git.example.com/a.git", "s3cret", ""},
		{"ssh://git@git.example.com:2222/a.git", "ssh://git@git.example.com:2222/a.git", "", ""},
		{"ssh://git:${env(\"TFOPS_TEST_TOKEN\")}@git.example.com/a.git", "ssh://git@git.example.com/a.git", "",
			"s3cret"},
		{"git@git.example.com:a/b.git", "git@git.example.com:a/b.git", "", ""},
		{"git.example.com:a/b.git", "git.example.com:a/b.git", "", ""},
		{local, local, "", ""},
		{"file://" + local, local, "", ""},
		{".", "HERE", "", ""},
	} {
		conf := load(t, "repository \"r\" {\n url = \""+c.url+"\"\n}\n", nil)
		r := conf.Repositories[0]
		if c.want == "HERE" {
			c.want = filepath.Dir(conf.Path)
		}
		if r.URL != c.want || r.Auth.Username != c.user || r.Auth.Password != c.password {
			t.Errorf("%s: %q %q %q", c.url, r.URL, r.Auth.Username, r.Auth.Password)
		}
	}
}

func TestKeys(t *testing.T) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	open, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	locked, err := ssh.MarshalPrivateKeyWithPassphrase(private, "", []byte("sesame"))
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	beside := map[string]string{
		"open": string(pem.EncodeToMemory(open)), "locked": string(pem.EncodeToMemory(locked)), "word": "sesame\n",
		"hosts": "# hosts\n\ngit.example.com " + string(ssh.MarshalAuthorizedKey(signer.PublicKey())),
		"bad":   "git.example.com ssh-ed25519",
	}
	for attrs, want := range map[string]string{
		`ssh_key = file("open")`: "",
		"ssh_key = file(\"locked\")\n ssh_key_passphrase = file(\"word\")\n known_hosts = file(\"hosts\")": "",
		`ssh_key = file("locked")`: "the key has a passphrase",
		"ssh_key = file(\"locked\")\n ssh_key_passphrase = env(\"NO\", \"wrong\")": "passphrase does not open",
		`ssh_key = "~/.ssh/id_ed25519"`:                                            "not a private key",
		`ssh_key_passphrase = file("word")`:                                        "passphrase without a key",
		`known_hosts = "~/.ssh/known_hosts"`:                                       "not a list of known hosts",
		`known_hosts = file("bad")`:                                                "not a list of known hosts",
	} {
		c, err := Load(write(t, "repository \"r\" {\n url = \"git@git.example.com:a.git\"\n auth {\n "+attrs+"\n"+
			" }\n}\n", beside))
		switch {
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, want %q", attrs, err, want)
		case want == "" && err != nil:
			t.Errorf("%s: %v", attrs, err)
		case want == "" && string(c.Repositories[0].Auth.SSHKey) == "":
			t.Errorf("%s: no key", attrs)
		case want == "" && c.Repositories[0].Auth.Passphrase != "" && c.Repositories[0].Auth.Passphrase != "sesame":
			t.Errorf("%s: the line end is part of the passphrase", attrs)
		}
	}
}

func TestDefaultEngine(t *testing.T) {
	for src, want := range map[string]string{
		"": "terraform", "engine \"tofu\" {}": "tofu", "engine \"tofu\" {}\nengine \"terraform\" {}": "terraform",
	} {
		c := load(t, src+"\nrepository \"r\" {\n url = \"https://git.example.com/x.git\"\n}\nworkspace \"w\" {\n"+
			" repository = \"r\"\n}", nil)
		if got := c.Workspaces[0].Engine; got != want {
			t.Errorf("%q: %s", src, got)
		}
	}
}

func TestUnreadable(t *testing.T) {
	dir := t.TempDir()
	large := filepath.Join(dir, "large.hcl")
	deep := filepath.Join(dir, "deep.hcl")
	if err := errors.Join(os.WriteFile(large, bytes.Repeat([]byte("#\n"), decode.MaxFileSize), 0o600),
		os.WriteFile(deep, bytes.Repeat([]byte("("), decode.MaxFileSize/2), 0o600)); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "none.hcl"): "no such file", dir: "not a regular file", large: "larger than",
		deep: "nested too deep",
	} {
		_, err := Load(path)
		var p *Problems
		if !errors.As(err, &p) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// withoutSources is a value without the marks that say what it was made of.
func withoutSources(v cty.Value) cty.Value {
	plain, marked := v.UnmarkDeepWithPaths()
	for _, m := range marked {
		for mark := range m.Marks {
			if _, ok := mark.(*workspace.Source); ok {
				delete(m.Marks, mark)
			}
		}
	}
	return plain.MarkWithPaths(marked)
}
