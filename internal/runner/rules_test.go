package runner

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/hashicorp/terraform-exec/tfexec"

	"github.com/tfops/tfops/internal/runner/backend"
)

func TestReadModule(t *testing.T) {
	tree := t.TempDir()
	for name, content := range map[string]string{
		"root/main.tf":                 "terraform {\n  required_version = \">= 1.5\"\n}\nmodule \"m\" {\n  source = \"../m\"\n}\n",
		"root/x.tf.json":               `{"terraform": {"required_version": "< 3", "backend": {"s3": {}}}}`,
		"root/main.tofu":               "terraform {\n  required_version = \">= 1.8\"\n}\n",
		"root/.hidden.tf":              "terraform {",
		"root/" + backend.OverrideFile: string(backend.OverrideContent("/w")),
		"m/main.tf":                    "terraform {\n  required_version = \"0.1\"\n  backend \"gcs\" {}\n}\nresource \"aws_vpc\" \"v\" {}\nmodule \"self\" {\n  source = \"../m\"\n}\nmodule \"far\" {\n  source = \"a/b/c\"\n}\n",
	} {
		path := filepath.Join(tree, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := backend.RemoveOverrides(filepath.Join(tree, "root")); err != nil {
		t.Fatal(err)
	}
	m, err := readModule(tree, filepath.Join(tree, "root"), false)
	if err != nil || fmt.Sprint(m.required) != "[>= 1.5 0.1 < 3]" || m.backend != "s3" || !m.providers || fmt.Sprint(m.calls) != "[{m.far a/b/c }]" || m.unread || m.empty {
		t.Fatalf("%+v, %v", m, err)
	}
	m, err = readModule(tree, filepath.Join(tree, "root"), true)
	if err != nil || fmt.Sprint(m.required) != "[>= 1.8 < 3]" || m.providers {
		t.Fatalf("tofu: %+v, %v", m, err)
	}
}

// terraform-exec must take the version from us: this fails when its field
// was renamed, and every phase then asks the engine for its version.
func TestVersionIsTold(t *testing.T) {
	tf, err := tfexec.NewTerraform(t.TempDir(), "/nonexistent/terraform")
	if err != nil {
		t.Fatal(err)
	}
	tellVersion(tf, "1.11.4")
	if v, _, err := tf.Version(t.Context(), false); err != nil || v.String() != "1.11.4" {
		t.Fatalf("%v, %v", v, err)
	}
}
