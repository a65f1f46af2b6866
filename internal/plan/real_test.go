package plan_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/tfops/tfops/internal/plan"
)

var (
	update = flag.Bool("update", false, "write the golden files from the plan JSON in testdata")
	remake = flag.Bool("remake", false, "make the plan JSON in testdata with the real terraform, then do as -update")
)

// terraform runs the real engine in dir and returns its stdout.
func terraform(t *testing.T, dir string, args ...string) []byte {
	t.Helper()
	rc := filepath.Join(t.TempDir(), "terraformrc")
	if err := os.WriteFile(rc, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("terraform", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TF_CLI_CONFIG_FILE="+rc, "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("terraform %v: %v\n%s%s", args, err, out, stderr.Bytes())
	}
	return out
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// planJSON makes a plan and returns `terraform show -json` of it without the
// parts that repeat it.
func planJSON(t *testing.T, dir string, args ...string) []byte {
	t.Helper()
	terraform(t, dir, append([]string{"plan", "-no-color", "-out=p"}, args...)...)
	var doc map[string]json.RawMessage
	if err := json.Unmarshal(terraform(t, dir, "show", "-json", "p"), &doc); err != nil {
		t.Fatal(err)
	}
	delete(doc, "planned_values")
	delete(doc, "prior_state")
	b, err := json.MarshalIndent(doc, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return append(b, '\n')
}

// scenario makes the plans of one directory of testdata/cases.
func scenario(t *testing.T, name string) map[string][]byte {
	t.Helper()
	src, dir := filepath.Join("testdata", "cases", name), t.TempDir()
	switch name {
	case "kinds":
		copyFile(t, filepath.Join(src, "before.tf"), filepath.Join(dir, "main.tf"))
		copyFile(t, filepath.Join(src, "m", "main.tf"), filepath.Join(dir, "m", "main.tf"))
		terraform(t, dir, "init", "-no-color")
		terraform(t, dir, "apply", "-no-color", "-auto-approve")
		terraform(t, dir, "taint", "-no-color", "terraform_data.tainted")
		copyFile(t, filepath.Join(src, "after.tf"), filepath.Join(dir, "main.tf"))
		terraform(t, dir, "init", "-no-color")
		return map[string][]byte{"kinds": planJSON(t, dir, "-replace=terraform_data.requested")}
	default:
		copyFile(t, filepath.Join(src, "main.tf"), filepath.Join(dir, "main.tf"))
		terraform(t, dir, "init", "-no-color")
		plans := map[string][]byte{name + "_create": planJSON(t, dir)}
		terraform(t, dir, "apply", "-no-color", "-auto-approve")
		plans[name+"_none"] = planJSON(t, dir)
		plans[name+"_update"] = planJSON(t, dir, "-var=v=2")
		plans[name+"_destroy"] = planJSON(t, dir, "-destroy")
		return plans
	}
}

// remakeAll makes the plan JSON that the golden test reads. Plans hold ids that
// differ every time, so it is done only when asked for.
func remakeAll(t *testing.T) {
	t.Helper()
	for _, name := range []string{"values", "kinds", "secrets"} {
		for file, raw := range scenario(t, name) {
			if err := os.WriteFile(filepath.Join("testdata", file+".json"), raw, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestGolden pins what is read of plans that real engines made. aws_update is
// of a provider with blocks, errored of a plan that failed; the others are made
// from testdata/cases.
func TestGolden(t *testing.T) {
	if *remake {
		remakeAll(t)
	}
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) < 11 {
		t.Fatalf("testdata holds %d plans (%v)", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			p, _, err := plan.Read(raw, plan.Digest([]byte("a plan file")), plan.Known{})
			if err != nil {
				t.Fatal(err)
			}
			got, err := json.MarshalIndent(p, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			golden := file[:len(file)-len(".json")] + ".golden"
			if *update || *remake {
				if err := os.WriteFile(golden, append(got, '\n'), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if string(got)+"\n" != string(want) {
				t.Errorf("differs from %s (-update writes it):\n%s", golden, got)
			}
			if bytes.Contains(got, []byte("CANARY")) {
				t.Errorf("a secret is in the plan:\n%s", got)
			}
		})
	}
}

// TestReal reads what the terraform at hand makes now, so that a change of its
// JSON shows.
func TestReal(t *testing.T) {
	p, _, err := plan.Read(scenario(t, "kinds")["kinds"], "sha256:x", plan.Known{})
	if err != nil {
		t.Fatal(err)
	}
	want := plan.Counts{Add: 2, Change: 3, Delete: 4, Replace: 3, Import: 2, Move: 3, Forget: 1, Read: 1, Outputs: 2}
	if p.Counts != want {
		t.Errorf("counts %+v, want %+v", p.Counts, want)
	}
	if !p.Applyable || !p.Complete || p.Errored || p.Destroy {
		t.Errorf("applyable %v, complete %v, errored %v, destroy %v", p.Applyable, p.Complete, p.Errored, p.Destroy)
	}
	for file, raw := range scenario(t, "secrets") {
		p, _, err := plan.Read(raw, "sha256:x", plan.Known{})
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte("CANARY")) {
			t.Errorf("%s: a secret is in the plan: %s", file, b)
		}
		if destroy := file == "secrets_destroy"; p.Destroy != destroy {
			t.Errorf("%s: destroy is %v", file, p.Destroy)
		}
		if none := file == "secrets_none"; p.HasChanges() == none {
			t.Errorf("%s: has changes is %v", file, p.HasChanges())
		}
	}
}
