package reach

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/tfops/tfops/internal/workspace"
)

func TestReads(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	tree := fstest.MapFS{
		"app/main.tf": file(`module "m" { source = "../mods/m" }
output "sure" { value = file("../assets/logo.png") }
output "set" { value = fileset("${path.module}/../files", "*/conf/*.json") }`),
		"mods/m/main.tf": file(`output "x" { value = 1 }`),
		"wide/main.tf": file(`variable "v" {}
output "x" { value = file("../assets/${var.v}") }`),
	}
	g := NewIndex().Graph(tree, []workspace.Workspace{{Name: "app", Dir: "app", Ignore: []string{"assets/**"}},
		{Name: "wide", Dir: "wide"}, {Name: "eye", Dir: "mods/m", Watch: []string{"eye/**/*.x"}}})
	for _, c := range []struct {
		workspace, path string
		read, sure      bool
	}{
		{"app", "assets/logo.png", true, true}, // ignored paths are read all the same
		{"app", "assets", true, true},
		{"app", "assets/icon.png", false, false},
		{"app", "mods", true, true},
		{"app", "mods/m", true, true},
		{"app", "mods/m/extra.tf", true, true},
		{"app", "mods/m/README", false, false},
		{"app", "mods/n", false, false},
		{"app", "files", true, true},
		{"app", "files/a", true, true},
		{"app", "files/a/conf", true, true},
		{"app", "files/a/other", false, false},
		{"app", "files/a/conf/deep", false, false},
		{"app", "app/.terraform.lock.hcl", true, true},
		{"app", "docs/theme", false, false},
		{"wide", "assets/logo.png", true, false},
		{"wide", "files", false, false},
		{"eye", "eye/a/b", true, true},
		{"eye", "nose", false, false},
		{"nobody", "assets/logo.png", false, false},
	} {
		got := g.Reads(c.workspace, []string{c.path})
		if (len(got) == 1) != c.read || c.read && (got[0].Sure != c.sure || len(got[0].Chain) == 0) {
			t.Errorf("%s of %s: %+v, want read %t, sure %t", c.path, c.workspace, got, c.read, c.sure)
		}
	}
}

// TestChangedBelow: of a directory with a slash at its end anything may differ, as
// of a submodule that cannot be read.
func TestChangedBelow(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	tree := fstest.MapFS{
		"module/main.tf": file(`module "m" { source = "../vendor/net/vpc" }`),
		"file/main.tf":   file(`output "o" { value = file("../vendor/net/a/b.txt") }`),
		"set/main.tf":    file(`output "o" { value = fileset("${path.module}/../vendor", "**/*.json") }`),
		"other/main.tf":  file(`output "o" { value = file("../vendor/network/a.txt") }`),
		"none/main.tf":   file(`resource "terraform_data" "x" {}`),
	}
	var all []workspace.Workspace
	for _, name := range []string{"module", "file", "set", "other", "none"} {
		all = append(all, workspace.Workspace{Name: name, Dir: name})
	}
	all = append(all, workspace.Workspace{Name: "ignores", Dir: "file", Ignore: []string{"vendor/**"}})
	for path, want := range map[string]string{"vendor/net/": "module file set", "vendor/net/vpc/": "module set",
		"vendor/": "module file set other", "elsewhere/": ""} {
		var got []string
		for _, touched := range Affected(tree, all, []string{path}) {
			got = append(got, touched.Workspace)
			if len(touched.Chain) == 0 || touched.Path != path {
				t.Errorf("%s: %+v", path, touched)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s touches %v, expected %s", path, got, want)
		}
	}
}
