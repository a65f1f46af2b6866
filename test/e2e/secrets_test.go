package e2e

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/tfops/tfops/internal/gitrepo/gittest"
	"github.com/tfops/tfops/internal/plan"
)

// canary is a secret value that must be found nowhere.
type canary struct {
	name  string
	value string
	forms map[string][]byte
}

// newCanary makes a value that looks different in nearly every encoding.
func newCanary(name string) canary {
	c := canary{name: name, value: "Cn4ry-" + name + `-"&<é>\/+ %x`, forms: map[string][]byte{}}
	return c.encoded()
}

func (c canary) encoded() canary {
	add := func(form, text string) { c.forms[form] = []byte(text) }
	add("plain", c.value)
	for form, enc := range map[string]bool{"JSON": false, "JSON for HTML": true} {
		once := jsonInner(c.value, enc)
		add(form, once)
		add(form+" twice", jsonInner(once, enc))
	}
	add("quoted", strings.Trim(strconv.Quote(c.value), `"`))
	add("quoted ASCII", strings.Trim(strconv.QuoteToASCII(c.value), `"`))
	add("URL query", url.QueryEscape(c.value))
	add("URL path", url.PathEscape(c.value))
	add("URL user", strings.TrimPrefix(url.UserPassword("", c.value).String(), ":"))
	add("HTML", html.EscapeString(c.value))
	add("hex", hex.EncodeToString([]byte(c.value)))
	for shift := range 3 { // where it lies in what is encoded makes a difference
		text := base64.StdEncoding.EncodeToString(append(make([]byte, shift), c.value...))
		middle := text[(shift*8+5)/6 : len(text)-4] // without what depends on its neighbours
		add(fmt.Sprintf("base64 at %d", shift), middle)
		add(fmt.Sprintf("URL base64 at %d", shift), strings.NewReplacer("+", "-", "/", "_").Replace(middle))
	}
	return c
}

func jsonInner(s string, html bool) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(html)
	_ = enc.Encode(s) // strings always encode
	return strings.Trim(strings.TrimSpace(b.String()), `"`)
}

// aviary is all canaries, and the places that were searched.
type aviary struct {
	tb     testing.TB
	all    []canary
	places int
}

func (a *aviary) new(name string) string {
	c := newCanary(name)
	a.all = append(a.all, c)
	return c.value
}

// absent fails the test where a canary is in the text.
func (a *aviary) absent(place string, text []byte) {
	a.tb.Helper()
	a.places++
	for _, c := range a.all {
		for form, b := range c.forms {
			if i := bytes.Index(text, b); i >= 0 {
				a.tb.Errorf("%s holds the canary %q (%s): …%s…", place, c.name, form,
					text[max(0, i-200):min(len(text), i+len(b)+40)])
				break
			}
		}
	}
}

func (a *aviary) absentIn(what string, r answer) {
	a.tb.Helper()
	a.absent(what+" (stdout)", []byte(r.out))
	a.absent(what+" (stderr)", []byte(r.errout))
}

func TestCanariesAreFound(t *testing.T) {
	c := newCanary("x")
	for _, text := range []string{
		"a " + c.value + " b", `{"k":` + mustJSON(c.value) + `}`, mustJSON(mustJSON(c.value)), fmt.Sprintf("%q", c.value),
		"http://u:" + url.QueryEscape(c.value) + "@h", url.UserPassword("u", c.value).String(),
		base64.StdEncoding.EncodeToString([]byte("user:" + c.value + "!")),
		base64.URLEncoding.EncodeToString([]byte("u:" + c.value)),
		base64.RawStdEncoding.EncodeToString([]byte(c.value)), fmt.Sprintf("%x", c.value),
	} {
		if !slices.ContainsFunc(slices.Collect(mapValues(c.forms)),
			func(b []byte) bool { return bytes.Contains([]byte(text), b) }) {
			t.Errorf("it is not found in %s", text)
		}
	}
}

func mustJSON(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}

func mapValues(m map[string][]byte) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for _, v := range m {
			if !yield(v) {
				return
			}
		}
	}
}

// vault is a lab full of secrets.
type vault struct {
	*lab
	aviary
	plan, apply gate
	literal     string // stands in tfops.hcl itself
}

// newVault puts a canary into every place where a secret may be.
func newVault(t *testing.T, program string) *vault {
	v := &vault{lab: newLabWith(t, program), aviary: aviary{tb: t}}
	v.plan, v.apply = v.gate("plan"), v.gate("apply")
	set := func(name, value string) { v.env = append(v.env, name+"="+value) }
	set("VAR_SECRET", v.new("variable from env()"))
	set("NESTED_SECRET", v.new("nested variable"))
	set("WORKSPACE_SECRET", v.new("env of the workspace"))
	set("AWS_SECRET_ACCESS_KEY", v.new("pass_env"))
	set("HTTPS_PROXY_OF_SOME", "http://"+url.UserPassword("someone", v.new("password in a passed URL")).String()+
		"@proxy.example.com:3128")
	set("GIT_TOKEN", v.new("password in auth"))
	set("GIT_WRONG", v.new("wrong password in auth"))
	set("TFOPS_CANARY", v.new("of the daemon alone"))
	v.literal = v.new("password in a URL")
	v.write("secret.txt", v.new("variable from file()"))
	v.write("gates/outside.txt", v.new("of a provider"))
	return v
}

func (v *vault) modules() map[string]string {
	common := `
variable "from_env" {}
variable "from_file" { sensitive = true }
variable "nested" { type = map(string) }
data "lab_value" "outside" {
  path = "` + v.path("gates", "outside.txt") + `"
}
`
	return map[string]string{
		"good/main.tf": v.module(common + `
data "lab_env" "seen" {}
data "lab_value" "gate" {
  path = "/dev/null"
  gate = "` + v.plan.path + `"
}
resource "lab_thing" "t" {
  name   = "good"
  secret = data.lab_value.outside.secret
  tags   = merge(var.nested, { note = var.from_env })
  gate   = "` + v.apply.path + `"
}
resource "terraform_data" "held" {
  input = { plain = var.from_env, file = var.from_file, provider = data.lab_value.outside.secret, env = data.lab_env.seen.env }
}
resource "terraform_data" "said" {
  triggers_replace = [var.from_env]
  provisioner "local-exec" {
    command     = "printf 'said: %s\n' \"$SAID\"; printf 'said: %s\n' \"$SAID\" >&2; env | sort"
    environment = { SAID = var.from_env }
  }
}
output "sensitive" {
  value     = "of ${data.lab_value.outside.secret}"
  sensitive = true
}
output "derived" { value = "see ${var.from_env}, ${jsonencode(var.nested)}, ${base64encode(var.from_env)}, ${urlencode(var.from_env)}" }
`),
		"invalid/main.tf": v.module(common + `
variable "checked" {
  validation {
    condition     = var.checked == "right"
    error_message = "It is ${var.checked}, which is wrong."
  }
}
output "o" { value = var.checked }
`),
		"broken/main.tf": v.module(common + `
resource "terraform_data" "x" {
  input = var.from_env.nothing
}
resource "lab_thing" "x" {
  name = 1 + var.nested["k"]
}
`),
		"refused/main.tf": v.module(common + `
resource "lab_thing" "x" {
  name = "refused"
  fail = "cannot log in with ${var.from_env} and ${var.from_file}"
}
resource "lab_thing" "y" {
  name = "refused too"
  fail = "cannot log in with ${data.lab_value.outside.secret}"
}
`),
		"kept/main.tf": v.module(common + `
resource "lab_thing" "x" {
  name   = "kept"
  secret = data.lab_value.outside.secret
  fail_read = "cannot read with ${data.lab_value.outside.secret}"
}
`),
	}
}

func (v *vault) hcl() string {
	v.t.Helper()
	signed := gittest.ServeHTTP(v.t, v.repo.Dir, "tfops", v.value("password in auth"))
	inURL := strings.Replace(gittest.ServeHTTP(v.t, v.repo.Dir, "tfops", v.literal), "http://", "http://"+
		url.UserPassword("tfops", v.literal).String()+"@", 1)
	text := fmt.Sprintf(`data_dir = %q

runner {
  pass_env    = ["TF_CLI_CONFIG_FILE", "AWS_*", "HTTPS_PROXY_OF_SOME"]
  concurrency = 4
}
repository "signed" {
  url  = %q
  poll = "1s"
  auth {
    username = "tfops"
    password = env("GIT_TOKEN")
  }
}
repository "in-url" {
  url  = %q
  poll = "1s"
}
repository "wrong" {
  url  = %q
  poll = "1s"
  auth {
    username = "tfops"
    password = env("GIT_WRONG")
  }
}
repository "nobody-there" {
  url  = %q
  poll = "1s"
}
defaults {
  repository = "signed"
  engine     = %q
  variables  = {
    from_env  = env("VAR_SECRET")
    from_file = file("secret.txt")
    nested    = { k = env("NESTED_SECRET") }
  }
  env = { LAB_SETTING = env("WORKSPACE_SECRET") }
}
workspace "in-url" {
  repository = "in-url"
  dir        = "nowhere"
}
workspace "wrong" {
  repository = "wrong"
}
workspace "nobody-there" {
  repository = "nobody-there"
}
`, v.data, signed, inURL, signed,
		"http://"+url.UserPassword("tfops", v.literal).String()+"@127.0.0.1:1/repo.git", v.engine)
	for dir := range v.modules() {
		name := filepath.Dir(dir)
		extra := ""
		if name == "invalid" {
			extra = "  variables = { checked = env(\"VAR_SECRET\") }\n"
		}
		text += fmt.Sprintf("workspace %q {\n  dir = %q\n%s}\n", name, name, extra)
	}
	return text
}

// value is that of a canary.
func (a *aviary) value(name string) string {
	i := slices.IndexFunc(a.all, func(c canary) bool { return c.name == name })
	return a.all[i].value
}

// TestSecrets takes a lab full of secrets through everything that tfops does,
// and then looks for them everywhere.
func TestSecrets(t *testing.T) {
	t.Parallel()
	withEngines(t, secretsEverywhere)
}

func secretsEverywhere(t *testing.T, program string) {
	v := newVault(t, program)
	v.repo.Commit("main", v.modules())
	v.write("tfops.hcl", v.given(v.hcl()))
	v.serve()

	good := v.latest("good", "planning").ID
	v.plan.began()
	v.examine(good, "plan")
	v.plan.open()
	v.reaches(good, "awaiting_approval")
	v.tfops(0, "approve", good)
	v.apply.began()
	v.examine(good, "apply")
	v.apply.open()
	v.reaches(good, "applied")
	v.masked(good)

	v.latest("invalid", "errored")
	v.latest("broken", "errored")
	refused := v.latest("refused", "awaiting_approval").ID
	v.tfops(0, "approve", refused)
	v.reaches(refused, "errored")
	kept := v.latest("kept", "awaiting_approval").ID
	v.tfops(0, "approve", kept)
	v.reaches(kept, "applied")
	v.tfops(12, "drift", "kept", "--wait")

	v.write("gates/outside.txt", v.new("of a provider, later"))
	v.tfops(11, "drift", "good", "--wait")
	v.apply.close()
	v.tfops(10, "sync", "good", "--wait")
	cut := v.latest("good", "awaiting_approval").ID
	v.tfops(0, "approve", cut)
	v.apply.began()
	v.kill(v.runnerOf(cut, "apply"))
	v.reaches(cut, "interrupted")
	v.apply.open()
	v.until("nothing of the interrupted apply is left",
		func() bool { return v.command("resolve", cut, "-m", "looked").code == 0 })
	again := v.latest("good", "awaiting_approval", cut).ID
	v.tfops(0, "approve", again)
	v.reaches(again, "applied")
	v.tfops(10, "destroy", "good", "--wait")
	gone := v.latest("good", "awaiting_approval", again).ID
	v.tfops(0, "approve", gone)
	v.reaches(gone, "applied")

	v.reloads()
	v.looksAtCommands()
	v.looksAtAPI()
	v.tfops(0, "backup", v.path("backup.db"))
	v.absent("the backup", []byte(v.read("backup.db")))
	v.terminate()
	v.looksAtStore()
	v.looksAtFiles()
	v.absent("the daemon's log", []byte(v.log()))
	if len(v.journal()) == 0 || v.places < 100 {
		t.Errorf("only %d places were searched", v.places)
	}
	t.Logf("%d canaries in %d places", len(v.all), v.places)
}

// masked fails the test where a place that should hold a mask does not: then
// the canary that is not found there never was there.
func (v *vault) masked(run string) {
	v.t.Helper()
	if log := v.tfops(0, "logs", run).out; !strings.Contains(log, "said: "+plan.Sensitive) ||
		!strings.Contains(log, "AWS_SECRET_ACCESS_KEY="+plan.Sensitive) ||
		!strings.Contains(log, "someone:"+plan.Sensitive+"@proxy.example.com") {
		v.t.Errorf("the provisioner's output: %s", log)
	}
	shown := v.tfops(0, "show", run, "-o", "json").out
	for _, want := range []string{`"AWS_SECRET_ACCESS_KEY": "` + plan.Sensitive, `"LAB_SETTING": "` + plan.Sensitive, "see " + plan.Sensitive, `"TFOPS_RUN_ID": "` + run} {
		if !strings.Contains(shown, want) {
			v.t.Errorf("%s is not in the plan: %s", want, shown)
		}
	}
	for _, name := range []string{"TFOPS_CANARY", "GIT_TOKEN", "GIT_WRONG", "VAR_SECRET", "TFOPS_CONFIG"} {
		if strings.Contains(shown, name) {
			v.t.Errorf("code in the plan sees the daemon's %s", name)
		}
	}
}

// examine looks at the processes of a phase that stands at its gate.
func (v *vault) examine(run, phase string) {
	v.t.Helper()
	pid := v.runnerOf(run, phase)
	engine := v.engineOf(pid)
	proc := func(pid int, name string) []byte {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, name))
		if err != nil || len(b) == 0 {
			v.t.Errorf("/proc/%d/%s: %d bytes, %v", pid, name, len(b), err)
		}
		return b
	}
	for who, pid := range map[string]int{"daemon": v.daemon.pid(), "runner": pid, "engine": engine} {
		v.absent("the command line of the "+who+" in a "+phase, proc(pid, "cmdline"))
	}
	v.absent("the environment of the runner", proc(pid, "environ"))
	env := string(proc(engine, "environ"))
	for _, name := range []string{"TFOPS_CANARY", "GIT_TOKEN", "GIT_WRONG", "VAR_SECRET", "NESTED_SECRET",
		"WORKSPACE_SECRET", "TFOPS_CONFIG", "TF_VAR_"} {
		if strings.Contains("\x00"+env, "\x00"+name) {
			v.t.Errorf("the engine's environment has %s", name)
		}
	}
	for _, name := range []string{"AWS_SECRET_ACCESS_KEY", "LAB_SETTING"} { // they were asked for
		if !strings.Contains("\x00"+env, "\x00"+name+"=Cn4ry") {
			v.t.Errorf("the engine's environment has no %s", name)
		}
	}
	for who, pid := range map[string]int{"runner": pid, "engine": engine} {
		v.handedDown(who, pid)
	}
}

// handedDown fails the test where a process has one of the daemon's own files
// or sockets open.
func (v *vault) handedDown(who string, pid int) {
	v.t.Helper()
	daemon := map[string]string{} // what only the daemon has open
	for _, fd := range mustGlob(v.t, fmt.Sprintf("/proc/%d/fd/*", v.daemon.pid())) {
		if target, err := os.Readlink(fd); err == nil && (strings.HasPrefix(target, "socket:") ||
			strings.HasPrefix(target, v.data)) {
			daemon[target] = filepath.Base(fd)
		}
	}
	if _, ok := daemon[filepath.Join(v.data, "tfops.db")]; !ok {
		v.t.Errorf("the daemon does not even have its store open: %v", daemon)
	}
	fds := mustGlob(v.t, fmt.Sprintf("/proc/%d/fd/*", pid))
	if len(fds) < 3 {
		v.t.Errorf("the %s has %d files open", who, len(fds))
	}
	for _, fd := range fds {
		target, err := os.Readlink(fd)
		if err != nil {
			continue
		}
		lockOfItsOwn := strings.HasSuffix(target, "/runner.lock") // which a waiting daemon has open too
		if _, ok := daemon[target]; ok && !lockOfItsOwn {
			v.t.Errorf("the %s has the daemon's %s open", who, target)
		}
		if rel, err := filepath.Rel(v.data, target); err == nil && !strings.HasPrefix(rel, "..") &&
			!strings.HasPrefix(rel, "runs/") && !strings.HasPrefix(rel, "workspaces/") &&
			!strings.HasPrefix(rel, "cache/") {
			v.t.Errorf("the %s has %s open", who, target)
		}
	}
}

// reloads tries invalid configurations with secrets in the wrong places.
func (v *vault) reloads() {
	v.t.Helper()
	valid := v.read("tfops.hcl")
	secret := `env("VAR_SECRET")`
	literal := v.new("literal in an invalid file")
	quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(literal)
	for what, text := range map[string]string{
		"a secret where none may be":   strings.Replace(valid, `poll = "1s"`, "poll = "+secret, 1),
		"a secret of the wrong type":   strings.Replace(valid, "concurrency = 4", "concurrency = "+secret, 1),
		"a secret in an expression":    strings.Replace(valid, `dir        = "nowhere"`, `dir        = "x/${`+secret+`}"`, 1),
		"a secret as a name":           strings.Replace(valid, `repository = "signed"`, "repository = "+secret, 1),
		"a secret in a failing call":   strings.Replace(valid, `dir        = "nowhere"`, "dir = tonumber("+secret+")", 1),
		"a password that is misspelt":  strings.Replace(valid, `password = env("GIT_TOKEN")`, `pasword = "`+quoted+`"`, 1),
		"a password of the wrong type": strings.Replace(valid, `password = env("GIT_TOKEN")`, `password = ["`+quoted+`"]`, 1),
		"a password without its end":   strings.Replace(valid, `password = env("GIT_TOKEN")`, `password = "`+quoted, 1),
		"a wrong URL with a password":  strings.Replace(valid, "@127.0.0.1:1/", "@[127.0.0.1:1/", 1),
		"a password given twice": strings.Replace(valid, `repository "in-url" {`,
			"repository \"in-url\" {\n  auth {\n    username = \"x\"\n    password = \"other\"\n  }\n", 1),
	} {
		if text == valid {
			v.t.Fatalf("%s: nothing was changed", what)
		}
		v.write("tfops.hcl", text)
		if err := v.daemon.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			v.t.Fatal(err)
		}
		v.until("the daemon refuses "+what, func() bool {
			s, err := v.client.Status(context.Background())
			return err == nil && s.Config.Error != ""
		})
		if a := v.tfops(2, "validate"); !strings.Contains(what, "password") {
			v.absentIn("validate of "+what, a) // but it shows whoever may read the file what stands there itself
		}
		v.absentIn("status with "+what, v.command("status", "--server", filepath.Join(v.data, "tfops.sock")))
		v.absentIn("status -o json with "+what, v.command("status", "-o", "json", "--server",
			filepath.Join(v.data, "tfops.sock")))
		v.write("tfops.hcl", valid)
		if err := v.daemon.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			v.t.Fatal(err)
		}
		v.until("the daemon takes the valid one again", func() bool {
			s, err := v.client.Status(context.Background())
			return err == nil && s.Config.Error == ""
		})
	}
}

// looksAtCommands runs every command that shows something, in every format.
func (v *vault) looksAtCommands() {
	v.t.Helper()
	commands := [][]string{{"status"}, {"runs"}, {"audit"}, {"locks"}, {"approvals"}, {"validate"}, {"version"}}
	for path := range v.modules() {
		name := filepath.Dir(path)
		commands = append(commands, []string{"status", name}, []string{"history", name})
		for _, r := range v.runsOf(name) {
			commands = append(commands, []string{"show", r.ID}, []string{"logs", r.ID})
		}
	}
	for _, name := range []string{"in-url", "wrong", "nobody-there"} {
		commands = append(commands, []string{"status", name})
		v.absentIn("sync of "+name, v.tfops(1, "sync", name))
	}
	for _, c := range commands {
		for _, format := range []string{"table", "json", "yaml"} {
			v.absentIn(fmt.Sprint(c, format), v.tfops(0, append(slices.Clone(c), "-o", format)...))
		}
	}
}

// wire is a client that shows what the daemon answers as it stands.
func (l *lab) wire() *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn,
		error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(l.data, "tfops.sock"))
	}}}
}

// looksAtAPI reads what the daemon answers, as it stands on the wire.
func (v *vault) looksAtAPI() {
	v.t.Helper()
	c := v.wire()
	defer c.CloseIdleConnections()
	paths := []string{"/healthz", "/openapi.json"}
	for _, p := range []string{"version", "status", "workspaces", "runs", "approvals", "locks", "repositories", "audit",
		"backup"} {
		paths = append(paths, "/api/v1/"+p)
	}
	for path := range v.modules() {
		name := filepath.Dir(path)
		paths = append(paths, "/api/v1/workspaces/"+name, "/api/v1/workspaces/"+name+"/history")
		for _, r := range v.runsOf(name) {
			paths = append(paths, "/api/v1/runs/"+r.ID, "/api/v1/runs/"+r.ID+"/plan", "/api/v1/runs/"+r.ID+"/log")
		}
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

// looksAtStore inspects the store of the stopped daemon.
func (v *vault) looksAtStore() {
	v.t.Helper()
	for _, format := range []string{"table", "json", "yaml"} {
		v.absentIn("inspect "+format, v.tfops(0, "inspect", v.data, "-o", format, "--limit", "0"))
		for _, dir := range v.glob("data/runs/*") {
			v.absentIn("inspect --run", v.tfops(0, "inspect", v.path("backup.db"), "--run", filepath.Base(dir), "-o",
				format))
		}
	}
}

// guarded reports whether a directory of the data directory, or one above it, lets nobody else in.
func (v *vault) guarded(rel string) bool {
	for ; rel != "."; rel = filepath.Dir(rel) {
		if info, err := os.Lstat(filepath.Join(v.data, rel)); err == nil && info.Mode().Perm()&0o077 == 0 {
			return true
		}
	}
	return false
}

// looksAtFiles reads everything below the data directory. Only the managed
// state and the engine's own directory may hold a secret, and only their owner
// may read them.
func (v *vault) looksAtFiles() {
	v.t.Helper()
	held := 0
	err := filepath.WalkDir(v.data, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil || info.Mode().Type()&^fs.ModeDir != 0 { // links and sockets hold nothing
			return err
		}
		rel, _ := filepath.Rel(v.data, path)
		// read-only, as git has them
		pack := strings.HasPrefix(rel, "repos/") && strings.Contains(rel, "/objects/") && !d.IsDir()
		perm := info.Mode().Perm()
		if users, _ := condition("users"); users && (d.IsDir() || rel == "cache/cli.tfrc") {
			perm &^= 0o055 // engines pass there, and read what holds no secret
		}
		if perm&0o077 != 0 && !pack && !v.guarded(filepath.Dir(rel)) {
			v.t.Errorf("%s can be read by others: %v", rel, perm)
		}
		v.absent("the name of a file", []byte(rel))
		if d.IsDir() {
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		parts := strings.Split(rel, string(filepath.Separator))
		if len(parts) > 2 && parts[0] == "workspaces" &&
			(parts[2] == "engine" || strings.HasPrefix(parts[2], "terraform.tfstate")) {
			for _, c := range v.all {
				if slices.ContainsFunc(slices.Collect(mapValues(c.forms)),
					func(f []byte) bool { return bytes.Contains(b, f) }) {
					held++
				}
			}
			return nil
		}
		v.absent(rel, b)
		return nil
	})
	if err != nil {
		v.t.Fatal(err)
	}
	if held == 0 {
		v.t.Error("not even the managed states hold a secret: the search finds nothing")
	}
}
