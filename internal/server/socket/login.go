package socket

import (
	"io"
	"math"
	"os"
	"strconv"
	"strings"
)

// loginOf is the uid that logged in to the session of the process that connected, which sudo
// and su leave as it was; nil where nobody did, where the kernel is older than Linux 6.5, and
// where the process has ended. A process id may be another's by now: what its file says is
// believed only if the process that connected, which the kernel names by a descriptor, still
// lives after it was read.
func loginOf(pid int32, pidfd int) *uint32 {
	if pidfd < 0 || pid <= 0 {
		return nil
	}
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
