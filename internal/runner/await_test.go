package runner

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/job"
)

func kill(t *testing.T, pid int) {
	t.Helper()
	if pid <= 0 {
		t.Fatalf("no process to kill: %d", pid)
	}
	if err := unix.Kill(pid, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

// awaitExit waits until a process has ended.
func awaitExit(t *testing.T, pid int) {
	t.Helper()
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 30_000)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || n == 0 {
			t.Fatalf("process %d does not end: %v", pid, err)
		}
		return
	}
}

// awaitEvent waits until the log holds a text.
func (f *flight) awaitEvent(text string) {
	f.t.Helper()
	w, err := fsnotify.NewWatcher()
	if err != nil {
		f.t.Fatal(err)
	}
	defer w.Close()
	if err := w.Add(filepath.Join(f.dir)); err != nil {
		f.t.Fatal(err)
	}
	late := time.After(time.Minute)
	for !strings.Contains(f.read(job.EventsFile), text) {
		select {
		case <-w.Events:
		case err := <-w.Errors:
			f.t.Fatal(err)
		case <-late:
			f.t.Fatalf("the log never said %q:\n%s", text, f.read(job.EventsFile))
		}
	}
}
