package reach

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/workspace"
)

// A state is another workspace's only where both mean the same one.
func TestInfer(t *testing.T) {
	backend := func(kind, key, value string) string {
		return fmt.Sprintf("terraform {\n  backend %q {\n    bucket = \"b\"\n    %s = %q\n  }\n}\n", kind, key, value)
	}
	reads := func(kind, key, value, more string) string {
		return fmt.Sprintf("data \"terraform_remote_state\" \"x\" {\n  backend = %q\n  %s\n  config = {\n    bucket "+
			"= \"b\"\n    %s = %q\n  }\n}\n", kind, more, key, value)
	}
	tree := files(map[string]string{
		"s3/main.tf":        backend("s3", "key", "net"),
		"absolute/main.tf":  backend("local", "path", "/states/x"),
		"relative/main.tf":  backend("local", "path", "terraform.tfstate"),
		"one/main.tf":       reads("s3", "key", "net", ""),
		"other/main.tf":     reads("s3", "key", "dns", ""),
		"workspace/main.tf": reads("s3", "key", "net", `workspace = "prod"`),
		"file/main.tf":      reads("local", "path", "/states/x", ""),
		"own/main.tf":       reads("local", "path", "terraform.tfstate", ""),
		"partly/main.tf": "data \"terraform_remote_state\" \"x\" {\n  backend = \"s3\"\n  config = {\n    key = " +
			"var.key\n  }\n}\n",
		"module/main.tf": "module \"m\" {\n  source = \"../shared\"\n}\n",
		"shared/main.tf": reads("s3", "key", "net", ""),
	})
	var ws []workspace.Workspace
	for _, dir := range []string{"s3", "absolute", "relative", "one", "other", "workspace", "file", "own", "partly",
		"module"} {
		ws = append(ws, workspace.Workspace{Name: dir, Dir: dir})
	}
	g := NewIndex().Graph(tree, ws)
	states := map[string]States{}
	for _, w := range ws {
		states[w.Name] = g.States(w, func(kind string, config map[string]any, terraformWorkspace string) string {
			return fmt.Sprint(kind, config, terraformWorkspace)
		})
	}
	got := ""
	for _, d := range Infer(states) {
		got += d.Downstream + "<" + d.Upstream + " "
	}
	if want := "file<absolute module<s3 one<s3 "; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// Two backends of which the text does not tell which state they mean are not
// one: no workspace waits for another because of them.
func TestWhatIsNotKnownEqualsNothing(t *testing.T) {
	configs := map[string]string{
		"s3":         "", // all of it comes from a partial configuration
		"s3 key":     `key = "a"`,
		"s3 bucket":  `bucket = "a"`,
		"s3 empty":   "bucket = \"a\"\nkey = \"\"",
		"s3 null":    "bucket = \"a\"\nkey = null",
		"s3 var":     "bucket = \"a\"\nkey = var.key",
		"s3 more":    "bucket = \"a\"\nkey = \"${local.a}/b\"",
		"gcs":        `prefix = "a"`,
		"azurerm":    "container_name = \"a\"\nkey = \"a\"",
		"http":       "",
		"pg":         "",
		"local":      "",
		"consul":     `address = "a"`,
		"remote":     `organization = "a"`,
		"kubernetes": "",
		"swift":      "",
	}
	for name, config := range configs {
		kind, _, _ := strings.Cut(name, " ")
		attrs := strings.ReplaceAll(config, " = ", "=")
		tree := files(map[string]string{
			"up/main.tf": "terraform {\n  backend \"" + kind + "\" {\n" + config + "\n}\n}\n",
			"down/main.tf": "data \"terraform_remote_state\" \"x\" {\n  backend = \"" + kind + "\"\n  config = {\n" +
				attrs + "\n}\n}\n",
			"none/main.tf": "data \"terraform_remote_state\" \"x\" {\n  backend = \"" + kind + "\"\n}\n",
			"opaque/main.tf": "data \"terraform_remote_state\" \"x\" {\n  backend = \"" + kind +
				"\"\n  config = var.state\n}\n",
		})
		states := map[string]States{}
		for _, dir := range []string{"up", "down", "none", "opaque"} {
			w := workspace.Workspace{Name: dir, Dir: dir}
			states[dir] = NewIndex().Graph(tree, []workspace.Workspace{w}).States(w,
				func(kind string, config map[string]any, w string) string {
					return fmt.Sprint(kind, config, w)
				})
		}
		if d := Infer(states); len(d) > 0 {
			t.Errorf("%s: %v", name, d)
		}
	}
}
