package runner

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/durable"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/backend"
	"github.com/tfops/tfops/internal/runner/diagnostics"
	"github.com/tfops/tfops/internal/runner/ground"
	"github.com/tfops/tfops/internal/sandbox"
)

func TestPlanThenApply(t *testing.T) {
	r := newRig(t, map[string]string{"live/main.tf": simple, "live/a.tfvars": `input = "two"`})
	in := func(j *job.Job, s *job.Secrets) {
		j.Dir, j.VarFiles = "live", []string{"a.tfvars"}
		s.Variables = `input = "three"` // wins over the file
	}
	f, result := r.plan(in)
	must(t, result, job.Succeeded, "", "")
	p := result.Plan
	if p == nil || p.Counts.Add != 1 || p.Digest != result.PlanDigest ||
		result.PlanDigest != job.ApprovedDigest(f.openPlan(), f.groundText()) {
		t.Fatalf("plan %+v, digest %s", p, result.PlanDigest)
	}
	if result.EngineName != "terraform" || result.EngineVersion == "" || result.Backend.Type != "managed" ||
		result.InitReused {
		t.Fatalf("%+v", result)
	}
	applied := f.startApply(in).wait()
	must(t, applied, job.Succeeded, "", "")
	if applied.Serial == 0 || applied.Lineage == "" {
		t.Fatalf("%+v", applied)
	}
	state, err := os.ReadFile(filepath.Join(r.workspaceDir(), "terraform.tfstate"))
	if err != nil || !strings.Contains(string(state), `"three"`) {
		t.Fatalf("state: %s, %v", state, err)
	}
	snapshots, _ := filepath.Glob(filepath.Join(r.workspaceDir(), "snapshots", "*.age"))
	if len(snapshots) != 1 || string(r.decrypt(snapshots[0])) != string(state) {
		t.Fatalf("snapshots: %v", snapshots)
	}
	_, again := r.plan(in)
	must(t, again, job.Succeeded, "", "")
	if again.Plan.HasChanges() || !again.InitReused {
		t.Fatalf("%+v", again)
	}
	_, destroy := r.plan(in, func(j *job.Job, _ *job.Secrets) { j.Destroy = true })
	if !destroy.Plan.Destroy || destroy.Plan.Counts.Delete != 1 {
		t.Fatalf("%+v", destroy.Plan)
	}
}

// passes reports whether engines that run as other users have to pass there, or to read it.
func (r *rig) passes(path string, info os.FileInfo) bool {
	if r.local.Sandbox().Level != sandbox.Users {
		return false
	}
	rel, _ := filepath.Rel(r.base, path)
	mode := map[string]os.FileMode{"cache": 0o711, "runs": 0o711, "workspaces": 0o711, "cache/providers": 0o755,
		"cache/cli.tfrc": 0o644}[rel]
	return info.Mode().Perm() == mode
}

func TestEverythingIsOwnerOnly(t *testing.T) {
	r := newRig(t, map[string]string{"main.tf": simple})
	f := r.planned()
	must(t, f.startApply().wait(), job.Succeeded, "", "")
	err := filepath.Walk(r.base, func(path string, info os.FileInfo, err error) error {
		if err != nil || path == r.base {
			return err
		}
		if info.Mode().Perm()&0o077 != 0 && info.Mode()&os.ModeSymlink == 0 && !r.passes(path, info) {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		if info.IsDir() && (info.Mode().Perm()&0o077 == 0) { // nobody else gets to what is below
			return filepath.SkipDir
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestRefusesAnyOtherPlan(t *testing.T) {
	r := newRig(t, map[string]string{"main.tf": simple})
	f := r.planned()
	for name, change := range map[string]option{
		"another plan": func(_ *job.Job, s *job.Secrets) { s.Plan = append([]byte{}, append(s.Plan, 0)...) },
		"no plan":      func(_ *job.Job, s *job.Secrets) { s.Plan = nil },
		"no approval":  func(j *job.Job, _ *job.Secrets) { j.PlanDigest = "" },
	} {
		t.Run(name, func(t *testing.T) {
			apply := f.startApply(change)
			must(t, apply.wait(), job.Failed, job.CauseBadInput, "not the one that was approved")
			if durable.Exists(filepath.Join(apply.dir, job.StartedFile)) {
				t.Fatal("the engine was started")
			}
		})
	}
}

func TestStalePlan(t *testing.T) {
	r := newRig(t, map[string]string{"main.tf": simple})
	first, second := r.planned(), r.planned()
	must(t, first.startApply().wait(), job.Succeeded, "", "")
	must(t, second.startApply().wait(), job.Failed, job.CauseStale, "stale")
}

func TestAnApplyIsNeverStartedTwice(t *testing.T) {
	r := newRig(t, map[string]string{"main.tf": simple})
	f := r.planned()
	apply := f.startApply()
	must(t, apply.wait(), job.Succeeded, "", "")
	err := r.local.Start(t.Context(), apply.dir, apply.job, job.Secrets{Env: r.env, Plan: f.openPlan()})
	if !fault.Is(err, fault.Conflict) {
		t.Fatalf("got %v", err)
	}
}

func TestAnotherAttemptOfAPlan(t *testing.T) {
	r := newRig(t, map[string]string{"main.tf": `resource "x" {`})
	f, result := r.plan()
	must(t, result, job.Failed, job.CauseEngine, "")
	r.write("main.tf", simple)
	f.job.Checkout = r.checkout()
	if err := os.RemoveAll(f.job.Ground); err != nil { // as the daemon does before each plan
		t.Fatal(err)
	}
	again := r.start(f.dir, f.job, job.Secrets{Env: r.env})
	must(t, again.wait(), job.Succeeded, "", "")
	if strings.Contains(again.read(job.EventsFile), "Unclosed") {
		t.Fatal("the log of the earlier attempt is still there")
	}
}

func TestTerraformWorkspaces(t *testing.T) {
	r := newRig(t, map[string]string{"main.tf": `resource "terraform_data" "a" { input = terraform.workspace }`})
	for _, name := range []string{"blue", "green"} {
		in := func(j *job.Job, _ *job.Secrets) { j.TerraformWorkspace = name }
		f, result := r.plan(in)
		must(t, result, job.Succeeded, "", "")
		must(t, f.startApply(in).wait(), job.Succeeded, "", "")
		state, err := os.ReadFile(filepath.Join(r.workspaceDir(), "terraform.tfstate.d", name, "terraform.tfstate"))
		if err != nil || !strings.Contains(string(state), `"`+name+`"`) {
			t.Fatalf("%s: %s, %v", name, state, err)
		}
		if want := filepath.Join(r.workspaceDir(), "terraform.tfstate.d", name,
			"terraform.tfstate"); result.Backend.Config["path"] != want {
			t.Fatalf("%+v", result.Backend)
		}
	}
	_, back := r.plan(func(j *job.Job, _ *job.Secrets) { j.TerraformWorkspace = "blue" })
	if back.Plan == nil || back.Plan.HasChanges() {
		t.Fatalf("blue again: %+v", back)
	}
	if durable.Exists(filepath.Join(r.workspaceDir(), "terraform.tfstate")) {
		t.Fatal("the default workspace was touched")
	}
}

func TestBackendOfTheRepository(t *testing.T) {
	r := newRig(t, nil)
	state := filepath.Join(r.given(), "elsewhere", "x.tfstate")
	r.write("main.tf", "terraform {\n  backend \"local\" {\n    path = \""+state+"\"\n  }\n}\n"+simple)
	f, result := r.plan()
	must(t, result, job.Succeeded, "", "")
	if result.Backend.Type != "local" || result.Backend.Config["path"] != state {
		t.Fatalf("%+v", result.Backend)
	}
	must(t, f.startApply().wait(), job.Succeeded, "", "")
	if !durable.Exists(state) || durable.Exists(f.wrote(backend.OverrideFile)) {
		t.Fatal("the backend was not used as it is")
	}
	_, result = r.plan(func(j *job.Job, _ *job.Secrets) { j.TerraformWorkspace = "blue" })
	must(t, result, job.Failed, job.CauseBadInput, "workspace_dir")
}

func TestOverrideDoesNotClash(t *testing.T) {
	mine := `{"locals": {"x": 1}}`
	r := newRig(t, map[string]string{"main.tf": simple + "locals {\n  x = 2\n}\n", backend.OverrideFile: mine})
	f := r.planned()
	must(t, f.startApply().wait(), job.Succeeded, "", "")
	if durable.Exists(f.wrote(backend.OverrideFile)) {
		t.Fatal("the repository's file was changed")
	}
	if !durable.Exists(filepath.Join(r.workspaceDir(), "terraform.tfstate")) {
		t.Fatal("no managed state")
	}
}

func TestDiagnosticsHaveTheirPlace(t *testing.T) {
	r := newRig(t, map[string]string{"main.tf": "resource \"terraform_data\" \"a\" {\n  input = var.nope\n}\n"})
	_, result := r.plan()
	must(t, result, job.Failed, job.CauseEngine, "Reference to undeclared input variable (main.tf line 2)")
	d := result.Diagnostics[0]
	if d.Severity != "error" || d.File != "main.tf" || d.Line != 2 || d.Column != 11 ||
		!strings.Contains(d.Snippet, "var.nope") || d.Context == "" || d.Detail == "" {
		b, _ := json.Marshal(d)
		t.Fatalf("%s", b)
	}
}

func TestInitIsSkippedAndFallsBack(t *testing.T) {
	calling := func(more string) string { return simple + "module \"m\" {\n  source = \"./m\"\n" + more + "}\n" }
	r := newRig(t, map[string]string{"main.tf": calling(""), "m/main.tf": simple + "variable \"v\" { default = 1 }\n"})
	if _, first := r.plan(); first.InitReused || first.Outcome != job.Succeeded {
		t.Fatalf("%+v", first)
	}
	for _, more := range []string{"  v = 2\n", "  v = 3\n  count = 2\n", "  depends_on = [terraform_data.a]\n",
		"  # a comment\n"} {
		r.write("main.tf", calling(more)) // what a module is called with is of no matter for init
		if _, result := r.plan(); !result.InitReused || result.Outcome != job.Succeeded {
			t.Fatalf("called with %q: %+v", more, result)
		}
	}
	r.write("other.tf", "locals { y = 1 }\n") // of no matter for init
	if _, second := r.plan(); !second.InitReused || second.Outcome != job.Succeeded {
		t.Fatalf("%+v", second)
	}
	for lost, without := range map[string]func(*ground.KeptInit){
		"modules": func(k *ground.KeptInit) { k.Manifest = nil },
		"backend": func(k *ground.KeptInit) { k.Backend = json.RawMessage(`{"version": 3}`) },
	} {
		kept, ok := ground.ReadKept(r.workspaceDir())
		if !ok {
			t.Fatal("nothing was kept")
		}
		without(&kept)
		if err := kept.Write(r.workspaceDir()); err != nil {
			t.Fatal(err)
		}
		f, result := r.plan()
		must(t, result, job.Succeeded, "", "")
		if result.InitReused || len(diagnostics.ErrorsOf(result.Diagnostics)) > 0 ||
			!strings.Contains(f.read(job.EventsFile), "does not fit any more") {
			t.Fatalf("%s: %+v", lost, result)
		}
	}
	torn, err := os.ReadFile(ground.KeptInitFile(r.workspaceDir()))
	if err != nil {
		t.Fatal(err)
	}
	// a power cut, a full disk, rot
	for _, left := range [][]byte{nil, torn[:len(torn)/2], append([]byte("x"), torn...)} {
		if err := os.WriteFile(ground.KeptInitFile(r.workspaceDir()), left, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, result := r.plan(); result.InitReused || result.Outcome != job.Succeeded {
			t.Fatalf("%d bytes left: %+v", len(left), result)
		}
	}
	r.write("module.tf", "module \"n\" {\n  source = \"./m\"\n}\n")
	if _, changed := r.plan(); changed.InitReused || changed.Outcome != job.Succeeded {
		t.Fatalf("%+v", changed)
	}
}
