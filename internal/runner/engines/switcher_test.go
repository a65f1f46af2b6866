package engines_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/runner/engines"
	"github.com/tfops/tfops/internal/testrig"
)

// chosen is a directory that a version switcher has this version for.
func chosen(t *testing.T, version string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, ".terraform-version"), []byte(version+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// asked has version switchers asked in a directory.
func asked(dir string) engines.Asking {
	return func(ctx context.Context, path string, env map[string]string) ([]byte, error) {
		cmd := exec.CommandContext(ctx, path, engines.Arguments...)
		cmd.Dir = dir
		for name, value := range env {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
		return engines.Told(cmd)
	}
}

// A version switcher is one file that answers differently: in each directory,
// with each environment, and tomorrow.
func TestVersionSwitcherIsAskedEachTime(t *testing.T) {
	req := request(t, nil)
	req.SearchPath = switcherOnPath(t)
	one, two := chosen(t, "1.5.7"), chosen(t, "1.9.8")
	for range 2 {
		req.Ask = asked(one)
		found(t, req, "1.5.7")
		req.Ask = asked(two)
		found(t, req, "1.9.8")
	}
	if err := os.WriteFile(filepath.Join(two, ".terraform-version"), []byte("1.10.5"), 0o600); err != nil {
		t.Fatal(err)
	}
	found(t, req, "1.10.5")
	req.Env = map[string]string{"SWITCHER_VERSION": "1.12.2"}
	found(t, req, "1.12.2")
	req.Env, req.Ask = nil, asked(t.TempDir())
	missing(t, req, fault.Unavailable, "no version is set for this directory")
	// named in the configuration, it is one all the same
	req.Ask, req.Path = asked(one), filepath.Join(req.SearchPath, "terraform")
	found(t, req, "1.5.7")
}

// What an older tfops remembered of a switcher is not believed.
func TestMemoryOfASwitcherIsNotBelieved(t *testing.T) {
	req := request(t, nil)
	req.SearchPath, req.Ask = switcherOnPath(t), asked(chosen(t, "1.5.7"))
	path := filepath.Join(req.SearchPath, "terraform")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	testrig.WriteJSON(t, filepath.Join(req.CacheDir, "engines", "versions.json"), map[string]any{
		path: map[string]any{"size": info.Size(), "mod_time": info.ModTime().UnixNano(), "inode": testrig.Inode(info),
			"version": "1.11.4"}})
	found(t, req, "1.5.7")
}

func TestSwitched(t *testing.T) {
	req := request(t, nil)
	req.SearchPath = switcherOnPath(t)
	if !engines.Switched(req) {
		t.Error("a version switcher is taken for an engine")
	}
	req.SearchPath = filepath.Dir(testrig.Terraform(t)) + ":" + req.SearchPath
	if engines.Switched(req) {
		t.Error("the engine is taken for a version switcher")
	}
	req.SearchPath = t.TempDir()
	if engines.Switched(req) {
		t.Error("there is neither")
	}
}

// The engine of a plan is the one of that version, wherever it is, and no other.
func TestExactVersion(t *testing.T) {
	r := testrig.NewReleases(t)
	publish(t, r, "terraform", "1.5.7", "1.6.0-rc1", "1.6.0")
	req := request(t, r, ">= 1.5")
	found(t, withConstraint(req, "1.5.7"), "1.5.7")
	found(t, withConstraint(req, "1.6.0-rc1"), "1.6.0-rc1")
	found(t, withConstraint(req, "1.6.0"), "1.6.0")
	for _, version := range []string{"1.5.7", "1.6.0-rc1", "1.6.0"} {
		req.Exact = version
		e, err := engines.Lookup(t.Context(), req)
		if err != nil || e.Version != version {
			t.Errorf("asked for exactly %s: %+v, %v", version, e, err)
		}
	}
	req.Exact = "1.5.6"
	_, err := engines.Lookup(t.Context(), req)
	if !fault.Is(err, fault.NotFound) || !strings.Contains(err.Error(), `"1.5.6" (which made the plan)`) {
		t.Errorf("%v", err)
	}
	req.Exact, req.Constraints = "1.5.7", []string{">= 1.6"}
	if e, err := engines.Lookup(t.Context(), req); err == nil {
		t.Errorf("the configuration forbids it by now: %+v", e)
	}
}

// Constraints that exclude one another are told at once, each with its place.
func TestConstraintsThatExcludeOneAnother(t *testing.T) {
	req := request(t, nil, "~> 1.11", "= 1.5.7", ">= 1.4")
	req.From = []string{"version of the engine block", "live/.terraform-version", "required_version in main.tf"}
	req.ReleaseURL = "http://127.0.0.1:1" // is not asked
	missing(t, req, fault.Invalid, `"~> 1.11" (version of the engine block)`, `"= 1.5.7" (live/.terraform-version)`)
	req.Constraints, req.From = []string{"1.5.7", "1.5.8"}, []string{"a/.terraform-version", "a/.tool-versions"}
	missing(t, req, fault.Invalid, "a/.terraform-version", "a/.tool-versions")
}
