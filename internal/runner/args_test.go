package runner

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/job"
)

// logged is an engine that notes its arguments in a file.
func logged(t *testing.T, r *rig) (engine, args string) {
	t.Helper()
	terraform, err := exec.LookPath("terraform")
	if err != nil {
		t.Fatal(err)
	}
	engine, args = filepath.Join(r.given(), "terraform"), filepath.Join(r.given(), "args")
	script := fmt.Sprintf("#!/bin/sh\necho \"$@\" >> %q\nexec %q \"$@\"\n", args, terraform)
	if err := os.WriteFile(engine, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return engine, args
}

// parallelism reaches plan and apply; without it the engine's own holds.
func TestParallelism(t *testing.T) {
	r := newRig(t, map[string]string{"main.tf": simple})
	engine, args := logged(t, r)
	for n, want := range map[int]string{0: "-parallelism=10", 3: "-parallelism=3"} {
		if err := os.RemoveAll(args); err != nil {
			t.Fatal(err)
		}
		f := r.planned(func(j *job.Job, _ *job.Secrets) { j.Engine.Path, j.Parallelism = engine, n })
		must(t, f.startApply().wait(), job.Succeeded, "", "")
		b, err := os.ReadFile(args)
		if err != nil {
			t.Fatal(err)
		}
		for _, command := range []string{"plan ", "apply "} {
			found := false
			for line := range strings.Lines(string(b)) {
				found = found || strings.HasPrefix(line, command) && strings.Contains(line+" ", want+" ")
			}
			if !found {
				t.Errorf("%d: %s has no %s:\n%s", n, command, want, b)
			}
		}
	}
}

// engine_version counts beside the engine block's and the module's.
func TestEngineVersionOfAWorkspace(t *testing.T) {
	r := newRig(t, map[string]string{"main.tf": simple})
	engine, _ := logged(t, r)
	_, res := r.plan(func(j *job.Job, _ *job.Secrets) {
		j.Engine.Path, j.Engine.Version, j.EngineVersion = engine, ">= 1.0", "< 1.0"
	})
	must(t, res, job.Failed, job.CauseNoEngine, "engine_version of the workspace")
	_, res = r.plan(func(j *job.Job, _ *job.Secrets) {
		j.Engine.Path, j.Engine.Version, j.EngineVersion = engine, ">= 1.0", ">= 1.1, < 99"
	})
	must(t, res, job.Succeeded, "", "")
}
