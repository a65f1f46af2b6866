package runner

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/redact"
	"github.com/tfops/tfops/internal/runner/diagnostics"
)

const canary = `canary"<é>\x` // needs escaping in JSON

// A secret is nowhere on the disk but in the managed state and in the
// engine's own data directory.
func TestSecretsStayOffTheDisk(t *testing.T) {
	r := newRig(t, map[string]string{"main.tf": `
variable "password" {}
resource "terraform_data" "a" {
  input = { x = sensitive("canary-sensitive"), y = var.password }
}
output "o" {
  value     = terraform_data.a.output
  sensitive = true
}
output "plain" { value = "see ${var.password}" }
check "c" {
  assert {
    condition     = var.password == ""
    error_message = "it is ${var.password}"
  }
}
` + provisioned(`echo "env: $CANARY"; echo "env: $CANARY" >&2`)})
	secret := func(_ *job.Job, s *job.Secrets) {
		s.Variables = fmt.Sprintf("password = %q\n", canary)
		s.Env["CANARY"] = "canary-env"
		s.Mask = []string{"canary-env", canary}
	}
	f, result := r.plan(secret)
	must(t, result, job.Succeeded, "", "")
	for _, path := range []string{filepath.Join(filepath.Dir(f.job.PlanFile), job.HiddenFile),
		job.HiddenCopy(f.job.WorkspaceDir, f.job.Run, false)} { // for the masks of later phases
		if got := string(f.decrypt(path)); got != `["canary-sensitive"]` {
			t.Errorf("the engine hides, says %s: %s", path, got)
		}
	}
	apply := f.startApply(secret)
	must(t, apply.wait(), job.Succeeded, "", "")
	if !strings.Contains(apply.read(job.EventsFile), "env: "+plan.Sensitive) {
		t.Fatalf("the provisioner's line is not in the log: %s", apply.read(job.EventsFile))
	}
	_, failed := r.plan(secret, func(_ *job.Job, s *job.Secrets) { s.Variables += "other = 1\npassword = 2\n" })
	if failed.Outcome != job.Failed {
		t.Fatalf("%+v", failed)
	}

	seen := 0
	err := filepath.Walk(r.base, func(path string, info os.FileInfo, err error) error {
		if err != nil || !info.Mode().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		found := slices.ContainsFunc([]string{"canary-env", "canary-sensitive", canary, `canary\"`},
			func(s string) bool { return bytes.Contains(b, []byte(s)) })
		rel, _ := filepath.Rel(r.workspaceDir(), path)
		mayHold := rel == "terraform.tfstate" || rel == "terraform.tfstate.backup" || filepath.Base(path) == "main.tf"
		if found && !mayHold {
			t.Errorf("%s holds a secret: %.300s", path, b)
		}
		if found {
			seen++
		}
		return nil
	})
	if err != nil || seen < 2 { // main.tf and the state: else the search finds nothing at all
		t.Fatalf("%v, found in %d files", err, seen)
	}
}

// What the engine starts sees what it was given and nothing of the daemon's.
func TestEnvironmentIsIsolated(t *testing.T) {
	t.Setenv("DAEMON_SECRET", "daemon")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "daemon")
	t.Setenv("TF_VAR_input", "daemon")
	r := newRig(t, nil)
	r.write("main.tf", simple+provisioned("env > "+r.given()+
		"/env; cat /proc/[0-9]*/environ > "+r.given()+
		"/parents; true"))
	give := func(_ *job.Job, s *job.Secrets) { s.Env["GIVEN"] = "yes" }
	f := r.planned(give)
	apply := f.startApply(give)
	must(t, apply.wait(), job.Succeeded, "", "")
	env, err := os.ReadFile(filepath.Join(r.given(), "env"))
	if err != nil {
		t.Fatal(err)
	}
	parents, err := os.ReadFile(filepath.Join(r.given(), "parents"))
	if err != nil || len(parents) == 0 {
		t.Fatal("the parents' environments were not read", err)
	}
	if bytes.Contains(append(env, parents...), []byte("daemon")) {
		t.Errorf("the daemon's variables are seen:\n%s\n%q", env, parents)
	}
	for _, want := range []string{"GIVEN=yes\n", "TFOPS_RUN_ID=" + apply.job.Run + "\n", "CHECKPOINT_DISABLE=1\n",
		"TF_IN_AUTOMATION=1\n", "HOME="} {
		if !bytes.Contains(env, []byte(want)) {
			t.Errorf("%q is missing in\n%s", want, env)
		}
	}
}

// FuzzMask: whatever the secret and the text around it, an event stays an
// event and shows nothing of a secret that is long enough.
func FuzzMask(f *testing.F) {
	f.Add("hunter2", "the password is ", " indeed")
	f.Add("a\"b\\c\n<d>\u2028", "{\"", "\"}")
	f.Add("typetype", "type", "@level")
	f.Fuzz(func(t *testing.T, secret, before, after string) {
		secret, before, after = strings.ToValidUTF8(secret, "?"), strings.ToValidUTF8(before, "?"),
			strings.ToValidUTF8(after, "?")
		if len(secret) < redact.Shortest || strings.Contains(plan.Sensitive, secret) {
			return
		}
		inner, _ := json.Marshal(map[string]string{"v": before + secret + after})
		line, _ := json.Marshal(map[string]any{"type": "log", "@level": "info", "@message": before + secret + after,
			"list": []string{secret, string(inner)}})
		got := diagnostics.NewMasker([]string{secret}).Event(line)
		var event map[string]any
		if err := json.Unmarshal(got, &event); err != nil || event["type"] != "log" || event["@level"] != "info" {
			t.Fatalf("no event any more: %s, %v", got, err)
		}
		if text := event["@message"].(string); strings.Contains(strings.ReplaceAll(text, plan.Sensitive, "\x00"),
			secret) {
			t.Fatalf("%q is still in %q", secret, text)
		}
	})
}
