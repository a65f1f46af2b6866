package reach

import (
	"testing"

	"github.com/tfops/tfops/internal/workspace"
)

// Where the code does not tell which file it reads, what it does tell of it counts:
// that it climbs, and that it has a name which is no input of other code.
func TestWhatIsKnownOfAnUnknownPath(t *testing.T) {
	for _, c := range []struct {
		expr, path string
		want       bool
	}{
		{`file(var.f)`, "docs/README.md", false},
		{`file(var.f)`, "docs/x.json", true},
		{`file("${var.f}.md")`, "docs/README.md", true},
		{`file("${var.f}/README.md")`, "docs/README.md", true},
		{`file("${var.f}/LICENSE")`, "LICENSE", true},
		{`file("${var.f}CODEOWNERS")`, "CODEOWNERS", true},
		{`file("${var.f}/.github/x.json")`, ".github/x.json", true},
		{`file("${var.f}.json")`, "docs/README.md", false},
		{`[for f in fileset(var.f, "*.md") : file("${var.f}/${f}")]`, "docs/README.md", true},
		{`[for f in fileset(var.f, "**") : f]`, "docs/README.md", true},
		{`[for f in fileset(var.f, "**/*.yaml") : f]`, "docs/README.md", false},
		{`[for f in fileset(var.f, "*.{md,txt}") : f]`, "docs/README.md", true},
		{`fileset("../../${var.f}", "*.md")`, "docs/README.md", true},
		{`fileset("../../${var.f}", "*.json")`, "docs/README.md", false},
		{`fileset("${path.module}/${var.f}", "../../*.json")`, "live/other/x.json", true},
		{`fileset("${path.module}/${var.f}", "../*.json")`, "live/app/x.json", true},
		{`fileset("${path.module}/${var.f}", "*.json")`, "live/app/a/x.json", true},
		{`fileset("${path.module}/${var.f}", "*.json")`, "live/other/x.json", false},
		{`[for d in fileset(path.module, "*") : fileset(d, "../*.json")]`, "live/app/x.json", true},
	} {
		code := "variable \"f\" {}\noutput \"x\" {\n  value = " + c.expr + "\n}\n"
		tree := files(map[string]string{"live/app/main.tf": code, "live/app/a/x.json": "", "docs/README.md": "",
			"docs/x.json": "", "live/other/x.json": "", "live/app/x.json": ""})
		r := NewIndex().Graph(tree, []workspace.Workspace{{Name: "app", Dir: "live/app"}}).reaches[0]
		if got := r.touch(c.path) != nil; got != c.want {
			t.Errorf("%s: %s touches it: %v, want %v (%+v)", c.expr, c.path, got, c.want, r.widened)
		}
	}
}
