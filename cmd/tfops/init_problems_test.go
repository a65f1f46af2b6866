package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// What init writes is what validate takes, whatever the repository is like: a
// module that is not there, and workspaces that read each other's states.
func TestInitIsValid(t *testing.T) {
	s := newShell(t)
	repo := checkout(t, "main")
	for _, dir := range []string{"broken", "one", "two", "envs/env"} {
		if err := os.MkdirAll("infra/"+dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(t, "infra/broken/main.tf", "terraform {\n  required_version = \">= 1.0\"\n}\nmodule \"m\" {\n  source = \"../gone\"\n}\n")
	for own, other := range map[string]string{"one": "two", "two": "one"} {
		write(t, "infra/"+own+"/main.tf", fmt.Sprintf("terraform {\n  backend \"s3\" {\n    bucket = \"b\"\n    key = %q\n  }\n}\n"+
			"data \"terraform_remote_state\" \"x\" {\n  backend = \"s3\"\n  config = {\n    bucket = \"b\"\n    key = %q\n  }\n}\n", own, other))
	}
	write(t, "infra/envs/main.tf", "terraform {\n  backend \"s3\" {}\n}\n")
	write(t, "infra/envs/env/prod.tfvars", "")
	write(t, "infra/envs/env/prod.tfbackend", "")
	write(t, "infra/envs/env/dev.tfbackend", "")
	work, err := repo.Worktree()
	if err == nil {
		err = work.AddWithOptions(&git.AddOptions{All: true})
	}
	if err == nil {
		_, err = work.Commit("all of it", &git.CommitOptions{Author: &object.Signature{Name: "Ana", Email: "ana@example.com"}})
	}
	if err != nil {
		t.Fatal(err)
	}
	out := s.ok("init", "infra", "--data-dir", t.TempDir())
	if !strings.Contains(out, "6 workspaces") || !strings.Contains(out, "Left out, with the reason in a comment: 1 root module.") {
		t.Errorf("init prints\n%s", out)
	}
	text := read(t, "tfops.hcl")
	for _, want := range []string{"# Left out: broken/main.tf:4: ", "infer_dependencies = false", `backend_config_files = ["env/prod.tfbackend"]`} {
		if !strings.Contains(text, want) {
			t.Errorf("the file lacks %q:\n%s", want, text)
		}
	}
	out = s.ok("validate")
	for _, want := range []string{"envs-dev", "envs-prod", "one", "two"} {
		if !strings.Contains(out, want) {
			t.Errorf("validate lacks %s:\n%s", want, out)
		}
	}
}
