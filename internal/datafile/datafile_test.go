package datafile

import (
	"bytes"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// Whatever lies under a name, nobody waits for it, follows it, or reads it without end.
func TestStrangeFiles(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	write := func(name string, b []byte) {
		t.Helper()
		if err := os.WriteFile(at(name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("plain", []byte("content"))
	write("empty", nil)
	write("sparse", nil)
	write("exact", make([]byte, 100))
	write("one more", make([]byte, 101))
	listener, err := net.Listen("unix", at("socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	for _, err := range []error{
		unix.Mkfifo(at("pipe"), 0o600), os.Mkdir(at("directory"), 0o700), os.Truncate(at("sparse"), 1<<40),
		os.Symlink(at("plain"), at("link")), os.Symlink("/dev/zero", at("link to a device")),
		os.Symlink(at("pipe"), at("link to a pipe")), os.Symlink("nowhere", at("link to nothing")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]error{
		"plain": nil, "empty": nil, "exact": nil, "one more": ErrTooLarge, "sparse": ErrTooLarge,
		"gone": fs.ErrNotExist,
		"pipe": ErrStrange, "socket": ErrStrange, "directory": ErrStrange, "link": ErrStrange,
		"link to a device": ErrStrange, "link to a pipe": ErrStrange, "link to nothing": ErrStrange,
	} {
		b, err := Read(at(name), 100)
		if !errors.Is(err, want) || want == nil && err != nil {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
		var where *fs.PathError
		if err != nil && (!errors.As(err, &where) || where.Path != at(name)) {
			t.Errorf("%s: %v does not say which file", name, err)
		}
		real, _ := os.ReadFile(at("plain"))
		if name == "plain" && !bytes.Equal(b, real) || name == "exact" && len(b) != 100 {
			t.Errorf("%s has %d bytes", name, len(b))
		}
	}
	for _, name := range []string{"pipe", "link", "link to a device", "link to nothing"} {
		if f, err := OpenFile(at(name), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600); !errors.Is(err, ErrStrange) {
			f.Close()
			t.Errorf("%s is written to: %v", name, err)
		}
	}
}
