package server

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/job"
)

// TestARemovedSocketIsMadeAgain removes the socket of a server in several ways
// while a client follows a log over it: that one reads on to its end, and others
// connect again.
func TestARemovedSocketIsMadeAgain(t *testing.T) {
	var letPlan func()
	r := newRig(t, []fleet.Definition{define("a")}, func(r *rig, _ *Options) { letPlan = r.runners.hold(job.PlanPhase) })
	dir := <-r.runners.started
	id := filepath.Base(filepath.Dir(dir))
	away := r.socket + ".away"
	ways := []func() error{
		func() error { return os.Remove(r.socket) },
		func() error { return os.Rename(r.socket, away) }, // which answers on
		func() error { return abandoned(r.socket) },
	}
	lines := 0
	for _, err := range r.client.Log(t.Context(), id, true) {
		if err != nil {
			t.Fatalf("after %d lines: %v", lines, err)
		}
		lines++
		if lines > len(ways) {
			letPlan()
			continue
		}
		if err := ways[lines-1](); err != nil {
			t.Fatal(err)
		}
		if made, err := r.listener.Restore(); !made || err != nil {
			t.Fatalf("way %d: made %v, %v", lines, made, err)
		}
		fresh, err := api.New(api.ClientOptions{Server: "unix://" + r.socket})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fresh.Run(t.Context(), id); err != nil {
			t.Errorf("way %d: nobody answers on the new socket: %v", lines, err)
		}
		fresh.Close()
		if got := mode(t, r.socket); got != 0o600 {
			t.Errorf("way %d: the new socket has mode %o", lines, got)
		}
		if made, err := r.listener.Restore(); made || err != nil {
			t.Errorf("way %d: it was made twice: %v", lines, err)
		}
		if err := r.runners.say(dir, "more"); err != nil {
			t.Fatal(err)
		}
	}
	if lines != len(ways)+2 {
		t.Errorf("the log that was followed had %d lines", lines)
	}
	if _, err := os.Stat(filepath.Join(r.dir, ".sock")); !os.IsNotExist(err) {
		t.Errorf("where it was made is still there: %v", err)
	}
	r.stopServer()
	if _, err := os.Lstat(r.socket); !os.IsNotExist(err) {
		t.Errorf("the socket outlives its server: %v", err)
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		c, err := net.Dial("unix", away)
		if err != nil {
			break
		}
		c.Close()
		if time.Now().After(deadline) {
			t.Fatal("the listener that was replaced is still at work")
		}
	}
}

// abandoned leaves a socket of ours at path that nobody listens on.
func abandoned(path string) error {
	if err := os.Remove(path); err != nil {
		return err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return err
	}
	l.SetUnlinkOnClose(false)
	return l.Close()
}

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
		{"a file", false, func(path string) error { return os.WriteFile(path, []byte("precious"), 0o600) }, "move it away"},
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
			l, err := Listen(path, "")
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
				wantFault(t, err, fault.Conflict, path, tt.says)
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
	l, err := Listen(path, "")
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
