package starter

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/tfops/tfops/internal/config"
)

func TestStarter(t *testing.T) {
	local := t.TempDir()
	for _, c := range []struct {
		info       Info
		repo, url  string
		workspaces string
	}{
		{Info{URL: "https://ana:s3cret@git.example.com/acme/infra.git",
			Roots: []string{"live/prod/net", "live/prod-net", "."}},
			"infra", "https://git.example.com/acme/infra.git", "live-prod-net live-prod-net-2 infra"},
		{Info{URL: "git@git.example.com:acme/infra.git", Branch: "trunk", Roots: []string{"a b/ü${x}", "_x", "A", "a"}},
			"infra", "git@git.example.com:acme/infra.git", "a-b-x x A a-2"},
		{Info{URL: "ssh://git:s3cret@git.example.com/infra", DataDir: "data"}, "infra",
			"ssh://git@git.example.com/infra", ""},
		{Info{URL: local, Repository: "my repo", Roots: []string{"üü"}}, "my-repo", local, "my-repo"},
	} {
		src := string(File(c.info))
		if strings.Contains(src, "s3cret") {
			t.Errorf("a password is in the starter for %s", c.info.URL)
		}
		conf := load(t, src)
		var names []string
		for i, w := range conf.Workspaces {
			names = append(names, w.Name)
			if w.Dir != c.info.Roots[i] || w.Repository != c.repo ||
				(c.info.Branch != "" && w.Branch != c.info.Branch) {
				t.Errorf("%+v", w)
			}
		}
		if got := strings.Join(names, " "); got != c.workspaces || conf.Repositories[0].Name != c.repo ||
			conf.Repositories[0].URL != c.url {
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
	t.Setenv("OPS_URL", "https://ops.example.com/tfops")
	src := string(File(Info{URL: "https://git.example.com/infra.git"}))
	var out []string
	for line := range strings.SplitSeq(src, "\n") {
		code := strings.TrimSpace(line)
		if text, ok := strings.CutPrefix(code, "# "); ok &&
			(strings.HasSuffix(text, "{") || strings.HasSuffix(text, "}") || strings.Contains(text, " = ")) {
			line = text
		}
		out = append(out, line)
	}
	c := load(t, strings.Join(out, "\n"))
	if w := c.Workspaces; len(w) != 1 || len(w[0].Rules) != 1 || w[0].Drift.Schedule == "" ||
		c.Repositories[0].Auth.Password != "x" || len(c.Runner.PassEnv) != 2 {
		t.Errorf("%+v %+v", w, c.Repositories)
	}
	if len(c.Notify) != 1 || len(c.Reports) != 1 || len(c.Ignore) != 1 || !c.Workspaces[0].Drift.Heal ||
		len(c.Warnings) != 0 {
		t.Errorf("%v %+v %+v %+v %v", c.Notify, c.Reports, c.Ignore, c.Workspaces[0].Drift, c.Warnings)
	}
}

func TestStarterInputs(t *testing.T) {
	t.Setenv("DB_PASSWORD", "x")
	t.Setenv("PIN", "x")
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	tree := fstest.MapFS{
		"net/main.tf": file("variable \"region\" {}\nvariable \"size\" {\n  default = 1\n}\n" +
			"variable \"db-password\" {}\n" +
			"variable \"pin\" {\n  type = string\n  sensitive = true\n}\nvariable \"auto\" {}\nvariable \"own\" {}\n"),
		"net/more.tf.json":      file(`{"variable": {"zone": {}, "other": {"default": null}}}`),
		"net/late.tf":           file("variable \"late\" {}\n"),
		"net/a.b_override.tf":   file("variable \"late\" {\n  default = 1\n}\n"),
		"net/read.tf":           file("variable \"read\" {}\n"),
		"net/.read.auto.tfvars": file("read = 1\n"),
		"net/.copy.tf":          file("variable \"copy\" {}\n"),
		"net/prod.tfvars":       file("own = 1"),
		"net/dev.tfvars.json":   file("{}"),
		"net/terraform.tfvars":  file("auto = 1"),
		"net/x.auto.tfvars":     file(""),
		"net/.hidden.tfvars":    file(""),
		"net/sub/other.tfvars":  file(""),
		"plain/main.tf":         file("resource \"null_resource\" \"x\" {}\n"),
		"broken/main.tf":        file("variable \"ok\" {}\nvariable \"x\" {\n  type = \n"),
		"many/main.tf": file("variable \"aaaaaaaaaaaaaaaaaaaaaaaaaaaa\" {}\n" +
			"variable \"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\" {}\nvariable \"cccccccccccccccccccc\" {}\n"),
		"odd/a\"${x}\n}.tfvars": file(""),
	}
	roots := []string{"net", "plain", "broken", "many", "odd", "gone"}
	src := string(File(Info{URL: "https://git.example.com/infra.git", Roots: roots, Tree: tree}))
	for _, want := range []string{
		"  dir = \"net\"\n  # var_files = [\"dev.tfvars.json\", \"prod.tfvars\"]\n" +
			"  # variables = { db-password = env(\"DB_PASSWORD\"), pin = env(\"PIN\"), region = \"…\", zone " +
			"= \"…\" }\n}\n",
		"  dir = \"plain\"\n}\n",
		"  dir = \"gone\"\n}\n",
		"  # variables = {\n  #   aaaaaaaaaaaaaaaaaaaaaaaaaaaa = \"…\"\n",
		"  # variables = { ok = \"…\", x = \"…\" }\n",
	} {
		if !strings.Contains(src, want) {
			t.Errorf("the starter lacks:\n%s\nit is:\n%s", want, src)
		}
	}
	if c := load(t, src); len(c.Workspaces) != len(roots) || len(c.Warnings) > 0 {
		t.Errorf("%+v %v", c.Workspaces, c.Warnings)
	}
	blocks := strings.SplitAfter(src, "# tfops keeps in data_dir.\n")
	used := load(t, blocks[0]+strings.ReplaceAll(strings.Split(blocks[1], "# Environment variables")[0], "  # ", "  "))
	w := used.Workspaces[0]
	if !slices.Equal(w.VarFiles, []string{"dev.tfvars.json", "prod.tfvars"}) || len(w.Variables) != 4 ||
		len(used.Workspaces[3].Variables) != 3 {
		t.Errorf("without the comments: %+v", w)
	}
	if odd := used.Workspaces[4].VarFiles; !slices.Equal(odd, []string{"a\"${x}\n}.tfvars"}) {
		t.Errorf("%q", odd)
	}
}

func load(t *testing.T, src string) *config.Config {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tfops.hcl")
	if err := os.WriteFile(path, []byte(src), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
