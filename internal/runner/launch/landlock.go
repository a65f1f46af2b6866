package launch

import (
	"errors"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/runner/mounts"
	"github.com/tfops/tfops/internal/sandbox"
)

// scopes of Landlock: neither signals nor abstract sockets lead out of a domain.
const scopeAll = 1<<0 | 1<<1

// Versions of Landlock, by what they brought.
const (
	firstTruncate = 3
	firstScopes   = 6
)

// Rights of Landlock on files. What is done with a file by its name alone (chmod, the time of its last change)
// it does not know.
const (
	onFiles = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_WRITE_FILE |
		unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_TRUNCATE
	onAll  = 1<<15 - 1 // up to TRUNCATE
	toRead = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR

	pathBeneath = 1 // the kind of rule
)

// LandlockVersion is the version of Landlock that the kernel has; 0 where it has none.
func LandlockVersion() int {
	v, _, no := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, 1)
	if no != 0 {
		return 0
	}
	return int(v)
}

// ErrLandlock says that the kernel's Landlock is too old for rules on files.
var ErrLandlock = errors.New("the kernel has no Landlock that knows all ways to write to a file")

// Scopes is a ruleset by which a process signals nobody and connects to no abstract socket outside of
// what is started with it; nil where the kernel knows no such thing.
func Scopes() (*os.File, error) {
	if LandlockVersion() < firstScopes {
		return nil, nil
	}
	return ruleset(0)
}

// Files is a ruleset by which a process opens no file but those that the rules give, besides what Scopes does.
func Files(rules []mounts.Rule) (*os.File, error) {
	if LandlockVersion() < firstTruncate {
		return nil, lacks(ErrLandlock)
	}
	set, err := ruleset(onAll)
	if err != nil {
		return nil, err
	}
	for _, r := range rules {
		if err := add(set, r); err != nil {
			set.Close()
			return nil, err
		}
	}
	return set, nil
}

func lacks(err error) error { return &sandbox.Missing{Kind: sandbox.LacksLandlock, Err: err} }

func ruleset(files uint64) (*os.File, error) {
	attr := struct{ fs, net, scoped uint64 }{fs: files}
	if LandlockVersion() >= firstScopes {
		attr.scoped = scopeAll
	}
	size := unsafe.Sizeof(attr)
	if attr.scoped == 0 { // a kernel that does not know them refuses their place
		size = unsafe.Sizeof(attr.fs)
	}
	fd, _, no := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), size, 0)
	if no != 0 {
		return nil, lacks(os.NewSyscallError("landlock_create_ruleset", no))
	}
	unix.CloseOnExec(int(fd))
	return os.NewFile(fd, "landlock"), nil
}

func add(set *os.File, r mounts.Rule) error {
	fd, err := unix.Open(r.Path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil // it is gone meanwhile, or nobody's to read
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return os.NewSyscallError("fstat", err)
	}
	rights := uint64(toRead)
	if r.Write {
		rights = onAll
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		rights &= onFiles
	}
	var attr [12]byte // struct landlock_path_beneath_attr is packed
	*(*uint64)(unsafe.Pointer(&attr[0])) = rights
	*(*int32)(unsafe.Pointer(&attr[8])) = int32(fd)
	_, _, no := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, set.Fd(), pathBeneath, uintptr(unsafe.Pointer(&attr[0])), 0,
		0, 0)
	if no != 0 {
		return lacks(os.NewSyscallError("landlock_add_rule "+r.Path, no))
	}
	return nil
}
