package runner

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/inputs"
	"github.com/tfops/tfops/internal/testrig"
)

// ephemeralRig is a workspace of the test provider with this root module.
func ephemeralRig(t *testing.T, engine job.EngineSpec, main string) (*rig, string) {
	t.Helper()
	r, world := lab(t)
	r.engine = engine
	r.write("main.tf", testrig.RequiredProviders+main)
	return r, world
}

// nowhere fails the test when a text is in any file below the rig's directory but its tree.
func (r *rig) nowhere(text string) {
	r.t.Helper()
	err := filepath.Walk(r.base, func(path string, info os.FileInfo, err error) error {
		if err != nil || !info.Mode().IsRegular() || inputs.Within(r.tree, path) ||
			inputs.Within(filepath.Join(r.base, "checkouts"), path) {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte(text)) {
			r.t.Errorf("%s holds %s", path, text)
		}
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
}

// key is the digest of the write-only argument with which box a was written last.
func key(t *testing.T, world string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(world, "a.box.json"))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(b), `"key_sha256": "`)
	digest, _, _ := strings.Cut(after, `"`)
	return digest
}

func digestOf(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }

// An ephemeral variable is in no saved plan: the apply is given it again, from
// where the plan had it, and what else was given is not.
func TestEphemeralVariables(t *testing.T) {
	if !testrig.Long(t, "ephemeral variables") {
		return
	}
	eachEngine(t, ephemeralVariables)
}

func ephemeralVariables(t *testing.T, engine job.EngineSpec) {
	const declared = "variable \"token\" {\n  type = string\n  ephemeral = true\n}\n"
	const box = "resource \"lab_box\" \"a\" {\n  name = \"a\"\n  label = var.label\n  key_wo = " +
		"var.token\n}\nvariable \"label\" { default = \"none\" }\n"
	give := func(vars string, files ...string) option {
		return func(j *job.Job, s *job.Secrets) { s.Variables, j.VarFiles = vars, files }
	}
	for name, c := range map[string]struct {
		module string
		files  map[string]string
		give   option
		want   string
	}{
		"variables":      {declared, nil, give("token = \"canary-1\"\nlabel = \"x\"\n"), "canary-1"},
		"needs escaping": {declared, nil, give("token = \"a$${b}\\\"\\n%%{c}\"\n"), "a${b}\"\n%{c}"},
		"var file": {declared, map[string]string{"v.tfvars": "label = \"x\"\ntoken = \"canary-2\"\n"},
			give("", "v.tfvars"), "canary-2"},
		"var file as JSON": {declared, map[string]string{"v.tfvars.json": `{"token": "${x}", "label": "x"}`}, give("", "v.tfvars.json"), "${x}"},
		"variables win": {declared, map[string]string{"v.tfvars": "token = \"file\"\n"},
			give("token = \"canary-3\"\n", "v.tfvars"), "canary-3"},
		"the last file": {declared, map[string]string{"a.tfvars": "token = \"a\"\n", "b.tfvars": "token = \"b\"\n"},
			give("", "b.tfvars", "a.tfvars"), "a"},
		"read by itself": {declared, map[string]string{"x.auto.tfvars": "token = \"auto\"\n"},
			give("label = \"x\"\n"), "auto"},
		"over what it read": {declared, map[string]string{"x.auto.tfvars": "token = \"auto\"\n"},
			give("token = \"canary-4\"\n"), "canary-4"},
		"declared in JSON": {"", map[string]string{"v.tf.json": `{"variable": {"token": {"type": "string", "ephemeral": true}}}`},
			give("token = \"canary-5\"\n"), "canary-5"},
		"by an override": {"variable \"token\" {\n  type = string\n}\n",
			map[string]string{"a_override.tf": "variable \"token\" {\n  ephemeral = true\n}\n"},
			give("token = \"canary-6\"\n"), "canary-6"},
		"only its default": {"variable \"token\" {\n  ephemeral = true\n  default = \"none\"\n}\n", nil,
			give("label = \"x\"\n"), "none"},
	} {
		t.Run(name, func(t *testing.T) {
			r, world := ephemeralRig(t, engine, c.module+box)
			for name, content := range c.files {
				r.write(name, content)
			}
			f := r.planned(c.give)
			must(t, f.startApply(func(_ *job.Job, s *job.Secrets) {
				var j job.Job
				c.give(&j, s)
			}).wait(), job.Succeeded, "", "")
			if got := key(t, world); got != digestOf(c.want) {
				t.Errorf("the apply had another value than %q", c.want)
			}
			r.nowhere("canary-")
		})
	}
}

// A credential is rotated while the plan waits: the apply has the new one, and a
// plain variable stays what the plan had.
func TestEphemeralVariableIsRotated(t *testing.T) { eachEngine(t, ephemeralVariableIsRotated) }

func ephemeralVariableIsRotated(t *testing.T, engine job.EngineSpec) {
	r, world := ephemeralRig(t, engine, `
variable "token" {
  type = string
  ephemeral = true
}
variable "label" {}
resource "lab_box" "a" {
  name   = "a"
  label  = var.label
  key_wo = var.token
}
`)
	f := r.planned(func(_ *job.Job, s *job.Secrets) { s.Variables = "token = \"old\"\nlabel = \"planned\"\n" })
	must(t,
		f.startApply(func(_ *job.Job,
			s *job.Secrets) {
			s.Variables = "token = \"new\"\nlabel = \"rotated\"\n"
		}).wait(), job.Succeeded, "", "")
	b, err := os.ReadFile(filepath.Join(world, "a.box.json"))
	if err != nil || !strings.Contains(string(b), `"planned"`) || key(t, world) != digestOf("new") {
		t.Fatalf("%s, %v", b, err)
	}
}

// An ephemeral resource is opened and closed by each phase and is kept nowhere.
func TestEphemeralResource(t *testing.T) { eachEngine(t, ephemeralResource) }

func ephemeralResource(t *testing.T, engine job.EngineSpec) {
	r, world := ephemeralRig(t, engine, `
ephemeral "lab_ticket" "t" { seed = "canary" }
resource "lab_box" "a" {
  name   = "a"
  key_wo = ephemeral.lab_ticket.t.value
}
`)
	tickets := func() string {
		b, err := os.ReadFile(filepath.Join(world, "tickets"))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	f := r.planned()
	if got := tickets(); got != "open\nclose\n" {
		t.Errorf("the plan: %q", got)
	}
	must(t, f.startApply().wait(), job.Succeeded, "", "")
	if got := tickets(); got != "open\nclose\nopen\nclose\n" || key(t, world) != digestOf("ticket-canary") {
		t.Errorf("the apply: %q", got)
	}
	r.nowhere("ticket-canary")
}

// A write-only argument reaches the provider at apply, is written again when its
// version moves and not before, and is kept nowhere.
func TestWriteOnlyArgument(t *testing.T) { eachEngine(t, writeOnlyArgument) }

func writeOnlyArgument(t *testing.T, engine job.EngineSpec) {
	r, world := ephemeralRig(t, engine, `
variable "key" {}
variable "no" {}
resource "lab_box" "a" {
  name           = "a"
  key_wo         = var.key
  key_wo_version = var.no
}
`)
	give := func(key string, no int) option {
		return func(_ *job.Job, s *job.Secrets) {
			s.Variables, s.Mask = fmt.Sprintf("key = %q\nno = %d\n", key, no), []string{key}
		}
	}
	must(t, r.planned(give("canary-one", 1)).startApply(give("canary-one", 1)).wait(), job.Succeeded, "", "")
	if got := key(t, world); got != digestOf("canary-one") {
		t.Error("the argument did not arrive")
	}
	if f, res := r.plan(give("canary-two", 1)); res.Plan == nil || res.Plan.HasChanges() {
		t.Errorf("without a new version it is written again: %s", f.read(job.EventsFile))
	}
	f := r.planned(give("canary-two", 2))
	must(t, f.startApply(give("canary-two", 2)).wait(), job.Succeeded, "", "")
	if got := key(t, world); got != digestOf("canary-two") {
		t.Error("the new argument did not arrive")
	}
	r.nowhere("canary-")
}

// A function of a provider works in a plan and in its apply, where it takes what
// is known only then.
func TestProviderFunction(t *testing.T) { eachEngine(t, providerFunction) }

func providerFunction(t *testing.T, engine job.EngineSpec) {
	r, world := ephemeralRig(t, engine, `
resource "lab_thing" "a" {
  name  = "a"
  value = provider::lab::shout("hello")
}
resource "lab_thing" "b" {
  name  = "b"
  value = provider::lab::shout("r${lab_thing.a.revision}")
}
`)
	f := r.planned()
	must(t, f.startApply().wait(), job.Succeeded, "", "")
	for name, want := range map[string]string{"a": `"HELLO"`, "b": `"R1"`} {
		if b, err := os.ReadFile(filepath.Join(world, name+".json")); err != nil || !strings.Contains(string(b), want) {
			t.Errorf("%s: %s, %v", name, b, err)
		}
	}
}
