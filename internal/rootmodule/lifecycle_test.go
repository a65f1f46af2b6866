package rootmodule_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/tfops/tfops/internal/rootmodule"
)

// What a block ignores is read as the engines read it: in both syntaxes, as Terraform of old wrote it, and as the last
// override file has it. What makes no sense ignores nothing.
func TestIgnoreChanges(t *testing.T) {
	block := func(lifecycle string) string {
		return "resource \"x\" \"a\" {\n  v = 1\n  lifecycle {\n    " + lifecycle + "\n  }\n}\n"
	}
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"names and indexes": {map[string]string{"main.tf": block(`ignore_changes = [a, tags["x.y/z"], rule[0].ports]`)},
			`a tags["x.y/z"] rule[0].ports`},
		"all":          {map[string]string{"main.tf": block(`ignore_changes = all`)}, "all"},
		"in quotes":    {map[string]string{"main.tf": block(`ignore_changes = ["a", "tags.x"]`)}, "a tags.x"},
		"all of old":   {map[string]string{"main.tf": block(`ignore_changes = ["*"]`)}, "all"},
		"nothing":      {map[string]string{"main.tf": block(`prevent_destroy = true`)}, ""},
		"no lifecycle": {map[string]string{"main.tf": `resource "x" "a" {}`}, ""},
		"no reference": {map[string]string{"main.tf": block(`ignore_changes = [1 + 1, upper("a"), a]`)}, "a"},
		"json": {map[string]string{"main.tf.json": `{"resource": {"x": {"a": {"lifecycle": {"ignore_changes":
			["a", "tags[\"k\"]"]}}}}}`}, `a tags["k"]`},
		"all in json": {map[string]string{"main.tf.json": `{"resource": {"x": {"a": {"lifecycle": {"ignore_changes": "all"}}}}}`},
			"all"},
		"an override": {map[string]string{"main.tf": block(`ignore_changes = [a]`),
			"b_override.tf": block(`ignore_changes = [b]`), "c_override.tf": block(`prevent_destroy = true`)}, "b"},
	} {
		tree := fstest.MapFS{}
		for file, text := range c.files {
			tree["m/"+file] = &fstest.MapFile{Data: []byte(text)}
		}
		m, err := rootmodule.Reader{Tree: tree}.Read("m")
		if err != nil {
			t.Fatal(err)
		}
		paths, all := m.Find("resource", "x", "a").IgnoreChanges()
		got := []string{}
		for _, p := range paths {
			got = append(got, written(p))
		}
		if all {
			got = []string{"all"}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v, want %s", name, got, c.want)
		}
	}
}

func written(t hcl.Traversal) string {
	out := t.RootName()
	for _, step := range t[1:] {
		switch step := step.(type) {
		case hcl.TraverseAttr:
			out += "." + step.Name
		case hcl.TraverseIndex:
			if step.Key.Type() == cty.String {
				out += fmt.Sprintf("[%q]", step.Key.AsString())
			} else {
				out += "[" + step.Key.AsBigFloat().String() + "]"
			}
		}
	}
	return out
}
