package reach

import (
	"fmt"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"github.com/tfops/tfops/internal/workspace"
)

// A file of a backend's settings is read by the workspaces that name it.
func TestBackendConfigFilesAreReach(t *testing.T) {
	tree := files(map[string]string{
		"net/main.tf": "terraform {\n  backend \"s3\" {}\n}\n", "net/prod.tfbackend": "key = 1\n",
		"common.s3.tfbackend": "bucket = 1\n", "net/dev.tfbackend": "key = 2\n",
		"net/linked": "-> ../elsewhere", "elsewhere/x.hcl": "",
	})
	ws := []workspace.Workspace{
		{Name: "prod", Dir: "net", BackendConfigFiles: []string{"prod.tfbackend", "../common.s3.tfbackend"}},
		{Name: "dev", Dir: "net", BackendConfigFiles: []string{"dev.tfbackend", "linked/x.hcl"}},
		{Name: "none", Dir: "net"},
	}
	for path, want := range map[string]string{"net/prod.tfbackend": "prod", "common.s3.tfbackend": "prod",
		"net/dev.tfbackend": "dev", "elsewhere/x.hcl": "dev",
		"net/main.tf": "prod dev none", "net/other.tfbackend": ""} {
		if got := names(Affected(tree, ws, []string{path})); got != want {
			t.Errorf("%s touches %q, want %q", path, got, want)
		}
	}
}

// What the workspace adds to a backend names its state; where that is secret or
// in a file the state is not known, and equals nobody's.
func TestBackendConfigNamesTheState(t *testing.T) {
	g := NewIndex().Graph(files(map[string]string{"a/main.tf": "terraform {\n  backend \"s3\" {\n    bucket = " +
		"\"b\"\n  }\n}\n"}), nil)
	own := func(w workspace.Workspace) string {
		w.Dir = "a"
		return g.States(w, func(kind string, config map[string]any, ws string) string {
			return fmt.Sprint(kind, config, ws)
		}).Own
	}
	text := func(s string) map[string]cty.Value { return map[string]cty.Value{"key": cty.StringVal(s)} }
	for want, w := range map[string]workspace.Workspace{
		"s3map[bucket:b key:x]default": {BackendConfig: text("x")},
		"": {BackendConfig: map[string]cty.Value{
			"key": cty.StringVal("x").WithMarks(workspace.Secret)}},
	} {
		if got := own(w); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	// What takes the place of the code's backend is all that names the state.
	for want, w := range map[string]workspace.Workspace{
		"localmap[path:/x]default": {Backend: "local",
			BackendConfig: map[string]cty.Value{"path": cty.StringVal("/x")}},
		"": {Backend: workspace.ManagedBackend},
	} {
		if got := own(w); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := own(workspace.Workspace{BackendConfig: text("x"), BackendConfigFiles: []string{"f"}}); got != "" {
		t.Errorf("with a file: %q", got)
	}
}
