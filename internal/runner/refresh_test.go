package runner

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/durable"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/testrig"
)

// lab is a root module with the test provider, and the world that it is in.
func lab(t *testing.T) (*rig, string) {
	t.Helper()
	config, world := testrig.Provider(t), t.TempDir()
	r := newRig(t, map[string]string{"main.tf": testrig.RequiredProviders + `
resource "lab_thing" "a" {
  name  = "a"
  value = "one"
}
resource "lab_thing" "b" {
  name = "b"
}
output "revision" { value = lab_thing.a.revision }
output "fixed" { value = "fixed" }
`})
	r.env["TF_CLI_CONFIG_FILE"], r.env["LAB_WORLD"] = config, world
	return r, world
}

func edit(t *testing.T, path, old, now string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err == nil && !strings.Contains(string(b), old) {
		t.Fatalf("%s has no %s: %s", path, old, b)
	}
	if err == nil {
		err = os.WriteFile(path, []byte(strings.Replace(string(b), old, now, 1)), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// A refresh-only plan changes nothing, says what it accepts, and its apply
// takes that into the state and nothing into the world.
func TestRefreshOnly(t *testing.T) {
	r, world := lab(t)
	refresh := func(j *job.Job, _ *job.Secrets) { j.RefreshOnly, j.Outputs = true, true }
	must(t, r.planned().startApply().wait(), job.Succeeded, "", "")

	_, nothing := r.plan(refresh)
	must(t, nothing, job.Succeeded, "", "")
	if p := nothing.Plan; !p.RefreshOnly || p.Accepts() || p.Counts != (plan.Counts{}) {
		t.Errorf("where nothing differs: %+v", p)
	}

	edit(t, filepath.Join(world, "a.json"), `"revision": 1`, `"revision": 9`) // the configuration does not care
	edit(t, filepath.Join(world, "a.json"), `"one"`, `"by hand"`)             // and here it does
	if err := os.Remove(filepath.Join(world, "b.json")); err != nil {
		t.Fatal(err)
	}
	before, _ := os.ReadFile(filepath.Join(world, "a.json"))
	f, planned := r.plan(refresh)
	must(t, planned, job.Succeeded, "", "")
	p := planned.Plan
	if !p.RefreshOnly || len(p.Changes) != 0 || p.Counts != (plan.Counts{Outputs: 1}) ||
		p.Acceptance() != "accepts 2 resources and 1 output into the state" ||
		strings.Join(p.Accepted(), " ") != "lab_thing.a lab_thing.b" || p.Drift[1].Action != plan.Delete {
		t.Fatalf("%+v", p)
	}
	if got := f.outputs(); string(got["revision"].Value) != "1" || string(got["fixed"].Value) != `"fixed"` {
		t.Errorf("the outputs before the apply: %+v", got)
	}
	second := r.planned(refresh)
	apply := f.startApply(refresh)
	must(t, apply.wait(), job.Succeeded, "", "")
	if got := apply.outputs(); string(got["revision"].Value) != "9" || string(got["fixed"].Value) != `"fixed"` {
		t.Errorf("the outputs after the apply: %+v", got)
	}
	state, err := os.ReadFile(filepath.Join(r.workspaceDir(), "terraform.tfstate"))
	if err != nil || !strings.Contains(string(state), `"by hand"`) || strings.Contains(string(state), `"b"`) {
		t.Errorf("the state: %s, %v", state, err)
	}
	after, err := os.ReadFile(filepath.Join(world, "a.json"))
	if err != nil || string(after) != string(before) || durable.Exists(filepath.Join(world, "b.json")) {
		t.Errorf("the world was changed: %s, %v", after, err)
	}

	_, left := r.plan()
	must(t, left, job.Succeeded, "", "")
	if p := left.Plan; p.RefreshOnly || len(p.Drift) != 0 || p.Counts.Change != 1 || p.Counts.Add != 1 {
		t.Errorf("what is left after it: drift %+v, %+v", p.Drift, p.Counts)
	}
	must(t, second.startApply(refresh).wait(), job.Failed, job.CauseStale, "stale")
}
