package runner

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/durable"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/plan/values"
)

// What a speculative plan of another commit hides takes the place of nothing, and hides nothing
// in a plan that people approve; in what is printed it does.
func TestSpeculativePlansOnlyAdd(t *testing.T) {
	r := newRig(t, map[string]string{"main.tf": `resource "terraform_data" "a" { input = sensitive("canary-of-main") }`})
	main := r.planned()
	r.write("main.tf", `resource "terraform_data" "a" { input = sensitive("0.0.0.0/0 for all") }`)
	other := r.planned(speculative, func(j *job.Job, _ *job.Secrets) { j.Speculative = true })
	for path, want := range map[string]string{
		job.HiddenCopy(r.workspaceDir(), main.job.Run, false): `["canary-of-main"]`,
		job.HiddenCopy(r.workspaceDir(), other.job.Run, true): `["0.0.0.0/0 for all"]`,
	} {
		if got := string(main.decrypt(path)); got != want {
			t.Errorf("%s: %s, want %s", filepath.Base(path), got, want)
		}
	}
	r.write("main.tf", `
locals { open = "0.0.0.0/0 for all" }
variable "was" { default = "canary-of-main or not" }
resource "terraform_data" "a" { input = "${local.open} and ${substr(var.was, 0, 14)}" }
output "printed" {
  value = 1
  precondition {
    condition     = local.open == ""
    error_message = "It is ${local.open}, and ${substr(var.was, 0, 14)}."
  }
}
`)
	earlier := func(_ *job.Job, s *job.Secrets) {
		s.Hidden, s.Printed = []string{"canary-of-main"}, []string{"0.0.0.0/0 for all"}
	}
	f, failed := r.plan(earlier)
	if text := failed.Message + f.read(job.EventsFile); failed.Outcome != job.Failed || strings.Contains(text,
		"0.0.0.0/0") || strings.Contains(text, "canary") {
		t.Errorf("the error shows what plans hid: %+v %s", failed, text)
	}
	r.write("main.tf", `
locals { open = "0.0.0.0/0 for all" }
variable "was" { default = "canary-of-main or not" }
resource "terraform_data" "a" { input = "${local.open} and ${substr(var.was, 0, 14)}" }
`)
	f = r.planned(earlier)
	b, err := os.ReadFile(f.job.PlanJSON)
	if err != nil || !strings.Contains(string(b), "0.0.0.0/0 for all and "+values.Sensitive) {
		t.Errorf("the plan that people approve: %s, %v", b, err)
	}
	speculated := r.planned(earlier, speculative, func(j *job.Job, _ *job.Secrets) { j.Speculative = true })
	if b, err = os.ReadFile(speculated.job.PlanJSON); err != nil || strings.Contains(string(b), "0.0.0.0/0") {
		t.Errorf("the speculative plan: %s, %v", b, err)
	}
}

// The provider says what is sensitive where a mask is true of a whole object, and what is a map, a set or a
// block: it is asked once for each lock file, and not by a plan of what is built into the engine.
func TestSchemasAreAskedForOnce(t *testing.T) {
	r, _ := lab(t)
	b, err := os.ReadFile(filepath.Join(r.tree, "main.tf"))
	if err != nil {
		t.Fatal(err)
	}
	r.write("main.tf", "resource \"terraform_data\" \"a\" {\n  input = 1\n}\n")
	plain := r.planned()
	path := filepath.Join(r.workspaceDir(), "engine", "schemas.json")
	if durable.Exists(path) || plain == nil {
		t.Error("a plan of what is built in asked for schemas")
	}
	r.write("main.tf", string(b)+`
variable "all" {
  sensitive = true
  default   = { note = "noted-in-object" }
}
resource "lab_thing" "c" {
  name = "c"
  tags = var.all
}
`)
	// What code of a branch has the engine say of providers counts for its own plan alone.
	if r.planned(speculative); durable.Exists(path) {
		t.Error("a plan that is never applied kept what it was told")
	}
	var at os.FileInfo
	for range 2 {
		r.planned()
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if at != nil && !os.SameFile(info, at) {
			t.Error("it was asked for again")
		}
		at = info
		var kept struct{ Schemas values.Schemas }
		text, err := os.ReadFile(path)
		if err != nil || json.Unmarshal(text, &kept) != nil || len(kept.Schemas) == 0 {
			t.Fatalf("%v: %s", err, text)
		}
		for provider := range kept.Schemas {
			s := kept.Schemas.Of(provider, "managed", "lab_thing")
			if strings.Contains(provider, "lab") && (s == nil || !s.Within["secret"].Sensitive ||
				s.Within["tags"].Sensitive || s.Within["tags"].Holds != values.NestedMap) {
				t.Errorf("of %s: %s", provider, text)
			}
		}
	}
}

// What code of one workspace has the engine say of providers counts for no other workspace.
func TestForgedSchemas(t *testing.T) {
	r, _ := lab(t)
	b, err := os.ReadFile(filepath.Join(r.tree, "main.tf"))
	if err != nil {
		t.Fatal(err)
	}
	r.write("main.tf", string(b)+"variable \"all\" {\n  sensitive = true\n  default = { note = \"noted\" }\n}\n"+
		"resource \"lab_thing\" \"c\" {\n  name = \"c\"\n  tags = var.all\n}\n")
	says := func(workspace string) bool {
		var kept struct{ Schemas values.Schemas }
		text, err := os.ReadFile(filepath.Join(r.base, "workspaces", workspace, "engine", "schemas.json"))
		if err != nil || json.Unmarshal(text, &kept) != nil || len(kept.Schemas) == 0 {
			t.Fatalf("%v: %s", err, text)
		}
		for provider := range kept.Schemas {
			s := kept.Schemas.Of(provider, "managed", "lab_thing")
			if s != nil && s.Within["secret"] != nil && s.Within["secret"].Sensitive {
				return true
			}
		}
		return false
	}
	r.planned(r.withEngine("#!/bin/sh\ncase \" $* \" in *\" providers schema \"*) %[1]s \"$@\" | " +
		"sed 's/\"sensitive\":true/\"sensitive\":false/g'; exit;; esac\nexec %[1]s \"$@\"\n"))
	r.planned(func(j *job.Job, _ *job.Secrets) { j.WorkspaceDir = filepath.Join(r.base, "workspaces", "other") })
	if says("w") || !says("other") {
		t.Errorf("forged: %t, of another workspace: %t", !says("w"), !says("other"))
	}
}
