package runner

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/tfops/tfops/internal/durable"
	"github.com/tfops/tfops/internal/job"
)

func TestBadInput(t *testing.T) {
	pointer := "version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 1\n"
	in := func(dir string, files ...string) option {
		return func(j *job.Job, _ *job.Secrets) { j.Dir, j.VarFiles = dir, files }
	}
	env := func(name string) option {
		return func(_ *job.Job, s *job.Secrets) { s.Env = map[string]string{name: "x"} }
	}
	tests := map[string]struct {
		files map[string]string
		in    option
		cause job.Cause
		text  string
	}{
		"no directory":       {nil, in("nope"), job.CauseBadInput, "no directory nope"},
		"a file":             {nil, in("main.tf"), job.CauseBadInput, "not a directory"},
		"a way out":          {nil, in("../home"), job.CauseBadInput, "leads out of the repository"},
		"no configuration":   {map[string]string{"x/README": ""}, in("x"), job.CauseBadInput, "no configuration"},
		"no var file":        {nil, in(".", "nope.tfvars"), job.CauseBadInput, "no var file nope.tfvars"},
		"var file elsewhere": {nil, in(".", "../home"), job.CauseBadInput, "leads out of the repository"},
		"var file is a dir":  {map[string]string{"d/x": ""}, in(".", "d"), job.CauseBadInput, "not a file"},
		"a submodule": {map[string]string{".gitmodules": "[submodule \"s\"]\n\tpath = sub\n"}, in("sub/x"),
			job.CauseBadInput, "Git submodule sub"},
		"module in submodule": {map[string]string{".gitmodules": "[submodule \"s\"]\n\tpath = sub\n",
			"m.tf": "module \"m\" {\n  source = \"./sub/m\"\n}"}, in("."), job.CauseBadInput, "Git submodule sub"},
		"LFS pointer": {map[string]string{"big.tf": pointer}, in("."), job.CauseBadInput,
			"big.tf is a Git LFS pointer"},
		"LFS var file": {map[string]string{"a.tfvars": pointer}, in(".", "a.tfvars"), job.CauseBadInput,
			"Git LFS pointer"},
		"relative local state": {map[string]string{"b.tf": "terraform {\n  backend \"local\" {\n    path = " +
			"\"x.tfstate\"\n  }\n}\n"}, in("."), job.CauseBadInput, "the state would be lost"},
		"local by default": {map[string]string{"b.tf": "terraform {\n  backend \"local\" {}\n}\n"}, in("."),
			job.CauseBadInput, "the state would be lost"},
		"local in JSON": {map[string]string{"b.tf.json": `{"terraform": {"backend": {"local": {"path": "x"}}}}`},
			in("."), job.CauseBadInput, "the state would be lost"},
		"a state in the tree": {map[string]string{"terraform.tfstate": "{}"}, in("."), job.CauseBadInput,
			"terraform.tfstate"},
		"TF_VAR_":          {nil, env("TF_VAR_x"), job.CauseBadInput, "TF_VAR_x"},
		"TF_LOG":           {nil, env("TF_LOG"), job.CauseBadInput, "TF_LOG"},
		"TF_WORKSPACE":     {nil, env("TF_WORKSPACE"), job.CauseBadInput, "TF_WORKSPACE"},
		"TF_CLI_ARGS_plan": {nil, env("TF_CLI_ARGS_plan"), job.CauseBadInput, "TF_CLI_ARGS_plan"},
		"TF_DATA_DIR":      {nil, env("TF_DATA_DIR"), job.CauseBadInput, "TF_DATA_DIR"},
		"asked for input": {map[string]string{"v.tf": `variable "need" {}`}, in("."), job.CauseEngine,
			"No value for required variable"},
		"no such engine": {map[string]string{"v.tf": `terraform { required_version = "~> 0.1.0" }`},
			func(j *job.Job, _ *job.Secrets) { j.Engine.ReleaseURL = "http://127.0.0.1:1" }, "", "terraform"},
		"wrong HCL": {map[string]string{"v.tf": `resource "x" {`}, in("."), job.CauseEngine,
			"Unclosed configuration block (v.tf line 1)"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, tt.files)
			if name != "no configuration" {
				r.write("main.tf", simple)
			}
			f, result := r.plan(tt.in)
			if tt.cause == "" {
				tt.cause = result.Cause
				if result.Cause != job.CauseNoEngine && result.Cause != job.CauseNetwork {
					t.Fatalf("%+v", result)
				}
			}
			must(t, result, job.Failed, tt.cause, tt.text)
			if result.Next == "" && tt.cause != job.CauseEngine {
				t.Errorf("no next step: %+v", result)
			}
			if durable.Exists(filepath.Join(f.dir, "plan.json")) {
				t.Error("a plan was made")
			}
		})
	}
}

// TestLeftOut: what lies on a path that was left out of the checkout is refused
// with the reason, also where a link that is there leads to it.
func TestLeftOut(t *testing.T) {
	left := func(path string) option {
		return func(j *job.Job, _ *job.Secrets) {
			j.LeftOut = []job.LeftOut{{Path: path, Why: "a symbolic link that points outside the repository"}}
		}
	}
	for name, c := range map[string]struct {
		files map[string]string
		link  string
		in    option
		path  string
	}{
		"directory":       {nil, "", func(j *job.Job, _ *job.Secrets) { j.Dir = "out" }, "out"},
		"directory below": {nil, "", func(j *job.Job, _ *job.Secrets) { j.Dir = "out/a/b" }, "out"},
		"var file": {nil, "", func(j *job.Job, _ *job.Secrets) { j.VarFiles = []string{"x.tfvars"} },
			"x.tfvars"},
		"var file, a link": {map[string]string{"vars/y.tfvars": ""}, "vars",
			func(j *job.Job, _ *job.Secrets) { j.VarFiles = []string{"link/x.tfvars"} }, "vars/x.tfvars"},
		"module": {map[string]string{"m.tf": "module \"m\" {\n  source = \"./mods/m\"\n}"}, "",
			func(*job.Job, *job.Secrets) {}, "mods"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, map[string]string{"main.tf": simple})
			for path, text := range c.files {
				r.write(path, text)
			}
			if c.link != "" {
				if err := os.Symlink(c.link, filepath.Join(r.tree, "link")); err != nil {
					t.Fatal(err)
				}
			}
			_, result := r.plan(c.in, left(c.path))
			must(t, result, job.Failed, job.CauseBadInput, "lies on "+c.path+", which is a symbolic link")
		})
	}
}

func TestSymlinkOutOfTheTree(t *testing.T) {
	r := newRig(t, map[string]string{"main.tf": simple})
	outside := filepath.Join(r.base, "secret.tfvars")
	if err := os.WriteFile(outside, []byte(`input = "x"`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(r.tree, "a.tfvars")); err != nil {
		t.Fatal(err)
	}
	_, result := r.plan(func(j *job.Job, _ *job.Secrets) { j.VarFiles = []string{"a.tfvars"} })
	must(t, result, job.Failed, job.CauseBadInput, "leads out of the repository")
}
