package fault

import (
	"errors"
	"io/fs"
	"strings"
	"syscall"
)

// Lack is what the machine has too little of, and what to do about it.
type Lack struct {
	What string // "too many open files"
	Next string
	Own  bool // a limit of this process or machine, not of a disk: the same call works later
}

// lacks are told apart by the number that the system answers with.
var lacks = []struct {
	numbers []syscall.Errno
	Lack
}{
	{[]syscall.Errno{syscall.EMFILE}, Lack{"too many open files",
		"raise LimitNOFILE of the service (systemd), or the hard limit of ulimit -n, and start tfops serve again",
		true}},
	{[]syscall.Errno{syscall.ENFILE}, Lack{"too many open files on this machine",
		"raise it: sysctl fs.file-max; or stop what keeps so many files open (lsof)", true}},
	{[]syscall.Errno{syscall.EAGAIN}, Lack{"too many processes",
		"raise TasksMax of the service (systemd), or the hard limit of ulimit -u, and start tfops serve again", true}},
	{[]syscall.Errno{syscall.ENOMEM}, Lack{"too little memory",
		"give the machine or the service (MemoryMax) more memory, or lower runner.concurrency", true}},
	{[]syscall.Errno{syscall.ENOSPC}, Lack{"no space left on the disk",
		"free space on the data directory's disk (df -h; df -i where it has too many files)", false}},
	{[]syscall.Errno{syscall.EDQUOT}, Lack{"the disk quota is used up",
		"raise the quota of the user that runs tfops, or make room", false}},
	{[]syscall.Errno{syscall.EROFS}, Lack{"the disk is read-only",
		"make its file system writable; the kernel's log (dmesg) says why it is not", false}},
	{[]syscall.Errno{syscall.EIO}, Lack{"the disk fails", "look at the kernel's log (dmesg) and at the disk", false}},
}

// namespaces is what an ENOSPC means where a process was started: no disk is full.
var namespaces = Lack{"too many namespaces",
	"raise it: sysctl user.max_user_namespaces user.max_mnt_namespaces; or stop what holds so many (lsns)", true}

// LackOf says what the machine lacks, by an error of the system in err's chain.
// An EAGAIN counts only where a process was started.
func LackOf(err error) (Lack, bool) {
	if errors.Is(err, syscall.ENOSPC) && ofFork(err) {
		return namespaces, true
	}
	for _, l := range lacks {
		for _, n := range l.numbers {
			if errors.Is(err, n) && (n != syscall.EAGAIN || ofFork(err)) {
				return l.Lack, true
			}
		}
	}
	return Lack{}, false
}

// ofFork reports whether the error comes from starting a process.
func ofFork(err error) bool {
	var path *fs.PathError
	return errors.As(err, &path) && path.Op == "fork/exec"
}

// OfMachine says what to do about an error of the system, where nobody has said
// that: of a limit that was reached the advice of whoever met it is beside the point.
// Any other error it returns as it is.
func OfMachine(err error) error {
	l, ok := LackOf(err)
	next := Next(err)
	if !ok || strings.Contains(next, l.Next) || next != "" && !l.Own {
		return err
	}
	return New(Unavailable, l.Next, "%s: %w", l.What, err)
}
