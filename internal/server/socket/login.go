package socket

import (
	"io"
	"math"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// loginOf is the uid that logged in to the session of the process that connected, which sudo
// and su leave as it was; nil where nobody did, where the kernel is older than Linux 6.5, and
// where the process has ended. A process id may be another's by now: what its file says is
// believed only if the process that connected, which the kernel names by a descriptor, still
// lives after it was read.
func loginOf(fd int, pid int32) *uint32 {
	pidfd, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PEERPIDFD)
	if err != nil || pid <= 0 {
		return nil
	}
	defer func() { _ = unix.Close(pidfd) }()
	f, err := os.Open("/proc/" + strconv.Itoa(int(pid)) + "/loginuid")
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, 32))
	if err != nil || gone(pidfd) {
		return nil
	}
	uid, err := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 32)
	if err != nil || uid == math.MaxUint32 { // nobody logged in
		return nil
	}
	login := uint32(uid)
	return &login
}

// gone reports whether the process of a descriptor has ended.
func gone(pidfd int) bool {
	fds := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, 0)
	return err != nil || n > 0
}
