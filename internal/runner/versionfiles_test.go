package runner

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/durable"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/module"
)

// required_version of local modules counts; the message names the file.
func TestRequiredVersionOfLocalModules(t *testing.T) {
	tree := t.TempDir()
	for name, text := range map[string]string{
		"app/main.tf": "terraform {\n  required_version = \">= 1.4\"\n}\nmodule \"net\" {\n  " +
			"source = \"../modules/net\"\n}\n",
		"modules/net/main.tf": "terraform {\n  required_version = \"~> 1.9\"\n}\nmodule \"deep\" {\n  " +
			"source = \"./deep\"\n}\n",
		"modules/net/deep/versions.tf": "terraform {\n  required_version = \"< 99\"\n}\n",
		"unused/main.tf":               "terraform {\n  required_version = \"1.0.0\"\n}\n",
	} {
		path := filepath.Join(tree, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	m, err := module.Read(tree, filepath.Join(tree, "app"), false)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for i, v := range m.Required {
		got[m.From[i]] = v
	}
	want := map[string]string{"required_version in main.tf": ">= 1.4",
		"required_version in modules/net/main.tf": "~> 1.9", "required_version in modules/net/deep/versions.tf": "< 99"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// An apply asks for exactly the version that made its plan, and downloads nothing.
func TestApplyWithTheEngineOfThePlan(t *testing.T) {
	r := newRig(t, map[string]string{"main.tf": simple})
	f := r.planned()
	gone := f.startApply(func(j *job.Job, _ *job.Secrets) {
		j.Engine.Made, j.Engine.ReleaseURL = "1.5.6",
			"http://127.0.0.1:1"
	})
	must(t, gone.wait(), job.Failed, job.CauseStale, "terraform 1.5.6, which made the plan, is not here any more")
	if durable.Exists(filepath.Join(gone.dir, job.StartedFile)) {
		t.Error("the engine was started")
	}
	result, err := job.LoadResult(f.dir)
	if err != nil {
		t.Fatal(err)
	}
	must(t, f.startApply(func(j *job.Job, _ *job.Secrets) { j.Engine.Made = result.EngineVersion }).wait(),
		job.Succeeded, "", "")
}

func TestHasEngine(t *testing.T) {
	r := newRig(t, map[string]string{"main.tf": simple})
	_, j, secrets := r.planJob()
	f := r.planned()
	result, err := job.LoadResult(f.dir)
	if err != nil {
		t.Fatal(err)
	}
	j.Engine.Made = result.EngineVersion
	if err := r.local.HasEngine(t.Context(), j, secrets.Env); err != nil {
		t.Errorf("it is there: %v", err)
	}
	if err := r.local.HasEngine(t.Context(), j, map[string]string{"PATH": t.TempDir()}); err == nil ||
		!strings.Contains(err.Error(), "on PATH: none") {
		t.Errorf("it is on no PATH: %v", err)
	}
	j.Engine.Made = "1.5.6"
	if err := r.local.HasEngine(t.Context(), j, secrets.Env); err == nil || fault.Next(err) == "" {
		t.Errorf("another version made the plan: %v", err)
	}
	j.Engine.Made, j.Engine.Version = result.EngineVersion, "~> 99.0"
	if err := r.local.HasEngine(t.Context(), j, secrets.Env); err == nil {
		t.Error("the configuration forbids it by now")
	}
	// A version switcher answers in the module's directory: without that only the apply tells.
	shims := t.TempDir()
	if err := os.WriteFile(filepath.Join(shims, "terraform"), []byte("#!/bin/sh\nexit 1\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	j.Engine.Version, j.Checkout = "", filepath.Join(r.base, "gone")
	if err := r.local.HasEngine(t.Context(), j, map[string]string{"PATH": shims}); err != nil {
		t.Errorf("nobody can tell: %v", err)
	}
}
