package engines_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/runner/engines"
	"github.com/tfops/tfops/internal/testrig"
)

// helperEnv makes the test binary a program that runs one Find: its request
// is the value, its progress and result are lines on stdout.
const helperEnv = "ENGINES_TEST_FIND"

func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "terraform" {
		switcher()
		return
	}
	if text := os.Getenv(helperEnv); text != "" {
		find(text)
		return
	}
	os.Exit(m.Run())
}

// switcher is what a version switcher on PATH does, as a program of its own: it
// answers by the environment and by a file of the directory that it is asked in.
func switcher() {
	v := os.Getenv("SWITCHER_VERSION")
	if v == "" {
		text, err := os.ReadFile(".terraform-version")
		if err != nil {
			os.Stderr.WriteString("no version is set for this directory\n")
			os.Exit(1)
		}
		v = strings.TrimSpace(string(text))
	}
	os.Stdout.WriteString(`{"terraform_version": "` + v + `"}` + "\n")
}

// switcherOnPath is a PATH whose terraform is a version switcher.
func switcherOnPath(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(self, filepath.Join(dir, "terraform")); err != nil {
		t.Fatal(err)
	}
	return dir
}

func find(text string) {
	var req engines.Request
	if err := json.Unmarshal([]byte(text), &req); err != nil {
		panic(err)
	}
	req.Progress = func(line string) { os.Stdout.WriteString(line + "\n") }
	e, err := engines.Find(context.Background(), req)
	if err != nil {
		os.Stdout.WriteString("failed: " + err.Error() + "\n")
		os.Exit(1)
	}
	os.Stdout.WriteString("found: " + e.Path + "\n")
}

// helper is a process that runs one Find.
func helper(t *testing.T, req engines.Request) *exec.Cmd {
	t.Helper()
	req.Progress = nil
	text, err := json.Marshal(struct {
		engines.Request
		Progress any `json:",omitempty"`
		Ask      any `json:",omitempty"`
	}{Request: req})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := testrig.Deadline(t)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), helperEnv+"="+string(text))
	return cmd
}

// request asks for Terraform from the release server alone, into a new cache.
func request(t *testing.T, r *testrig.Releases, constraints ...string) engines.Request {
	t.Helper()
	req := engines.Request{Name: "terraform", Constraints: constraints, CacheDir: filepath.Join(t.TempDir(), "cache")}
	if r != nil {
		req.ReleaseURL, req.PublicKey = r.URL, r.Key
	}
	return req
}

// publish adds versions that only tell their version.
func publish(t *testing.T, r *testrig.Releases, name string, versions ...string) {
	t.Helper()
	for _, v := range versions {
		r.Add(t, name, v, testrig.Archive(t, name, testrig.VersionScript(v)))
	}
}

// found runs Find and wants this version from it.
func found(t *testing.T, req engines.Request, version string) engines.Engine {
	t.Helper()
	e, err := engines.Find(t.Context(), req)
	if err != nil {
		t.Fatalf("%v (next: %s)", err, fault.Next(err))
	}
	if e.Version != version || e.Name != req.Name || !filepath.IsAbs(e.Path) {
		t.Fatalf("found %+v, want %s %s", e, req.Name, version)
	}
	return e
}

// missing runs Find and wants a fault of this code whose message has all parts.
func missing(t *testing.T, req engines.Request, code fault.Code, parts ...string) error {
	t.Helper()
	e, err := engines.Find(t.Context(), req)
	if err == nil {
		t.Fatalf("found %+v, want an error with %q", e, parts)
	}
	var f *fault.Error
	if !errors.As(err, &f) || f.Code != code {
		t.Errorf("the code is %q, want %q: %v", fault.CodeOf(err), code, err)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the message lacks %q: %v", part, err)
		}
	}
	if code != fault.Internal && fault.Next(err) == "" {
		t.Errorf("nothing says what to do next: %v", err)
	}
	return err
}

// kept lists what the cache holds for the engine, without locks.
func kept(t *testing.T, req engines.Request) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(req.CacheDir, "engines", req.Name))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".lock") {
			names = append(names, e.Name())
		}
	}
	return names
}

func wantKept(t *testing.T, req engines.Request, want ...string) {
	t.Helper()
	if got := kept(t, req); !slices.Equal(got, want) {
		t.Errorf("the cache holds %q, want %q", got, want)
	}
}

// script writes an executable named name into a new directory and returns the directory.
func script(t *testing.T, name string, text []byte) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), text, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

func zipRequests(r *testrig.Releases) int {
	n := 0
	for _, p := range r.Requests() {
		if strings.HasSuffix(p, ".zip") {
			n++
		}
	}
	return n
}

func withConstraint(req engines.Request, constraint string) engines.Request {
	req.Constraints = []string{constraint}
	return req
}
