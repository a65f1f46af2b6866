package reach

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/workspace"
)

// Data that says nothing, too much, or that no parser takes widens as before,
// and costs no more than its bounds.
func TestDataThatIsNotFollowed(t *testing.T) {
	bomb := "a: &a [x, x, x, x, x, x, x, x, x]\n"
	for c := 'b'; c < 'm'; c++ {
		bomb += fmt.Sprintf("%c: &%c [%s]\n", c, c, strings.Repeat(fmt.Sprintf("*%c, ", c-1), 9))
	}
	for name, c := range map[string]struct{ data, code string }{
		"an alias bomb":          {bomb, `[for x in flatten(yamldecode(file("d")).l) : file(x)]`},
		"an alias of itself":     {"a: &a [*a]\n", `file(yamldecode(file("d")).a[0][0])`},
		"no yaml":                {"a: [", `file(yamldecode(file("d")).a)`},
		"no json":                {"{} {}", `file(jsondecode(file("d")).a)`},
		"deep":                   {strings.Repeat("[", 5000) + strings.Repeat("]", 5000), `file(flatten(yamldecode(file("d")))[0])`},
		"a cell too many":        {"a,b\n1,2,3\n", `file(csvdecode(file("d"))[0].a)`},
		"too many":               {"p:\n" + strings.Repeat("- x\n", 30_000), `[for x in yamldecode(file("d")).p : file(x)]`},
		"encrypted":              {"\x00GITCRYPT\x00\x8f", `file(yamldecode(file("d")).p)`},
		"a template":             {"p: ${x}", `file(yamldecode(templatefile("d", { x = "y" })).p)`},
		"a path that is unknown": {"p: x", `file(yamldecode(file(data.x.y.z)).p)`},
		"octal for some":         {"p: 010", `file("${yamldecode(file("d")).p}")`},
	} {
		g := NewIndex().Graph(files(map[string]string{"main.tf": "locals { x = " + c.code + " }", "d": c.data,
			"x/y": ""}), []workspace.Workspace{{Name: "w", Dir: "."}})
		if len(g.Affected([]string{"x/y"})) == 0 {
			t.Errorf("%s narrows: %+v", name, g.reaches[0].covers)
		}
	}
}

// The reach follows the data, also of an index that knows what was before.
func TestReachFollowsData(t *testing.T) {
	tree := map[string]string{"main.tf": `locals { x = [for r in yamldecode(file("repos.yml")) : file(r.path)] }`, "repos.yml": "- path: a\n", "a": "", "b": "", "c": ""}
	x, w := NewIndex(), []workspace.Workspace{{Name: "w", Dir: "."}}
	for _, step := range []struct{ data, touched, left string }{{"- path: a\n", "a repos.yml", "b c"},
		{"- path: b\n- path: c\n", "b c", "a"}, {"", "repos.yml", ""}, {"- path: c\n", "c", "a b"}} {
		tree["repos.yml"] = step.data
		if step.data == "" {
			delete(tree, "repos.yml")
		}
		g := x.Graph(files(tree), w)
		for _, p := range strings.Fields(step.touched) {
			if len(g.Affected([]string{p})) == 0 {
				t.Errorf("%q: %s does not touch it", step.data, p)
			}
		}
		for _, p := range strings.Fields(step.left) {
			if len(g.Affected([]string{p})) > 0 {
				t.Errorf("%q: %s touches it", step.data, p)
			}
		}
	}
}
