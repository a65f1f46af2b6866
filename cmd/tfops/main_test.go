package main

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/exit"
)

var update = flag.Bool("update", false, "write docs/cli.md and the golden files anew")

// beTfops in the environment makes this binary tfops, for tests of what a
// whole process does.
const beTfops = "TFOPS_TEST_IS_TFOPS"

// TestMain lets a daemon in a test start this binary as its runner.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "runner" {
		main()
	}
	if os.Getenv(beTfops) != "" {
		main()
	}
	os.Exit(m.Run())
}

// noon is the clock of tests that print times.
var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// shell runs commands as a person's shell would, in this process.
type shell struct {
	t   *testing.T
	env map[string]string
	now func() time.Time
}

// newShell works in a directory of its own, without any configuration.
func newShell(t *testing.T) *shell {
	t.Helper()
	t.Chdir(t.TempDir())
	return &shell{t: t, env: map[string]string{"PATH": os.Getenv("PATH")}, now: func() time.Time { return noon }}
}

// result is what a command left.
type result struct {
	out, err string
	status   int
}

func (s *shell) run(args ...string) result {
	s.t.Helper()
	return s.runIn(s.t.Context(), args...)
}

func (s *shell) runIn(ctx context.Context, args ...string) result {
	var out, err bytes.Buffer
	a := &app{stdin: &bytes.Buffer{}, stdout: &out, stderr: &err, getenv: func(k string) string { return s.env[k] },
		now: s.now}
	status := a.run(ctx, args)
	return result{out.String(), err.String(), status}
}

// ok runs a command that must succeed and returns what it printed to stdout.
func (s *shell) ok(args ...string) string {
	s.t.Helper()
	r := s.run(args...)
	if r.status != exit.Done {
		s.t.Fatalf("tfops %q: exit status %d\n%s%s", args, r.status, r.out, r.err)
	}
	return r.out
}

// ends runs a command that must end with this exit status.
func (s *shell) ends(status int, args ...string) result {
	s.t.Helper()
	r := s.run(args...)
	if r.status != status {
		s.t.Fatalf("tfops %q: exit status %d, not %d\n%s%s", args, r.status, status, r.out, r.err)
	}
	return r
}

// golden compares text with a file in testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join(sourceDir, "testdata", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v: write it with go test -update ./cmd/tfops", err)
	}
	if got != string(want) {
		t.Errorf("%s differs.\ngot:\n%s\nwant:\n%s", name, got, want)
	}
}

// sourceDir is where the tests began: they change to directories of their own.
var sourceDir, _ = os.Getwd()
