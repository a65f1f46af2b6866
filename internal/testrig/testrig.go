// Package testrig is what tests of several packages stand on: the real
// engine, a provider of our own, the built tfops binary, a release server.
//
// What takes long to build is kept between test runs in the directory that
// CacheDir names, outside the repository, under a name made from the content
// of the sources it was built from. That directory is only a cache: it may be
// removed at any time and is filled again by the next test that needs it.
package testrig

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
)

// Terraform returns the path of the real terraform on PATH. Tests are not
// skipped without it: they fail and say what to install.
func Terraform(t testing.TB) string {
	t.Helper()
	return tool(t, "terraform", "install Terraform 1.5 or newer on PATH to run the tests")
}

// Tofu returns the path of a real tofu: the one on PATH, or else one that is
// built. Where it cannot be built the test goes on without it and says so.
func Tofu(t testing.TB) (string, bool) {
	t.Helper()
	if path, err := exec.LookPath("tofu"); err == nil {
		if path, err = filepath.Abs(path); err == nil {
			return path, true
		}
	}
	return Engine(t, OpenTofu)
}

func tool(t testing.TB, name, remedy string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		t.Fatalf("%s is not on PATH (%v): %s", name, err, remedy)
	}
	return path
}

// FreePort returns a TCP port of 127.0.0.1 that was free a moment ago. Where
// the server under test can listen on port 0, let it do that instead.
func FreePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// WaitFile returns the content of a file as soon as it exists; its directory
// must. Who writes it should rename it into place, so that it is never seen
// half. The test fails if it has to wait longer than Deadline allows.
func WaitFile(t testing.TB, path string) []byte {
	t.Helper()
	ctx, cancel := Deadline(t)
	defer cancel()
	watch, err := fsnotify.NewWatcher()
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Close()
	if err := watch.Add(filepath.Dir(path)); err != nil {
		t.Fatalf("waiting for %s: %v", path, err)
	}
	for {
		data, err := os.ReadFile(path)
		if err == nil {
			return data
		}
		if !errors.Is(err, os.ErrNotExist) {
			t.Fatalf("waiting for %s: %v", path, err)
		}
		select {
		case <-watch.Events:
		case err := <-watch.Errors:
			t.Fatalf("waiting for %s: %v", path, err)
		case <-ctx.Done():
			t.Fatalf("%s did not appear in time", path)
		}
	}
}

// patience bounds every wait of a test: far above what anything here takes,
// and far below the ten minutes that `go test` gives a package.
const patience = 3 * time.Minute

// Deadline is the test's context with an end to its waits: patience from now,
// or earlier, so that there is time to clean up and to tell what was waited for
// before `go test` ends the test itself.
func Deadline(t testing.TB) (context.Context, context.CancelFunc) {
	end := time.Now().Add(patience)
	if d, ok := t.(interface{ Deadline() (time.Time, bool) }); ok {
		if last, ok := d.Deadline(); ok && last.Add(-10*time.Second).Before(end) {
			end = last.Add(-10 * time.Second)
		}
	}
	return context.WithDeadline(t.Context(), end)
}

// Kill ends the process with SIGKILL, as a crash would. Give it only ids of
// processes that the test started. A process that is gone already is fine.
func Kill(t testing.TB, pid int) {
	t.Helper()
	if pid <= 1 {
		t.Fatalf("%d is not the id of a process of this test", pid)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		t.Fatalf("killing process %d: %v", pid, err)
	}
}

// Root returns the root directory of the repository.
func Root(t testing.TB) string {
	t.Helper()
	_, file, _, _ := runtime.Caller(0)
	root := filepath.Dir(filepath.Dir(filepath.Dir(file)))
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil {
		t.Fatalf("the repository's root is not known (a test built with -trimpath?): %v", err)
	}
	return root
}

// WriteJSON writes a value into a file, and makes its directory.
func WriteJSON(t testing.TB, path string, v any) {
	t.Helper()
	b, err := json.Marshal(v)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o700)
	}
	if err == nil {
		err = os.WriteFile(path, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Inode is the number of a file within its file system.
func Inode(info os.FileInfo) uint64 {
	st, _ := info.Sys().(*syscall.Stat_t)
	return st.Ino
}
