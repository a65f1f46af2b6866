package runner

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/durable"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/backend"
	"github.com/tfops/tfops/internal/workspace"
)

// What is planned on another server is refused before init, which would ask that
// server; with a managed backend in its place it works, and so does any other.
func TestRemoteRunsAreRefused(t *testing.T) {
	for name, block := range map[string]string{
		"a cloud block": "terraform {\n  cloud {\n    organization = \"acme\"\n    workspaces {\n      name = " +
			"\"app\"\n    }\n  }\n}\n",
		`backend "remote"`: "terraform {\n  backend \"remote\" {\n    organization = \"acme\"\n    workspaces {\n   " +
			"   prefix = \"app-\"\n    }\n  }\n}\n",
	} {
		t.Run(strings.Fields(name)[1], func(t *testing.T) {
			r := newRig(t, map[string]string{"main.tf": block + simple})
			_, result := r.plan()
			must(t, result, job.Failed, job.CauseBadInput, name)
			if !strings.Contains(result.Next, `backend = "managed"`) {
				t.Errorf("next is %q", result.Next)
			}
			managed := func(j *job.Job, _ *job.Secrets) { j.Backend = workspace.ManagedBackend }
			must(t, r.planned(managed).startApply(managed).wait(), job.Succeeded, "", "")
			if _, err := os.Stat(filepath.Join(r.workspaceDir(), backend.ManagedStateFile)); err != nil {
				t.Error(err)
			}
		})
	}
	r := newRig(t, nil)
	r.write("main.tf", "terraform {\n  backend \"local\" {\n    path = \""+filepath.Join(r.given(), "own.tfstate")+
		"\"\n  }\n}\n"+simple)
	managed := func(j *job.Job, _ *job.Secrets) { j.Backend = workspace.ManagedBackend }
	must(t, r.planned(managed).startApply(managed).wait(), job.Succeeded, "", "")
	if durable.Exists(filepath.Join(r.given(), "own.tfstate")) ||
		!durable.Exists(filepath.Join(r.workspaceDir(), backend.ManagedStateFile)) {
		t.Error("the managed state did not take the place of the repository's backend")
	}
}
