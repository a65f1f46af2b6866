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
	write(t, "infra/broken/main.tf", "terraform {\n  required_version = \">= 1.0\"\n}\n"+
		"module \"m\" {\n  source = "+
		"\"../gone\"\n}\n")
	for own, other := range map[string]string{"one": "two", "two": "one"} {
		write(t, "infra/"+own+"/main.tf",
			fmt.Sprintf("terraform {\n  backend \"s3\" {\n    bucket = \"b\"\n    key = %q\n  }\n}\n"+
				"data \"terraform_remote_state\" \"x\" {\n  backend = \"s3\"\n  config = {\n    bucket = \"b\"\n"+
				"    key = %q\n  }\n}\n", own, other))
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
		_, err = work.Commit("all of it",
			&git.CommitOptions{Author: &object.Signature{Name: "Ana", Email: "ana@example.com"}})
	}
	if err != nil {
		t.Fatal(err)
	}
	out := s.ok("init", "infra", "--data-dir", t.TempDir())
	if !strings.Contains(out, "6 workspaces") ||
		!strings.Contains(out, "Left out, with the reason in a comment: 1 root module.") {
		t.Errorf("init prints\n%s", out)
	}
	text := read(t, "tfops.hcl")
	for _, want := range []string{"# Left out: broken/main.tf:4: ", "infer_dependencies = false",
		`backend_config_files = ["env/prod.tfbackend"]`} {
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

// Modules in a Git submodule are followed, whether or not the checkout has their files,
// and root modules of another repository are no workspaces of this one.
func TestInitFollowsSubmodules(t *testing.T) {
	for _, filled := range []bool{false, true} {
		t.Run(fmt.Sprint("filled ", filled), func(t *testing.T) {
			s := newShell(t)
			repo := checkout(t, "main")
			for _, dir := range []string{"app", "tools/modules/m", "tools/root"} {
				if err := os.MkdirAll("infra/"+dir, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			write(t, "infra/app/main.tf", "terraform {\n  required_version = \">= 1.0\"\n}\n"+
				"module \"m\" {\n  source = \"../tools/modules/m\"\n}\n")
			write(t, "infra/.gitmodules", "[submodule \"tools\"]\n\tpath = tools\n\turl = ../tools.git\n")
			work, err := repo.Worktree()
			for _, name := range []string{"app/main.tf", ".gitmodules"} {
				if err == nil {
					_, err = work.Add(name)
				}
			}
			if err == nil {
				_, err = work.Commit("with a submodule",
					&git.CommitOptions{Author: &object.Signature{Name: "Ana", Email: "ana@example.com"}})
			}
			if err != nil {
				t.Fatal(err)
			}
			if filled {
				write(t, "infra/tools/modules/m/main.tf", "")
				write(t, "infra/tools/root/main.tf", "terraform {\n  backend \"s3\" {}\n}\n")
			}
			s.ok("init", "infra", "--data-dir", t.TempDir())
			text := read(t, "tfops.hcl")
			if !strings.Contains(text, "\n  submodules = true\n") || !strings.Contains(text, "\n  dir = \"app\"\n") ||
				strings.Contains(text, "tools/root") {
				t.Errorf("the file is\n%s", text)
			}
			s.ok("validate")
			s.ok("graph", "--repo", "infra")
			write(t, "tfops.hcl", strings.Replace(text, "  submodules = true\n", "", 1))
			out := s.ends(2, "validate").err
			if !strings.Contains(out, "in the Git submodule tools, whose files are not here") ||
				!strings.Contains(out, "set submodules = true in the repository block") {
				t.Errorf("without it validate prints\n%s", out)
			}
		})
	}
}
