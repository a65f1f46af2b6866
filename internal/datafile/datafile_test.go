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

// Below a directory that Beneath names no link is followed, wherever it is; what is the key or
// the store by another name is not opened; and the same holds where the kernel has no openat2.
func TestBeneath(t *testing.T) {
	root := filepath.Join(t.TempDir(), "real")
	for _, dir := range []string{"runs/r/plan", "runs/other", "elsewhere"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	link := filepath.Join(filepath.Dir(root), "link") // the way to a data directory may have links
	if err := os.Symlink(root, link); err != nil {
		t.Fatal(err)
	}
	Beneath(link)
	at := func(name string) string { return filepath.Join(link, name) }
	for _, name := range []string{"key", "tfops.db", "runs/r/plan/real", "runs/other/secret", "elsewhere/file"} {
		if err := os.WriteFile(at(name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, err := range []error{
		os.Symlink("../../../key", at("runs/r/plan/link")), os.Symlink("other", at("runs/linked")),
		os.Symlink(root, at("runs/r/up")), os.Symlink("real", at("runs/r/plan/beside")),
		os.Link(at("key"), at("runs/r/plan/hard")), os.Link(at("tfops.db"), at("runs/r/plan/store")),
		os.Link(at("runs/other/secret"), at("runs/r/plan/second")),
		os.Symlink("/proc/self/environ", at("runs/r/plan/environ")), os.Symlink("/proc/self/root", at("runs/r/proc")),
		unix.Mkfifo(at("runs/r/plan/pipe"), 0o600), os.Symlink("new", at("runs/r/plan/dangling")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	defer lacking.Store(false)
	for _, without := range []bool{false, true} {
		lacking.Store(without)
		for name, want := range map[string]error{
			"key": nil, "runs/r/plan/real": nil, "runs/other/secret": nil, "runs/r/plan/second": nil,
			"runs/r/plan/link": ErrStrange, "runs/linked/secret": ErrStrange, "runs/r/up/key": ErrStrange,
			"runs/r/up/elsewhere/file": ErrStrange, "runs/r/plan/beside": ErrStrange, "runs/r/plan/hard": ErrStrange,
			"runs/r/plan/store": ErrStrange, "runs/r/plan/environ": ErrStrange, "runs/r/proc/etc/passwd": ErrStrange,
			"runs/r/plan/pipe": ErrStrange, "runs/r/plan": ErrStrange, "runs/r/plan/real/x": unix.ENOTDIR,
			"runs/none/x": fs.ErrNotExist, "runs/r/plan/none": fs.ErrNotExist,
		} {
			b, err := Read(at(name), 100)
			if !errors.Is(err, want) || want == nil && (err != nil || len(b) == 0) {
				t.Errorf("without openat2 %t: %s: %q, %v, want %v", without, name, b, err, want)
			}
		}
		if _, err := ReadSole(at("runs/r/plan/second"), 100); !errors.Is(err, ErrStrange) {
			t.Errorf("a second name of a file: %v", err)
		}
		for _, name := range []string{"runs/r/plan/link", "runs/r/plan/dangling", "runs/linked/new", "runs/r/up/new",
			"runs/r/plan/hard"} {
			if f, err := OpenFile(at(name), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600); !errors.Is(err, ErrStrange) {
				f.Close()
				t.Errorf("%s is written to: %v", name, err)
			}
		}
		if b, err := os.ReadFile(at("key")); err != nil || string(b) != "key" {
			t.Errorf("the key is %q, %v", b, err)
		}
		if _, err := os.Lstat(at("runs/r/plan/new")); err == nil {
			t.Error("a file was made behind a link")
		}
		for name, want := range map[string]error{"runs/linked": unix.ENOTDIR, "runs/r/up": unix.ENOTDIR,
			"runs/r/plan": nil, "": nil} {
			d, err := OpenDir(at(name))
			if !(errors.Is(err, want) || want != nil && errors.Is(err, unix.ELOOP)) || want == nil && err != nil {
				t.Errorf("the directory %q: %v, want %v", name, err, want)
			}
			d.Close()
		}
	}
}

// A file that is replaced while it is read is either of the two, and never what a link leads to.
func TestReplacedDuringReading(t *testing.T) {
	root := t.TempDir()
	Beneath(root)
	at := func(name string) string { return filepath.Join(root, name) }
	if err := os.Mkdir(at("run"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"key": "secret", "run/a": "first", "run/b": "second"} {
		if err := os.WriteFile(at(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			tmp := at("run/tmp")
			switch i % 3 {
			case 0:
				_ = os.Symlink("../key", tmp)
			case 1:
				_ = os.Link(at("key"), tmp)
			default:
				_ = os.WriteFile(tmp, []byte("second"), 0o600)
			}
			_ = os.Rename(tmp, at("run/a"))
			_ = os.Remove(tmp)
		}
	}()
	for range 3000 {
		b, err := ReadSole(at("run/a"), 100)
		if err == nil && string(b) != "first" && string(b) != "second" && len(b) > 0 {
			t.Fatalf("read %q", b)
		}
	}
	close(stop)
	<-ended
}
