package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWhatIsFollowed(t *testing.T) {
	sha := strings.Repeat("Ab", 20)
	text := func(defaults, body string) string {
		return "data_dir = \"d\"\nrepository \"infra\" {\n  url = \"https://git.example.com/a/b.git\"\n}\n" +
			"defaults {\n  repository = \"infra\"\n" + defaults + "\n}\nworkspace \"w\" {\n" + body + "\n}\n"
	}
	for _, c := range []struct{ defaults, body, follows string }{
		{"", "", "branch main"},
		{"", `tag = ">= 1.2, < 2"`, "tags >= 1.2, < 2"},
		{"", "tag = \"~> 1.4\"\ntag_prefix = \"network/v\"", "tags network/v ~> 1.4"},
		{"", `commit = "` + sha + `"`, "commit " + strings.ToLower(sha)},
		{`tag = ">= 1"`, "", "tags >= 1"},
		{`tag = ">= 1"`, `branch = "dev"`, "branch dev"},
		{`tag = ">= 1"`, `commit = "` + sha + `"`, "commit " + strings.ToLower(sha)},
		{`branch = "dev"`, `tag = ">= 1"`, "tags >= 1"},
		{`tag_prefix = "x-"`, `tag = ">= 1"`, "tags x- >= 1"},
		{`tag_prefix = "x-"`, `branch = "dev"`, "branch dev"},
	} {
		w := load(t, text(c.defaults, c.body), nil).Workspaces[0]
		if got := w.Follows(""); got != c.follows {
			t.Errorf("%s, %s: %q, expected %q", c.defaults, c.body, got, c.follows)
		}
	}
	for body, says := range map[string]string{
		"branch = \"main\"\ntag = \">= 1\"":            "two things to follow",
		"tag = \">= 1\"\ncommit = \"" + sha + `"`:      "two things to follow",
		"branch = \"x\"\ncommit = \"" + sha + `"`:      "two things to follow",
		`tag = "latest"`:                               "not a version constraint",
		`tag = ""`:                                     "not a version constraint",
		`tag = "network/v1.2.3"`:                       "not a version constraint",
		`commit = "abc1234"`:                           "not a full commit id",
		`commit = ""`:                                  "not a full commit id",
		"tag = \">= 1\"\ntag_prefix = \"v*\"":          "not the beginning of a tag",
		"tag = \">= 1\"\ntag_prefix = \"refs/tags/v\"": "not the beginning of a tag",
	} {
		path := filepath.Join(t.TempDir(), "tfops.hcl")
		if err := os.WriteFile(path, []byte(text("", body)), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", body, err)
		}
	}
	path := filepath.Join(t.TempDir(), "tfops.hcl")
	if err := os.WriteFile(path, []byte(text("", "")+"workspaces \"g\" {\n name = dir\n tag = \">= 1\"\n}\n"),
		0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err == nil || !strings.Contains(err.Error(), "followed by a workspace block") {
		t.Errorf("a generator with a tag: %v", err)
	}
}
