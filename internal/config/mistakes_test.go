package config

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/config/problems"
)

// mistakes loads a wrong configuration and returns what Error says and what a
// person sees.
func mistakes(t *testing.T, src string) (lines []string, rendered string) {
	t.Helper()
	_, err := Load(write(t, src, nil))
	var p *Problems
	if !errors.As(err, &p) {
		t.Fatalf("%s\nis taken: %v", src, err)
	}
	var out strings.Builder
	if err := p.Render(&out, false, 0); err != nil {
		t.Fatal(err)
	}
	return strings.Split(p.Error(), "\n"), out.String()
}

const valid = "repository \"infra\" {\n  url = \"https://git.example.com/a.git\"\n}\n"

// expect checks that there is one mistake for each text, in this order, and no other.
func expect(t *testing.T, lines []string, want ...string) {
	t.Helper()
	if len(lines) != len(want) {
		t.Errorf("%d mistakes, want %d:\n%s", len(lines), len(want), strings.Join(lines, "\n"))
		return
	}
	for i, w := range want {
		if !strings.Contains(lines[i], w) {
			t.Errorf("mistake %d is %q, want %q", i+1, lines[i], w)
		}
	}
}

// A mistake in one item of a map hides none of another.
func TestMapsAtOnce(t *testing.T) {
	t.Setenv("TFOPS_TEST_SECRET", canary)
	lines, rendered := mistakes(t, valid+`workspace "w" {
  repository = "infra"
  env = {
    A           = env("TFOPS_TEST_NONE")
    B           = foo.bar
    TF_LOG      = "x"
    TF_VAR_x    = env("TFOPS_TEST_NONE_2")
    C           = ["x"]
    D           = "${var.x}-${env("TFOPS_TEST_NONE_3")}"
    (local.key) = "x"
    e.f         = "x"
    (null)      = "x"
    G           = env("TFOPS_TEST_SECRET")
  }
  variables = ({
    a     = env("TFOPS_TEST_NONE_4")
    b     = { c = nosuch(), d = [env("TFOPS_TEST_NONE_5"), var.y] }
    "x y" = 1
  })
  labels = {
    a     = local.x
    b     = env("TFOPS_TEST_SECRET")
    "c d" = "x"
    e     = {}
  }
}
`)
	expect(t, lines,
		`:7:19: environment variable is not set: Set the variable "TFOPS_TEST_NONE" in the environment of tfops serve (and restart it), or give a default: env("TFOPS_TEST_NONE", "…")`,
		":8:19: not a value", ":9:5: variable of the engine", ":10:5: variable of the engine",
		":10:19: environment variable", ":11:5: wrong type",
		":12:22: not a value", ":12:31: environment variable", ":13:6: not a value", ":14:5: not a key",
		":15:5: not a key",
		":19:13: environment variable", ":20:19: unknown function", ":20:34: environment variable",
		":20:60: not a value", ":21:5: invalid name of a variable",
		":24:13: not a value", ":25:5: a secret can't", ":26:5: invalid name of a label", ":27:5: wrong type")
	if strings.Contains(rendered, canary) {
		t.Error("a secret is in the rendered mistakes")
	}
}

// A key that is made of a secret makes the values of the map secret, the last
// of two equal keys wins, and null is still none.
func TestMapsWrittenOut(t *testing.T) {
	t.Setenv("TFOPS_TEST_KEY", "KEY")
	c := load(t, valid+`workspace "w" {
  repository = "infra"
  env        = { (env("TFOPS_TEST_KEY")) = "a", B = "b" }
  variables  = { a = 1, b = null, a = 3 }
  labels     = { 1 = true, gone = null }
}
`, nil)
	w := c.Workspaces[0]
	if len(w.Env) != 2 || !w.Env["KEY"].Secret || !w.Env["B"].Secret {
		t.Errorf("%+v", w.Env)
	}
	if a := w.Variables["a"].AsBigFloat().String(); a != "3" || !w.Variables["b"].IsNull() || len(w.Variables) != 2 {
		t.Errorf("%v", w.Variables)
	}
	if len(w.Labels) != 1 || w.Labels["1"] != "true" {
		t.Errorf("%v", w.Labels)
	}
}

func TestHiddenBySyntax(t *testing.T) {
	for src, hidden := range map[string]bool{
		"runner {\n concurrency =\n plan_grace = \"1m\"\n}\nserver {}\n":                                false,
		"runner {\n plan_grace = \"1m\n apply_grace = \"1m\"\n}\n":                                      true,
		"runner {\n pass_env = [\"A\"\n plan_grace = \"1m\"\n}\n":                                       true,
		"runner {\n pass_env = [\"A\"\n}\n":                                                             false,
		"runner {\n plan_grace = \"1m\"\n}\n}\nserver {\n}\n":                                           true,
		"runner {\n plan_grace = \"1m\"\n\nserver {\n}\n":                                               false,
		"runner {\n plan_grace = \"1m\"\n plan_grace = \"1m\"\n}\n":                                     false,
		"workspace \"w\" {\n dir =\n env = {\n  A = 1\n }\n}\n":                                         false,
		"workspace \"w\" {\n env = {\n  A 1\n  B = 2\n }\n dir = \"x\"\n}\n":                            true,
		"workspace \"w\" {\n dir =\n variables = {\n  a = <<E\nx = 1\nworkspace \"y\" {\nE\n }\n}\n":    false,
		"workspace \"w\" {\n dir =\n # env = 1\n # drift {\n}\n":                                        false,
		"workspace \"w\" {\n variables = {\n  a = 1 b = 2\n }\n}\nworkspace \"x\" {\n dir = \"../\"\n}": false,
	} {
		_, rendered := mistakes(t, src)
		if got := strings.HasSuffix(rendered, "\n"+problems.HiddenNote+"\n"); got != hidden ||
			got != strings.Contains(rendered, problems.HiddenNote) {
			t.Errorf("%s\nhides something: %v\n%s", src, got, rendered)
		}
	}
	if _, rendered := mistakes(t, "nosuch = 1\nother = 2\n"); strings.Contains(rendered, problems.HiddenNote) {
		t.Errorf("%s", rendered)
	}
}

// One missing brace is one mistake, and what follows it is read all the same.
func TestUnclosedBrace(t *testing.T) {
	lines, _ := mistakes(t, "repository \"infra\" {\n  url = \"https://git.example.com/a.git\"\n\nworkspace \"w\" {\n"+
		"  repository = \"infra\"\n  dirr = \"x\"\n}\n")
	expect(t, lines, ":1:20: unclosed configuration block", `:6:3: unknown attribute "dirr"`)
	lines, _ = mistakes(t, valid+"workspace \"w\" {\n  repository = \"infra\"\n  drift {\n    schedule = \"@daily\"\n"+
		"}\n\nworkspace \"x\" {\n  dirr = \"x\"\n}\ngroup \"g\" {\n  nosuch = 1\n}\n")
	expect(t, lines, ":4:15: unclosed configuration block", `:11:3: unknown attribute "dirr"`,
		`:14:3: unknown attribute "nosuch"`)
	lines, _ = mistakes(t, "repository \"infra\" {\n  poll =\n\nworkspace \"w\" {\n  dirr = \"x\"\n}\n")
	expect(t, lines, ":2:9: invalid expression", `:5:3: unknown attribute "dirr"`)
	lines, _ = mistakes(t, "repository \"infra\" {\n  url = \"https://git.example.com/a.git\"\n"+
		"  workspace \"w\" {}\n}\n")
	expect(t, lines, `:3:3: unknown block "workspace"`)
}

func TestNamesOfOtherTools(t *testing.T) {
	workspace := func(s string) string {
		return valid + "workspace \"w\" {\n  repository = \"infra\"\n" +
			"  " + s + "\n}\n"
	}
	repository := func(s string) string { return strings.Replace(valid, "\n}", "\n  "+s+"\n}", 1) }
	for src, want := range map[string]string{
		workspace(`path = "live"`):                        `dir = "live/prod"`,
		workspace(`auto_apply = true`):                    `apply = "auto"`,
		workspace(`workspace = "blue"`):                   `terraform_workspace = "default"`,
		workspace(`ref = "main"`):                         `branch = "main"`,
		workspace(`revision = "main"`):                    `branch = "main"`,
		workspace("variable \"x\" {}"):                    `variables = {`,
		workspace("locals {}"):                            `variables = {`,
		workspace(`engine = "opentofu"`):                  `engine is one of "terraform" or "tofu". Write "tofu".`,
		workspace(`enginn = "tofu"`):                      `Did you mean "engine"?`,
		workspace(`color = "blue"`):                       `It has repository, branch, dir, terraform_workspace`,
		valid + "defaults {\n  path = \"x\"\n}\n":         `dir = "live/prod"`,
		valid + "variable \"x\" {\n  default = 1\n}\n":    `variables = {`,
		valid + "locals {\n  x = 1\n}\n":                  `variables = {`,
		valid + "engine \"opentofu\" {}\n":                `Write "tofu".`,
		valid + "server {\n  color = 1\n}\n":              `It has socket_group only.`,
		repository(`branch = "main"`):                     `A branch belongs in a workspace block`,
		repository(`ref = "main"`):                        `A branch belongs in a workspace block`,
		repository("auth {\n    token = env(\"X\")\n  }"): `password = env("GIT_TOKEN")`,
		repository("auth {\n    color = \"x\"\n  " +
			"}"): `It has username, password, ssh_key, ssh_key_passphrase and known_hosts.`,
		workspace(cond("plan.deleted > 0")):                `Did you mean "delete"?`,
		workspace(cond("plan.color > 0")):                  `Plan has add, addresses, change,`,
		workspace(cond(`workspace.nam == "x"`)):            `Did you mean "name"?`,
		workspace(cond(`commit.auther == "x"`)):            `Did you mean "author"?`,
		workspace(cond(`strcontain(commit.message, "x")`)): `There is no function "strcontain".`,
		workspace(cond(`contain(plan.types, "x")`)):        `Did you mean "contains"?`,
	} {
		lines, _ := mistakes(t, src)
		expect(t, lines, want)
	}
}

func cond(when string) string { return "approval \"a\" {\n    when = " + when + "\n  }" }

func TestHostPaths(t *testing.T) {
	for url, want := range map[string]string{
		"git.example.com/foo":              "is https://git.example.com/foo meant?",
		"github.com/acme/infra.git":        "is https://github.com/acme/infra.git meant?",
		"https://git.example.com:65536/a":  "invalid port",
		"ssh://git@git.example.com:0/a":    "invalid port",
		"http://git.example.com:9999999/a": "invalid port",
	} {
		lines, _ := mistakes(t, "repository \"r\" {\n url = \""+url+"\"\n}\n")
		expect(t, lines, want)
	}
	lines, _ := mistakes(t, "engine \"tofu\" {\n release_url = \"https://example.com:70000\"\n}\n")
	expect(t, lines, "not the URL of a release server")
	for _, url := range []string{"infra.git", "infra.git/sub", "./git.example.com/foo", "/git.example.com/foo",
		"no/such.dir", "repos.d/x", "git.example.com"} {
		if c := load(t, "repository \"r\" {\n url = \""+url+"\"\n}\n", nil); !slices.ContainsFunc(summaries(c),
			func(s string) bool { return s == "no repository there" }) {
			t.Errorf("%s: %v", url, c.Warnings)
		}
	}
	if c := load(t, "repository \"r\" {\n url = \"https://git.example.com:65535/a\"\n}\n",
		nil); c.Repositories[0].URL != "https://git.example.com:65535/a" {
		t.Errorf("%+v", c.Repositories[0])
	}
	path := write(t, "repository \"r\" {\n url = \"git.example.com/foo\"\n}\n", nil)
	if err := os.MkdirAll(filepath.Join(filepath.Dir(path), "git.example.com", "foo"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err != nil {
		t.Errorf("one that exists is refused: %v", err)
	}
}

func summaries(c *Config) (out []string) {
	for _, w := range c.Warnings {
		out = append(out, w.Summary)
	}
	return out
}

func TestDays(t *testing.T) {
	c := load(t, valid+`runner {
  apply_grace = "1d"
}
workspace "w" {
  repository   = "infra"
  plan_timeout = "2d"
  approval "a" {
    expire = "7d"
  }
  drift {
    schedule = "@every 1d"
  }
}
`, nil)
	if w := c.Workspaces[0]; c.Runner.ApplyGrace != 24*time.Hour || w.PlanTimeout != 48*time.Hour ||
		w.Rules[0].Expire != 7*24*time.Hour || w.Drift.Schedule != "@every 24h" {
		t.Errorf("%+v %+v", c.Runner, w)
	}
}

// A key that is made of a secret is not repeated by a message.
func TestSecretKeys(t *testing.T) {
	t.Setenv("TFOPS_TEST_SECRET", canary)
	for _, value := range []string{"{ (env(\"TFOPS_TEST_SECRET\")) = 1 }",
		"{ (upper(env(\"TFOPS_TEST_SECRET\"))) = 1 }", "merge({ (env(\"TFOPS_TEST_SECRET\")) = 1 }, {})"} {
		lines, rendered := mistakes(t, valid+"workspace \"w\" {\n  repository = \"infra\"\n  env = "+value+"\n}\n")
		expect(t, lines, "The name has other characters")
		if strings.Contains(strings.ToLower(rendered), strings.ToLower(canary)) {
			t.Errorf("%s: the secret is shown:\n%s", value, rendered)
		}
	}
}

// A key of inputs that comes from outside is a name like any other.
func TestKeyOfInputsFromOutside(t *testing.T) {
	t.Setenv("TFOPS_TEST_NAME", "vpc")
	c := load(t, valid+`workspace "b" {
  repository = "infra"
  dir        = "b"
}
workspace "a" {
  repository = "infra"
  inputs     = { (env("TFOPS_TEST_NAME")) = workspace.b.outputs.y }
}
`, nil)
	if in := c.Workspaces[1].Inputs; len(in) != 1 || len(in["vpc"].Refs) != 1 {
		t.Errorf("%+v", in)
	}
	_, said := mistakes(t, valid+"workspace \"a\" {\n  repository = \"infra\"\n"+
		"  inputs     = { a.b = workspace.c.outputs.y }\n}\n")
	if !strings.Contains(said, "not a key") {
		t.Error(said)
	}
}
