package reach

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/rootmodule"
	"github.com/tfops/tfops/internal/testrig"
	"github.com/tfops/tfops/internal/workspace"
)

func TestDiscover(t *testing.T) {
	tree := files(map[string]string{
		"live/prod/main.tf":           calls("../../modules/app"),
		"live/backend/main.tf":        "terraform {\n  backend \"s3\" {}\n}",
		"live/cloud/main.tf":          "terraform {\n  cloud {}\n}",
		"live/provider/main.tofu":     "provider \"x\" {}",
		"live/json/main.tf.json":      `{"resource": {"terraform_data": {"x": {}}}}`,
		"live/jsonback/main.tf.json":  `{"terraform": {"backend": {"s3": {}}}}`,
		"live/compose/main.tf":        "module \"a\" {\n  source = \"../../modules/app\"\n}",
		"live/broken/main.tf":         "resource \"terraform_data\" \"x\" {}\nresource {{{",
		"live/settings/main.tf":       "terraform {\n  required_version = \">= 1\"\n}",
		"live/outputs/main.tf":        "output \"x\" { value = 1 }",
		"live/empty/README.md":        "x",
		"live/link":                   "-> prod",
		"modules/app/main.tf":         calls("./inner"),
		"modules/app/inner/main.tf":   calls(),
		"modules/unused/main.tf":      calls(),
		".terraform/modules/x/y.tf":   calls(),
		"live/prod/.hidden.tf/x/m.tf": calls(),
		"self/main.tf":                calls("./"),
	})
	want := []string{"live/backend", "live/broken", "live/cloud", "live/compose", "live/json", "live/jsonback",
		"live/prod", "live/provider", "modules/unused", "self"}
	if got := Discover(tree); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if got := Discover(files(map[string]string{"main.tf": calls()})); !slices.Equal(got, []string{"."}) {
		t.Errorf("a module in the root: %q", got)
	}
	if got := Discover(files(nil)); len(got) != 0 {
		t.Errorf("an empty tree: %q", got)
	}
}

func TestCheck(t *testing.T) {
	tree := files(map[string]string{
		"live/prod/network/main.tf": calls(), "live/prod/app/main.tf": calls(), "live/prod/app/prod.tfvars": "",
		"docs/x.txt": "", "vars/a.tfvars/x": "", "link": "-> live/prod/app", "out": "-> ../x",
	})
	for _, c := range []struct {
		w          workspace.Workspace
		code       fault.Code
		says, next string
	}{
		{workspace.Workspace{Dir: "live/prod/network"}, "", "", ""},
		{workspace.Workspace{Dir: "link", VarFiles: []string{"prod.tfvars"}}, "", "", ""},
		{workspace.Workspace{Dir: "live/prod/netwrk"}, fault.NotFound, "no directory live/prod/netwrk", `did you mean "live/prod/network"? Root modules in the repository: live/prod/app, live/prod/network`},
		{workspace.Workspace{Dir: "docs"}, fault.NotFound, "directory docs has no .tf file",
			"correct dir in tfops.hcl. Root modules in the repository: live/prod/app, live/prod/network"},
		{workspace.Workspace{Dir: "docs/x.txt"}, fault.Invalid, "is a file, not a directory", "root module"},
		{workspace.Workspace{Dir: "out"}, fault.Invalid, "leads out of the repository", "correct dir"},
		{workspace.Workspace{Dir: "live/prod/app", VarFiles: []string{"dev.tfvars"}}, fault.NotFound,
			"no var file live/prod/app/dev.tfvars", "there are: live/prod/app/prod.tfvars"},
		{workspace.Workspace{Dir: "live/prod/app", VarFiles: []string{"../../../vars/a.tfvars"}}, fault.Invalid,
			"is a directory", "var_files"},
		{workspace.Workspace{Dir: "live/prod/app", VarFiles: []string{"../../../../a"}}, fault.Invalid,
			"outside of the repository", "var_files"},
	} {
		err := Check(c.w, tree)
		if c.code == "" {
			if err != nil {
				t.Errorf("%+v: %v", c.w, err)
			}
			continue
		}
		if !fault.Is(err, c.code) || !strings.Contains(err.Error(), c.says) ||
			!strings.Contains(fault.Next(err), c.next) {
			t.Errorf("%s %v: %v (%s)\nnext %q", c.w.Dir, c.w.VarFiles, err, fault.CodeOf(err), fault.Next(err))
		}
	}
	empty := Check(workspace.Workspace{Dir: "x"}, files(map[string]string{"README.md": ""}))
	if !strings.Contains(fault.Next(empty), "no root module") {
		t.Errorf("next %q", fault.Next(empty))
	}
	many := map[string]string{}
	for i := range 14 {
		many[fmt.Sprintf("m%02d/main.tf", i)] = calls()
	}
	if next := fault.Next(Check(workspace.Workspace{Dir: "x"}, files(many))); !strings.HasSuffix(next,
		"m09 and 4 more") {
		t.Errorf("next %q", next)
	}
}

// What passes must not exhaust the stack of what walks HCL's trees, which would end the test's process.
func TestDeepFilesAreRead(t *testing.T) {
	for _, s := range []string{"+1", ".a", "/**/[0]", "-a"} {
		length := map[bool]int{false: rootmodule.MaxHCL / 4, true: rootmodule.MaxHCL / 64}[testrig.Race]
		src := "locals {\n  a = \"../\"\n b = 1" + strings.Repeat(s, length/len(s)) + "\n}\n"
		if !rootmodule.TooDeep([]byte(src)) {
			readFile(code, []byte(src)) // must come back
		}
	}
}
