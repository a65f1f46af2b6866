package config

import (
	"strings"
	"testing"
)

func TestStarter(t *testing.T) {
	local := t.TempDir()
	for _, c := range []struct {
		info       StarterInfo
		repo, url  string
		workspaces string
	}{
		{StarterInfo{URL: "https://ana:s3cret@git.example.com/acme/infra.git", Roots: []string{"live/prod/net", "live/prod-net", "."}},
			"infra", "https://git.example.com/acme/infra.git", "live-prod-net live-prod-net-2 infra"},
		{StarterInfo{URL: "git@git.example.com:acme/infra.git", Branch: "trunk", Roots: []string{"a b/ü${x}", "_x", "A", "a"}},
			"infra", "git@git.example.com:acme/infra.git", "a-b-x x A a-2"},
		{StarterInfo{URL: "ssh://git:s3cret@git.example.com/infra", DataDir: "data"}, "infra", "ssh://git@git.example.com/infra", ""},
		{StarterInfo{URL: local, Repository: "my repo", Roots: []string{"üü"}}, "my-repo", local, "my-repo"},
	} {
		src := string(Starter(c.info))
		if strings.Contains(src, "s3cret") {
			t.Errorf("a password is in the starter for %s", c.info.URL)
		}
		conf := load(t, src, nil)
		var names []string
		for i, w := range conf.Workspaces {
			names = append(names, w.Name)
			if w.Dir != c.info.Roots[i] || w.Repository != c.repo || (c.info.Branch != "" && w.Branch != c.info.Branch) {
				t.Errorf("%+v", w)
			}
		}
		if got := strings.Join(names, " "); got != c.workspaces || conf.Repositories[0].Name != c.repo || conf.Repositories[0].URL != c.url {
			t.Errorf("%s: %q %+v", c.info.URL, got, conf.Repositories[0])
		}
		if len(c.info.Roots) > 0 && len(conf.Warnings) > 0 {
			t.Errorf("%s: %v", c.info.URL, conf.Warnings)
		}
	}
}

// What stands in comments loads, too, once the comments are taken off.
func TestStarterComments(t *testing.T) {
	t.Setenv("GIT_TOKEN", "x")
	src := string(Starter(StarterInfo{URL: "https://git.example.com/infra.git"}))
	var out []string
	for line := range strings.SplitSeq(src, "\n") {
		code := strings.TrimSpace(line)
		if text, ok := strings.CutPrefix(code, "# "); ok && (strings.HasSuffix(text, "{") || strings.HasSuffix(text, "}") || strings.Contains(text, " = ")) {
			line = text
		}
		out = append(out, line)
	}
	c := load(t, strings.Join(out, "\n"), nil)
	if w := c.Workspaces; len(w) != 1 || len(w[0].Rules) != 1 || w[0].Drift.Schedule == "" || c.Repositories[0].Auth.Password != "x" || len(c.Runner.PassEnv) != 2 {
		t.Errorf("%+v %+v", w, c.Repositories)
	}
}
