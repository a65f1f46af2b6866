package reach

import (
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/workspace"
)

// What chooses the engine and the providers counts: in the directory of the root
// module, and above it as far as the version is looked for.
func TestVersionFilesCount(t *testing.T) {
	const lock = " live/app/.terraform.lock.hcl"
	for _, c := range []struct {
		engine, name  string
		tree          map[string]string
		touched, left string
	}{
		{"terraform", "none yet", nil, "live/app/.terraform-version live/.terraform-version .terraform-version " +
			"live/app/.tool-versions .tool-versions" + lock,
			"live/app/.opentofu-version .opentofu-version live/other/.terraform-version " +
				"live/app/x/.terraform-version live/.terraform.lock.hcl"},
		{"", "the usual engine", nil, ".terraform-version", ".opentofu-version"},
		{"tofu", "OpenTofu", nil, "live/app/.opentofu-version live/.opentofu-version .tool-versions" + lock,
			".terraform-version"},
		{"terraform", "the nearest counts", map[string]string{"live/.terraform-version": "# for all\n\n1.11.4\n",
			".terraform-version": "1.5.7"},
			"live/app/.terraform-version live/.terraform-version .tool-versions", ".terraform-version"},
		{"terraform", "an empty one says nothing", map[string]string{"live/app/.terraform-version": "# none\n"},
			".terraform-version live/app/.terraform-version", ""},
		{"terraform", "a line of another tool", map[string]string{"live/app/.tool-versions": "opentofu 1.9.0\n# " +
			"terraform 1.5.7\nterraform\n", "live/.tool-versions": "terraform 1.5.7"},
			"live/.tool-versions live/app/.tool-versions .terraform-version", ".tool-versions"},
		{"tofu", "a line of its own", map[string]string{"live/app/.tool-versions": "\ufeffopentofu 1.9.0\n"},
			"live/app/.tool-versions", "live/.tool-versions .tool-versions"},
		{"terraform", "through a link", map[string]string{"live/app/.terraform-version": "-> ../../ci/version",
			"ci/version": "1.11.4", "ci/other": ""},
			"ci/version live/app/.terraform-version", "live/.terraform-version ci/other"},
	} {
		tree := map[string]string{"live/app/main.tf": calls(), "live/other/main.tf": calls()}
		for p, content := range c.tree {
			tree[p] = content
		}
		g := NewIndex().Graph(files(tree), []workspace.Workspace{{Name: "app", Dir: "live/app", Engine: c.engine}})
		for _, p := range strings.Fields(c.touched) {
			if got := g.Affected([]string{p}); len(got) != 1 || got[0].Widened {
				t.Errorf("%s: %s: %v", c.name, p, got)
			}
		}
		for _, p := range strings.Fields(c.left) {
			if got := g.Affected([]string{p}); len(got) > 0 {
				t.Errorf("%s: %v", c.name, got)
			}
		}
	}
}

// An index that knows the tree before sees a version file come and go.
func TestVersionFilesComeAndGo(t *testing.T) {
	tree, x, w := map[string]string{"live/app/main.tf": calls(), ".terraform-version": "1.5.7"}, NewIndex(),
		[]workspace.Workspace{{Name: "app", Dir: "live/app"}}
	for _, nearer := range []string{"", "1.11.4", ""} {
		delete(tree, "live/.terraform-version")
		if nearer != "" {
			tree["live/.terraform-version"] = nearer
		}
		g := x.Graph(files(tree), w)
		if got := len(g.Affected([]string{".terraform-version"})); (got > 0) != (nearer == "") {
			t.Errorf("with %q nearer: %d", nearer, got)
		}
	}
	reach, _ := x.Graph(files(tree), w).Reach("app")
	for _, i := range reach.Items {
		if i.Kind == Versions && i.Path == ".terraform-version" {
			return
		}
	}
	t.Errorf("%+v", reach.Items)
}
