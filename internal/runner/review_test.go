package runner

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/durable"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/backend"
	"github.com/tfops/tfops/internal/runner/diagnostics"
	"github.com/tfops/tfops/internal/testrig"
)

// Providers that a repository brings along are used for that repository and
// never end up in the cache that all workspaces share: there they would be
// run with other workspaces' credentials, or be links to a checkout that is gone.
func TestRepositorysProvidersStayOutOfTheCache(t *testing.T) {
	if !testrig.Long(t, "providers of a repository") {
		return
	}
	mirror := filepath.Join(filepath.Dir(testrig.Provider(t)), "mirror")
	r := newRig(t, map[string]string{"main.tf": testrig.RequiredProviders + `provider "lab" { world = ` + "\"" + t.TempDir() + "\" }\n" + simple})
	if err := os.CopyFS(filepath.Join(r.tree, "terraform.d", "plugins"), os.DirFS(mirror)); err != nil {
		t.Fatal(err)
	}
	f := r.planned()
	var found []string
	cache := filepath.Join(f.job.CacheDir, "providers")
	err := filepath.WalkDir(cache, func(path string, _ fs.DirEntry, err error) error {
		if path != cache {
			found = append(found, path)
		}
		return err
	})
	if err != nil || len(found) > 0 {
		t.Fatalf("in the shared cache: %q %v", found, err)
	}
	if result := f.startApply().wait(); result.Outcome != job.Succeeded {
		t.Fatalf("apply: %+v", result)
	}
	// The next commit's tree is another one, and what the last init linked to is gone.
	if err := os.RemoveAll(f.job.Checkout); err != nil {
		t.Fatal(err)
	}
	r.planned()
}

// However a repository names its files, a root module without a backend keeps
// its state in the managed place, or is refused.
func TestManagedStateCannotBeOverridden(t *testing.T) {
	elsewhere := filepath.Join(t.TempDir(), "elsewhere.tfstate")
	kind := `terraform { 
  backend "local" { path = "` + elsewhere + `" }
}`
	for name, files := range map[string]map[string]string{
		"a file that looks like an editor's": {"#backend.tf": kind},
		"an override that comes later":       {"zzz_override.tf": kind},
		"an override that claims to be ours": {"zz_tfops_5_override.tf.json": `{"//": "` + backend.OverrideMark +
			`", "terraform": {"backend": {"local": {"path": "` + elsewhere + `"}}}}`, backend.OverrideFile: "{}"},
	} {
		t.Run(name, func(t *testing.T) {
			files["main.tf"] = simple
			r := newRig(t, files)
			f, result := r.plan(func(j *job.Job, _ *job.Secrets) {
				j.Cell.Write = append(j.Cell.Write, filepath.Dir(elsewhere))
			})
			if result.Outcome != job.Succeeded {
				return // refused
			}
			applied := f.startApply().wait()
			if applied.Outcome != job.Succeeded {
				t.Fatalf("apply: %+v", applied)
			}
			path, _ := applied.Backend.Config["path"].(string)
			if strings.HasPrefix(name, "a file") && path != elsewhere {
				t.Errorf("the repository's backend was not used: %+v", applied.Backend)
			}
			if applied.Backend.Type != result.Backend.Type || result.Backend.Config["path"] != path {
				t.Errorf("the plan's state was %+v, the apply's %+v", result.Backend, applied.Backend)
			}
			if _, err := os.Stat(path); err != nil {
				t.Errorf("the state is said to be %+v: %v", applied.Backend, err)
			}
		})
	}
}

// Where a file of the repository has the override's name, the apply goes by
// the same state as the plan.
func TestOverrideBesideOneOfTheRepository(t *testing.T) {
	r := newRig(t, map[string]string{"main.tf": simple, backend.OverrideFile: "{}"})
	f := r.planned()
	result := f.startApply().wait()
	if result.Outcome != job.Succeeded || result.Backend.Type != "managed" || result.Serial == 0 {
		t.Fatalf("%+v", result)
	}
}

// An errored.tfstate that somebody committed is no evidence of this apply.
func TestCommittedErroredState(t *testing.T) {
	r := newRig(t, map[string]string{"main.tf": simple, backend.ErroredState: `{"version": 4}`})
	f := r.planned().startApply()
	if result := f.wait(); result.Outcome != job.Succeeded || result.ErroredState != "" || result.Message != "" {
		t.Fatalf("%+v", result)
	}
	if durable.Exists(filepath.Join(f.dir, job.ErroredStateFile)) {
		t.Error("evidence was made of it")
	}
}

// A stray state of a named Terraform workspace is as telling as one of the default.
func TestStrayStateOfATerraformWorkspace(t *testing.T) {
	r := newRig(t, map[string]string{"main.tf": simple, "terraform.tfstate.d/blue/terraform.tfstate": `{"version": 4}`})
	_, result := r.plan(func(j *job.Job, _ *job.Secrets) { j.TerraformWorkspace = "blue" })
	must(t, result, job.Failed, job.CauseBadInput, "terraform.tfstate.d/blue/terraform.tfstate")
}

// A workspace's state is never kept in the directory of another one.
func TestLocalBackendInAnothersDirectory(t *testing.T) {
	r := newRig(t, nil)
	r.write("main.tf", `terraform {
  backend "local" { path = "`+filepath.Join(filepath.Dir(r.workspaceDir()), "other", backend.ManagedStateFile)+`" }
}
`+simple)
	_, result := r.plan(func(j *job.Job, _ *job.Secrets) {})
	must(t, result, job.Failed, job.CauseBadInput, "belongs to tfops")
}

// Nothing that may hold a credential is part of what names a state, in a type
// of backend that tfops does not know either.
func TestUnknownBackendHidesCredentials(t *testing.T) {
	b := backend.Naming("artifactory", map[string]any{"url": "https://me:canary@host/path?sig=canary", "repo": "r",
		"nested": []any{map[string]any{"api_token": "canary", "name": "n"}}}, nil, nil)
	text := diagnostics.JsonText(b, false)
	if strings.Contains(text, "canary") || !strings.Contains(text, "https://host/path") || !strings.Contains(text, `"name":"n"`) {
		t.Error(text)
	}
}
