package runner

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

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

// Where a mask is true of a whole object the provider says what in it is sensitive: it is asked
// once for each lock file.
func TestSchemasAreAskedForOnce(t *testing.T) {
	r, _ := lab(t)
	b, err := os.ReadFile(filepath.Join(r.tree, "main.tf"))
	if err != nil {
		t.Fatal(err)
	}
	plain := r.planned()
	if kept, _ := filepath.Glob(filepath.Join(r.base, "cache", "schemas", "*")); len(kept) != 0 || plain == nil {
		t.Errorf("a plan without such a mask asked for schemas: %q", kept)
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
	var at os.FileInfo
	for range 2 {
		r.planned()
		kept, err := filepath.Glob(filepath.Join(r.base, "cache", "schemas", "*"))
		if err != nil || len(kept) != 1 {
			t.Fatalf("%q, %v", kept, err)
		}
		info, err := os.Stat(kept[0])
		if err != nil {
			t.Fatal(err)
		}
		if at != nil && !os.SameFile(info, at) {
			t.Error("it was asked for again")
		}
		at = info
		var known values.Schemas
		text, err := os.ReadFile(kept[0])
		if err != nil || json.Unmarshal(text, &known) != nil {
			t.Fatal(err)
		}
		for provider := range known {
			if s := known.Of(provider, "managed", "lab_thing"); strings.Contains(provider, "lab") && (s == nil ||
				!s.Within["secret"].Sensitive || s.Within["tags"] != nil) {
				t.Errorf("of %s: %s", provider, text)
			}
		}
	}
}
