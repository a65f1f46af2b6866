package socket

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/testrig"
)

// TestWhatIsInTheWayStays puts something that is not ours in the place of the
// socket: it is never removed, the error says what it is, and once it is gone
// the socket is made again.
func TestWhatIsInTheWayStays(t *testing.T) {
	for _, tt := range []struct {
		name string
		root bool
		put  func(path string) error
		says string
	}{
		{"a file", false, func(path string) error { return os.WriteFile(path, []byte("precious"), 0o600) },
			"move it away"},
		{"a directory", false, func(path string) error { return os.Mkdir(path, 0o700) }, "move it away"},
		{"a link", false, func(path string) error { return os.Symlink("/dev/null", path) }, "move it away"},
		{"a pipe", false, func(path string) error { return syscall.Mkfifo(path, 0o600) }, "move it away"},
		{"a socket that answers", false, func(path string) error {
			l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
			if err == nil {
				t.Cleanup(func() { l.Close() })
			}
			return err
		}, "another process"},
		{"a dead socket of another user", true, func(path string) error {
			l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
			if err != nil {
				return err
			}
			l.SetUnlinkOnClose(false)
			return errorsOf(l.Close(), os.Chown(path, 12345, -1))
		}, "uid 12345"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.root && os.Geteuid() != 0 {
				t.Logf("NOT RUN: %s: it takes root to give a socket to another user", t.Name())
				return
			}
			path := filepath.Join(t.TempDir(), "s")
			l, err := Listen(path, "", false)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			if err := errorsOf(os.Remove(path), tt.put(path)); err != nil {
				t.Fatal(err)
			}
			before, err := os.Lstat(path)
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				made, err := l.Restore()
				if made {
					t.Fatal("it was replaced")
				}
				testrig.WantFault(t, err, fault.Conflict, path, tt.says)
			}
			if after, err := os.Lstat(path); err != nil || !os.SameFile(before, after) {
				t.Errorf("what was in the way is not there any more: %v", err)
			}
			if err := os.RemoveAll(path); err != nil {
				t.Fatal(err)
			}
			if made, err := l.Restore(); !made || err != nil {
				t.Errorf("once it was gone: made %v, %v", made, err)
			}
		})
	}
}

func errorsOf(all ...error) error {
	for _, err := range all {
		if err != nil {
			return err
		}
	}
	return nil
}

// TestNoConnectionIsLostOverARestore connects again and again while the socket is
// removed and made again: whoever gets through to it is answered.
func TestNoConnectionIsLostOverARestore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := Listen(path, "", false)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			fmt.Fprint(c, "hello")
			c.Close()
		}
	}()
	done := make(chan struct{})
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				c, err := net.Dial("unix", path)
				if err != nil {
					if !strings.Contains(err.Error(), "no such file") {
						t.Errorf("a client was refused: %v", err)
					}
					continue
				}
				b := make([]byte, 5)
				if n, err := c.Read(b); err != nil || string(b[:n]) != "hello" {
					t.Errorf("a client got through and was not answered: %q, %v", b[:n], err)
				}
				c.Close()
			}
		})
	}
	for range 200 {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if made, err := l.Restore(); !made || err != nil {
			t.Fatalf("made %v, %v", made, err)
		}
	}
	close(done)
	clients.Wait()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}
