package testrig

import (
	"errors"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// WaitGone waits until a process ended, whoever its parent is.
func WaitGone(t testing.TB, pid int) {
	t.Helper()
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return
	}
	if err != nil {
		t.Fatalf("waiting for the end of process %d: %v", pid, err)
	}
	defer unix.Close(fd)
	ctx, cancel := Deadline(t)
	defer cancel()
	for {
		end, _ := ctx.Deadline()
		left := max(time.Until(end), 0)
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(left.Milliseconds()))
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			t.Fatalf("waiting for the end of process %d: %v", pid, err)
		case n == 0:
			t.Fatalf("process %d did not end in time", pid)
		default:
			return
		}
	}
}
