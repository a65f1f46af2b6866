package module

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/diagnostics"
)

func TestVersionConstraint(t *testing.T) {
	for word, want := range map[string]string{
		"1.5.7": "= 1.5.7", "v1.5.7": "= 1.5.7", "1.6.0-rc1": "= 1.6.0-rc1",
		"1.5": "~> 1.5.0", "1": "~> 1.0",
		"latest": "", "latest-allowed": "", "system": "",
		"latest:^1.5": "~> 1.5.0", `latest:^1\.5\.`: "~> 1.5.0", "latest:1.5": "~> 1.5.0", "latest:^1": "~> 1.0", `latest:^1\.5\.\d+$`: "~> 1.5.0",
		"latest:^1.5.7$": "= 1.5.7", "prefix:1.9": "~> 1.9.0",
		"~>":    "~>", // refused with the other constraints
		">=1.5": ">=1.5", "~> 1.5": "~> 1.5",
	} {
		if got, known := versionConstraint(word); !known || got != want {
			t.Errorf("%q: %q, %v, want %q", word, got, known, want)
		}
	}
	for _, word := range []string{"min-required", "latest:", "latest:^1.5|^1.6", "ref:main", "path:/opt/terraform",
		"lts", "latest:-beta", "1.2.3.4"} {
		if got, known := versionConstraint(word); known {
			t.Errorf("%q is taken for %q", word, got)
		}
	}
}

func TestChosenVersions(t *testing.T) {
	tree := t.TempDir()
	root := filepath.Join(tree, "live", "app")
	if err := os.MkdirAll(root, 0o700); err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(tree, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want := func(engine string, constraints, from []string) {
		t.Helper()
		gotC, gotF, err := ChosenVersions(tree, root, engine)
		if err != nil || !reflect.DeepEqual(gotC, constraints) || !reflect.DeepEqual(gotF, from) {
			t.Errorf("%s: %q from %q, %v; want %q from %q", engine, gotC, gotF, err, constraints, from)
		}
	}
	want("terraform", nil, nil)
	write(".terraform-version", "\ufeff# for all\r\n1.5.7\r\n")
	write(".opentofu-version", "1.9.0\n")
	write(".tool-versions", "nodejs 20.1.0\nterraform 1.5.7 1.4.0 # the first counts\nopentofu 1.9.0\n")
	want("terraform", []string{"= 1.5.7", "= 1.5.7"}, []string{".terraform-version", ".tool-versions"})
	want("tofu", []string{"= 1.9.0", "= 1.9.0"}, []string{".opentofu-version", ".tool-versions"})
	write("live/.terraform-version", "1.9.8")
	write("live/app/.tool-versions", "nodejs 22.0.0\n") // says nothing of this tool
	want("terraform", []string{"= 1.9.8", "= 1.5.7"}, []string{"live/.terraform-version", ".tool-versions"})
	write("live/app/.terraform-version", "latest\n")
	want("terraform", []string{"= 1.5.7"}, []string{".tool-versions"})

	write("live/app/.terraform-version", "min-required\n")
	if _, _, err := ChosenVersions(tree, root, "terraform"); err == nil || !strings.Contains(err.Error(), `live/app/.terraform-version asks for "min-required"`) {
		t.Errorf("%v", err)
	}
	if diagnostics.FailureOf(t.Context(), diagnostics.Refuse(job.CauseBadInput, "x", "y")).Next == "" {
		t.Error("nothing says what to do")
	}
}

// A version file is the repository's: a link out of it, a directory and a huge
// file are not read.
func TestHostileVersionFiles(t *testing.T) {
	tree, outside := t.TempDir(), filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(outside, []byte("1.5.7"), 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(tree, ".terraform-version")
	for name, create := range map[string]func() error{
		"a link out of the tree": func() error { return os.Symlink(outside, path) },
		"a directory":            func() error { return os.Mkdir(path, 0o700) },
		"a link to itself":       func() error { return os.Symlink(path, path) },
		"a huge file":            func() error { return os.WriteFile(path, make([]byte, 8<<20), 0o600) },
	} {
		if err := create(); err != nil {
			t.Fatal(err)
		}
		constraints, _, err := ChosenVersions(tree, tree, "terraform")
		if len(constraints) > 0 || name != "a huge file" && err != nil || err != nil && len(err.Error()) > 1000 {
			t.Errorf("%s: %q, %.200v", name, constraints, err)
		}
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
	}
}
