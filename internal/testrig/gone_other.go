//go:build unix && !linux

package testrig

import (
	"errors"
	"syscall"
	"testing"
	"time"
)

// WaitGone waits until a process ended, whoever its parent is.
func WaitGone(t testing.TB, pid int) {
	t.Helper()
	ctx, cancel := Deadline(t)
	defer cancel()
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		select {
		case <-look.C:
		case <-ctx.Done():
			t.Fatalf("process %d did not end in time", pid)
		}
	}
}
