package examples_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	examples "github.com/tfops/tfops/examples/terraform"
)

// Every root module of the examples plans and applies with the real engine,
// leaves nothing to do, and mends what was changed behind its back.
func TestExamplesApply(t *testing.T) {
	terraform, err := exec.LookPath("terraform")
	if err != nil {
		t.Fatal("these tests need terraform on PATH")
	}
	roots := map[string][]string{ // and their variables
		"single-module":                     {"file"},
		"shared-module/live/prod":           {"directory"},
		"shared-module/live/staging":        {"directory"},
		"directory-per-environment/dev":     nil,
		"directory-per-environment/staging": nil,
		"directory-per-environment/prod":    nil,
	}
	for root, vars := range roots {
		t.Run(root, func(t *testing.T) {
			t.Parallel()
			dir, world := t.TempDir(), t.TempDir()
			if err := os.CopyFS(dir, examples.Files); err != nil {
				t.Fatal(err)
			}
			cli := filepath.Join(world, "cli.tfrc")
			if err := os.WriteFile(cli, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(world, "file.txt")
			run := func(args ...string) (string, int) {
				cmd := exec.Command(terraform, args...)
				cmd.Dir = filepath.Join(dir, root)
				cmd.Env = append(os.Environ(), "TF_CLI_CONFIG_FILE="+cli, "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1")
				for _, v := range vars {
					value := world
					if v == "file" {
						value = file
					}
					cmd.Env = append(cmd.Env, "TF_VAR_"+v+"="+value)
				}
				out, _ := cmd.CombinedOutput()
				return string(out), cmd.ProcessState.ExitCode()
			}
			must := func(want int, args ...string) {
				t.Helper()
				if out, code := run(args...); code != want {
					t.Fatalf("terraform %s: exit %d, want %d\n%s", strings.Join(args, " "), code, want, out)
				}
			}
			must(0, "init", "-no-color")
			must(2, "plan", "-detailed-exitcode", "-no-color")
			must(0, "apply", "-auto-approve", "-no-color")
			must(0, "plan", "-detailed-exitcode", "-no-color")
			written, _ := filepath.Glob(filepath.Join(world, "*.txt"))
			for _, f := range written {
				before, _ := os.ReadFile(f)
				if err := os.WriteFile(f, []byte("somebody was here"), 0o600); err != nil {
					t.Fatal(err)
				}
				must(2, "plan", "-detailed-exitcode", "-no-color")
				must(0, "apply", "-auto-approve", "-no-color")
				must(0, "plan", "-detailed-exitcode", "-no-color")
				if after, _ := os.ReadFile(f); string(after) != string(before) {
					t.Errorf("%s was not put right: %q", f, after)
				}
			}
			if len(vars) > 0 && len(written) != 1 {
				t.Errorf("%d files were written", len(written))
			}
			must(0, "destroy", "-auto-approve", "-no-color")
		})
	}
}

// The examples must stay runnable without a download.
func TestExamplesNeedNoProvider(t *testing.T) {
	err := fs.WalkDir(examples.Files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".tf") {
			return err
		}
		b, err := examples.Files.ReadFile(path)
		if strings.Contains(string(b), "required_providers") {
			t.Errorf("%s requires a provider", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
