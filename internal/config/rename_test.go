package config

import (
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/workspace"
)

const renames = `
repository "r" {
  url = "https://git.example.com/x.git"
}
defaults {
  repository = "r"
}
`

func TestRenamedFrom(t *testing.T) {
	c := load(t, renames+`
workspace "b" {
  renamed_from = "a"
}
workspaces "live" {
  dirs         = ["live/*"]
  name         = "net-${parts[1]}"
  renamed_from = parts[1] == "new" ? null : "${parts[1]}-net"
}
workspaces "env" {
  dirs         = ["env/*"]
  name         = "env-${parts[1]}"
  renamed_from = "env-${lookup({ prod = "production" }, parts[1], parts[1])}"
}
`, nil)
	if c.Workspaces[0].RenamedFrom != "a" {
		t.Errorf("it was %q", c.Workspaces[0].RenamedFrom)
	}
	for dir, want := range map[string]string{"live/old": "old-net", "live/new": "", "env/prod": "env-production",
		"env/dev": ""} {
		g, at := c.Generators[0], workspace.Origin{Generator: "live", Branch: "main", Dir: dir}
		if strings.HasPrefix(dir, "env") {
			g, at.Generator = c.Generators[1], "env"
		}
		w, err := g.Make(at)
		if err != nil || w.RenamedFrom != want {
			t.Errorf("%s was %q, %v; want %q", dir, w.RenamedFrom, err, want)
		}
	}
}

func TestRenamesThatCannotBe(t *testing.T) {
	for _, c := range []struct{ text, says string }{
		{`workspace "a" {}
workspace "b" { renamed_from = "a" }`, "is still there"},
		{`workspace "b" { renamed_from = "a" }
workspace "c" { renamed_from = "b" }`, "one at a time"},
		{`workspace "b" { renamed_from = "a" }
workspace "c" { renamed_from = "a" }`, `Workspaces "b" and "c"`},
		{`workspace "b" { renamed_from = "b" }`, "its own name"},
		{`workspace "b" { renamed_from = "" }`, "no name"},
		{`workspace "b" { renamed_from = "../a" }`, "invalid name"},
		{`workspace "b" { renamed_from = env("HOME") }`, "secret"},
		{`workspaces "b" {
  name = parts[0]
  renamed_from = 1 == 1 ? "a/b" : "c"
}`, "invalid name"},
	} {
		if _, said := mistakes(t, renames+c.text); !strings.Contains(strings.ReplaceAll(said, "\n", " "), c.says) {
			t.Errorf("%s\n%s\nwant %q", c.text, said, c.says)
		}
	}
}
