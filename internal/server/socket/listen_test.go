package socket

import (
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/testrig"
)

func mode(t *testing.T, path string) fs.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}

func gidOf(t *testing.T, path string) int {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return int(info.Sys().(*syscall.Stat_t).Gid)
}

func listen(t *testing.T, path, group string) net.Listener {
	t.Helper()
	l, err := Listen(path, group, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// umask sets the process's umask for the test; the tests of this file that
// depend on modes do not run in parallel.
func umask(t *testing.T, mask int) {
	old := syscall.Umask(mask)
	t.Cleanup(func() { syscall.Umask(old) })
}

func TestTheSocketIsTheOwners(t *testing.T) {
	for _, mask := range []int{0, 0o022, 0o777} {
		dir := filepath.Join(t.TempDir(), "data")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		umask(t, mask)
		path := filepath.Join(dir, "tfops.sock")
		l := listen(t, path, "")
		if got := mode(t, path); got != 0o600 {
			t.Errorf("umask %o: the socket has mode %o", mask, got)
		}
		if got := mode(t, dir); got != 0o700 {
			t.Errorf("umask %o: the directory has mode %o", mask, got)
		}
		if l.Addr().String() != path {
			t.Errorf("it listens at %s", l.Addr())
		}
		names, err := os.ReadDir(dir)
		if err != nil || len(names) != 1 {
			t.Errorf("beside the socket there is %v, %v", names, err)
		}
		l.Close()
		if _, err := os.Lstat(path); !os.IsNotExist(err) {
			t.Errorf("the socket outlives its listener: %v", err)
		}
		syscall.Umask(0o022)
	}
}

// TestASharedSocketOpensNothingElse checks the modes of a data directory whose
// socket a group shares, and that they go back when it is shared no more.
func TestASharedSocketOpensNothingElse(t *testing.T) {
	umask(t, 0)
	dir := filepath.Join(t.TempDir(), "data")
	for _, d := range []string{dir, filepath.Join(dir, "runs")} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, mode := range map[string]fs.FileMode{"tfops.db": 0o644, "key": 0o600} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	g := testrig.Group(t)
	path := filepath.Join(dir, "tfops.sock")
	l := listen(t, path, g.Name)
	for name, want := range map[string]fs.FileMode{dir: 0o710, path: 0o660, filepath.Join(dir, "runs"): 0o700,
		filepath.Join(dir, "tfops.db"): 0o600, filepath.Join(dir, "key"): 0o600, outside: 0o644} {
		if got := mode(t, name); got != want {
			t.Errorf("%s has mode %o, want %o", name, got, want)
		}
	}
	for _, p := range []string{dir, path} {
		if got := gidOf(t, p); strconv.Itoa(got) != g.Gid {
			t.Errorf("%s belongs to group %d, want %s", p, got, g.Gid)
		}
	}
	l.Close()
	listen(t, path, "")
	if d, s := mode(t, dir), mode(t, path); d != 0o700 || s != 0o600 {
		t.Errorf("unshared again, the directory has mode %o and the socket %o", d, s)
	}
}

func TestListenReplacesOnlyAStaleSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tfops.sock")
	left, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = Listen(path, "", false)
	testrig.WantFault(t, err, fault.Conflict, path, "another process")
	left.SetUnlinkOnClose(false) // as a killed daemon leaves it
	left.Close()
	if err := os.Mkdir(filepath.Join(filepath.Dir(path), ".sock"), 0o700); err != nil { // and where it was being made
		t.Fatal(err)
	}
	first := listen(t, path, "")
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatalf("nobody answers on the new socket: %v", err)
	}
	c.Close()

	// One that another process has put there meanwhile is not removed.
	if err := os.Rename(path, path+".old"); err != nil {
		t.Fatal(err)
	}
	second := listen(t, path, "")
	first.Close()
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("closing the first listener took the second's socket: %v", err)
	}
	second.Close()
}

func TestListenRefuses(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	shared := filepath.Join(dir, "shared")
	if err := os.Mkdir(shared, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(shared, 0o777|fs.ModeSticky); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, path, group string
		code              fault.Code
		says              string
	}{
		{"a file in the way", file, "", fault.Conflict, "move it away"},
		{"no such group", filepath.Join(dir, "s"), "no-such-group", fault.Invalid, "no-such-group"},
		{"a shared directory", filepath.Join(shared, "s"), "", fault.Invalid, "data_dir of its own"},
		{"a path that is too long", filepath.Join(dir, strings.Repeat("x", maxPath), "s"), "", fault.Invalid,
			"shorter data_dir"},
		{"no directory", filepath.Join(dir, "none", "s"), "", fault.Unavailable, "data directory"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Listen(tt.path, tt.group, false)
			testrig.WantFault(t, err, tt.code, tt.says)
		})
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != "precious" {
		t.Errorf("the file in the way has now %q, %v", b, err)
	}
	if got := mode(t, shared); got != 0o777 {
		t.Errorf("the shared directory has mode %o now", got)
	}
}
