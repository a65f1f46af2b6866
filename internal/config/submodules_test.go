package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
)

func TestSubmoduleBlocks(t *testing.T) {
	repository := func(body string) string {
		return "data_dir = \"d\"\nrepository \"infra\" {\n  url = \"https://git.example.com/a/b.git\"\n" +
			body + "\n}\n"
	}
	t.Setenv("TOKEN", "hunter2hunter2")
	r := load(t, repository(`submodules = true
  submodule "https://github.com/acme/" {
    auth {
      username = "x"
      password = env("TOKEN")
    }
  }
  submodule "git@git.example.com:acme/" {
  }
  submodule "ssh://git@git.example.com:2222/" {
  }`), nil).Repositories[0]
	if !r.Submodules || len(r.Submodule) != 3 || r.Submodule[0].Prefix != "https://github.com/acme/" ||
		r.Submodule[0].Auth.Password != "hunter2hunter2" || r.Submodule[1].Auth.Password != "" {
		t.Errorf("%+v", r)
	}
	if r := load(t, repository(""), nil).Repositories[0]; r.Submodules || len(r.Submodule) > 0 {
		t.Errorf("by default: %+v", r)
	}
	for label, says := range map[string]string{
		"modules/net": "has no scheme", "ext::sh": "has no scheme", "file:///srv/git": "cannot be read",
		"https://u:p@h/": "belong in the auth block", "https://h/a/../b": "has .. in its path",
		"https://": "cannot be read", "https://h/?x=1": "cannot be read", "git://h/": "Its scheme",
		"/srv/git": "has no scheme", "https://h:99999/": "cannot be read",
	} {
		path := filepath.Join(t.TempDir(), "tfops.hcl")
		if err := os.WriteFile(path, []byte(repository("submodules = true\nsubmodule \""+label+"\" {\n}")),
			0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path); err == nil || !strings.Contains(err.Error(), says) ||
			!strings.Contains(err.Error(), "not the beginning of a URL") {
			t.Errorf("%s: %v", label, err)
		}
	}
	c := load(t, repository("submodule \"https://h/\" {\n}"), nil)
	if !slices.ContainsFunc(c.Warnings, func(d *hcl.Diagnostic) bool {
		return d.Summary == "submodule has "+
			"no effect"
	}) {
		t.Errorf("a block without submodules = true: %v", c.Warnings)
	}
}
