package module

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/tfops/tfops/internal/runner/backend"
)

func TestReadModule(t *testing.T) {
	tree := t.TempDir()
	for name, content := range map[string]string{
		"root/main.tf": "terraform {\n  required_version = \">= 1.5\"\n}\nmodule \"m\" {\n  source " +
			"= \"../m\"\n}\n",
		"root/x.tf.json":               `{"terraform": {"required_version": "< 3", "backend": {"s3": {}}}}`,
		"root/main.tofu":               "terraform {\n  required_version = \">= 1.8\"\n}\n",
		"root/.hidden.tf":              "terraform {",
		"root/" + backend.OverrideFile: string(backend.OverrideContent("/w")),
		"m/main.tf": "terraform {\n  required_version = \"0.1\"\n  backend \"gcs\" " +
			"{}\n}\nresource \"aws_vpc\" \"v\" {}\nmodule \"self\" {\n  source = \"../m\"\n}\nmodule \"far\" {\n  " +
			"source = \"a/b/c\"\n}\n",
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
	m, err := Read(tree, filepath.Join(tree, "root"), false)
	if err != nil || fmt.Sprint(m.Required) != "[>= 1.5 < 3 0.1]" || m.Backend != "s3" || !m.Providers ||
		fmt.Sprint(m.Calls) != "[{m.far a/b/c }]" || m.Unread || m.Empty {
		t.Fatalf("%+v, %v", m, err)
	}
	m, err = Read(tree, filepath.Join(tree, "root"), true)
	if err != nil || fmt.Sprint(m.Required) != "[>= 1.8 < 3]" || m.Providers {
		t.Fatalf("tofu: %+v, %v", m, err)
	}
}

// What override files say takes the place of what others do, and a call leads where they say.
func TestReadModuleWithOverrides(t *testing.T) {
	tree := t.TempDir()
	for name, content := range map[string]string{
		"main.tf": "module \"m\" {\n  source = \"./old\"\n}\nmodule \"w\" {\n  source = \".\\\\new\"\n}\n" +
			"variable \"v\" {\n  ephemeral = true\n}\n",
		"z.tf":             "terraform {\n  required_version = \">= 99\"\n  backend \"s3\" {}\n}\n",
		"a.b_override.tf":  "module \"m\" {\n  source = \"./new\"\n}\nvariable \"v\" {\n  ephemeral = false\n}\n",
		"override.tf.json": `{"terraform": {"required_version": ">= 1", "backend": {"gcs": {"bucket": "b"}}}}`,
		"old/main.tf": "terraform {\n  required_version = \">= 98\"\n}\nmodule \"far\" {\n  source = " +
			"\"a/b/c\"\n}\n",
		"new/main.tf": "terraform {\n  required_version = \">= 1.1\"\n}\n",
	} {
		file := filepath.Join(tree, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700),
			os.WriteFile(file, []byte(content), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	m, err := Read(tree, tree, false)
	if err != nil || m.Unread || fmt.Sprint(m.Required) != "[>= 1 >= 1.1]" || m.Backend != "gcs" ||
		m.Place != "bucket=b" ||
		len(m.Calls) != 0 || m.Unknown || len(m.Variables) != 1 || m.Variables["v"] {
		t.Errorf("%+v, %v", m, err)
	}
}
