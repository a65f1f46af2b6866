package doctor

import (
	"os"

	"golang.org/x/sys/unix"
)

// This is the machine that this process runs on.
func This() Machine {
	m := Machine{Proc: "/proc", Sys: "/sys", UID: os.Geteuid(), Path: os.Getenv("PATH"), Landlock: landlock(),
		Synced: synced}
	var name unix.Utsname
	if unix.Uname(&name) == nil {
		m.Release = unix.ByteSliceToString(name.Release[:])
	}
	return m
}

// landlock asks the kernel for the version of its Landlock.
func landlock() int {
	version, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return 0
	}
	return int(version)
}

// synced asks the kernel whether something keeps its clock right.
func synced() (bool, error) {
	state, err := unix.Adjtimex(&unix.Timex{})
	return state != unix.TIME_ERROR, err
}
