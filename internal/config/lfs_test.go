package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
)

func TestLFSAttributes(t *testing.T) {
	repository := func(body string) string {
		return "data_dir = \"d\"\nrepository \"infra\" {\n  url = \"https://git.example.com/a/b.git\"\n" +
			body + "\n}\n"
	}
	c := load(t, repository("lfs = true\nlfs_url = \"https://lfs.example.com/a/b\""), nil)
	if r := c.Repositories[0]; !r.LFS || r.LFSURL != "https://lfs.example.com/a/b" {
		t.Errorf("%+v", r)
	}
	if r := load(t, repository(""), nil).Repositories[0]; r.LFS || r.LFSURL != "" {
		t.Errorf("by default: %+v", r)
	}
	for body, says := range map[string]string{
		`lfs_url = "git@git.example.com:a/b"`: "not a url of a Git LFS server",
		`lfs_url = "lfs.example.com/a"`:       "not a url of a Git LFS server",
		`lfs_url = "https://u:p@example.com"`: "a user in lfs_url",
		`lfs = "perhaps"`:                     "lfs",
	} {
		path := filepath.Join(t.TempDir(), "tfops.hcl")
		if err := os.WriteFile(path, []byte(repository(body)), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", body, err)
		}
	}
	c = load(t, repository(`lfs_url = "https://lfs.example.com/a"`), nil)
	if !slices.ContainsFunc(c.Warnings, func(d *hcl.Diagnostic) bool { return d.Summary == "lfs_url has no effect" }) {
		t.Errorf("an lfs_url without lfs: %v", c.Warnings)
	}
}
