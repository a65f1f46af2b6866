package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/config"
	"github.com/tfops/tfops/internal/doctor"
	"github.com/tfops/tfops/internal/exit"
	"github.com/tfops/tfops/internal/sandbox"
)

const doctored = `data_dir = "data"
repository "infra" { url = "https://git.example.com/infra.git" }
workspace "a" {
  repository = "infra"
}
`

func (s *shell) diagnosed(status int) diagnosis {
	s.t.Helper()
	var d diagnosis
	r := s.ends(status, "doctor", "-o", "json")
	if err := json.Unmarshal([]byte(r.out), &d); err != nil {
		s.t.Fatalf("%v: %s%s", err, r.out, r.err)
	}
	if d.OK != (status == exit.Done) {
		s.t.Errorf("ok is %t, and the exit status %d", d.OK, status)
	}
	return d
}

func (d diagnosis) check(t *testing.T, key string) doctor.Check {
	t.Helper()
	i := slices.IndexFunc(d.Checks, func(c doctor.Check) bool { return c.Key == key })
	if i < 0 {
		t.Fatalf("nothing is said of %s", key)
	}
	return d.Checks[i]
}

// The doctor says what this machine offers, without a daemon, and leaves nothing behind.
func TestDoctor(t *testing.T) {
	s := newShell(t)
	write(t, "tfops.hcl", doctored)
	d := s.diagnosed(exit.Done)
	var keys []string
	for _, c := range d.Checks {
		keys = append(keys, c.Key)
	}
	const want = "config kernel user capabilities user_namespaces security_modules proc overlay seccomp landlock " +
		"cgroup umask loginuid git ssh clock data_dir disk inodes engines sandbox daemon"
	if got := strings.Join(keys, " "); got != want {
		t.Errorf("the checks are\n%s, want\n%s", got, want)
	}
	if c := d.check(t, "daemon"); c.Found != "none answers" || d.Daemon != nil {
		t.Errorf("%+v", c)
	}
	if c := d.check(t, "sandbox"); d.Sandbox != nil && !strings.HasPrefix(c.Found, d.Sandbox.Level+": ") {
		t.Errorf("%+v, %+v", c, d.Sandbox)
	}
	if _, err := os.Stat("data"); err == nil {
		t.Error("it made the data directory")
	}
	text := s.ok("doctor")
	for _, says := range []string{"CHECK", "sandbox", "data_dir", "tfops serve makes it"} {
		if !strings.Contains(text, says) {
			t.Errorf("it does not say %q:\n%s", says, text)
		}
	}
}

func TestDoctorFindsProblems(t *testing.T) {
	s := newShell(t)
	write(t, "tfops.hcl", "data_dir = 1\nnonsense {}\n")
	if c := s.diagnosed(exit.Failed).check(t, "config"); c.Next != "tfops validate" {
		t.Errorf("%+v", c)
	}
	write(t, "tfops.hcl", doctored)
	write(t, "data", "a file")
	r := s.ends(exit.Failed, "doctor")
	if !strings.Contains(r.out, "data_dir: move it away") {
		t.Errorf("%s", r.out)
	}
}

// A daemon that answers says at which level it works.
func TestDoctorAsksTheDaemon(t *testing.T) {
	s := newShell(t)
	write(t, "tfops.hcl", doctored)
	d := s.fake()
	for _, c := range []struct {
		sandbox *api.Sandbox
		status  doctor.Status
		found   string
	}{
		{nil, doctor.OK, "tfops 1.2.3 answers; it does not say"},
		{&api.Sandbox{Level: "namespaces", Wanted: "auto"}, doctor.OK, "answers, with sandbox namespaces"},
		{&api.Sandbox{Level: "filters", Note: "it is weaker", Lacks: []api.SandboxLack{{Next: "do this"}}},
			doctor.Warning, "answers, with sandbox filters: it is weaker"},
	} {
		d.on("GET /status", api.Status{Version: "1.2.3", Sandbox: c.sandbox})
		got := s.diagnosed(exit.Done)
		if check := got.check(t, "daemon"); check.Status != c.status || !strings.Contains(check.Found, c.found) ||
			got.Daemon == nil || got.Daemon.Version != "1.2.3" {
			t.Errorf("%+v, want %s, %q", check, c.status, c.found)
		}
	}
}

// What the level means depends on what is configured.
func TestSandboxCheck(t *testing.T) {
	load := func(text string) *config.Config {
		t.Helper()
		path := filepath.Join(t.TempDir(), "tfops.hcl")
		write(t, path, text)
		cfg, err := config.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		return cfg
	}
	plain := load(doctored)
	ruled := load(doctored + "defaults {\n  approval \"a\" {}\n}\n")
	pattern := load(doctored + "workspaces \"b\" {\n  repository = \"infra\"\n  branches = [\"env/*\"]\n" +
		"  dirs = [\"live/*\"]\n  name = \"${branch_slug}\"\n}\n")
	lacks := []sandbox.Lack{{Kind: sandbox.LacksUserNamespaces, Detail: "user.max_user_namespaces = 0"}}
	for _, c := range []struct {
		level  sandbox.Level
		wanted sandbox.Wanted
		cfg    *config.Config
		status doctor.Status
		next   string
	}{
		{sandbox.Namespaces, sandbox.Auto, ruled, doctor.OK, ""},
		{sandbox.Filters, sandbox.Auto, ruled, doctor.Warning, "sysctl -w"},
		{sandbox.None, sandbox.Auto, plain, doctor.Warning, "sysctl -w"},
		{sandbox.None, sandbox.Auto, nil, doctor.Warning, "sysctl -w"},
		{sandbox.None, sandbox.Auto, ruled, doctor.Problem, "sysctl -w"},
		{sandbox.None, sandbox.Auto, pattern, doctor.Problem, "sysctl -w"},
		{sandbox.None, "none", ruled, doctor.Warning, "sysctl -w"},
		{sandbox.Filters, "namespaces", plain, doctor.Problem, "sysctl -w"},
		{"", sandbox.Auto, ruled, doctor.Note, ""},
	} {
		terms := sandbox.Terms{Wanted: c.wanted, State: sandbox.State{Level: c.level}}
		if c.next != "" {
			terms.Lacks = lacks
		}
		got := doctor.Sandbox(terms, c.cfg != nil && exposes(c.cfg))
		if got.Status != c.status || (got.Next == "") != (c.next == "") || !strings.Contains(got.Next, c.next) {
			t.Errorf("%s, %s: %+v, want %s", c.level, c.wanted, got, c.status)
		}
	}
}
