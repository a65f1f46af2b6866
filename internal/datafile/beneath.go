package datafile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// roots are the directories that Beneath named.
var roots sync.Map

// Beneath has no link be followed below a directory from now on, in this process: a data
// directory. The way to it may have links.
func Beneath(root string) {
	if abs, err := filepath.Abs(root); err == nil {
		roots.Store(abs, true)
	}
}

// rootOf is the directory that Beneath named and that a path lies in, and the way from it; empty
// for none.
func rootOf(path string) (root, rel string) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", ""
	}
	for dir := filepath.Dir(abs); ; dir = filepath.Dir(dir) {
		if _, ok := roots.Load(dir); ok {
			return dir, strings.TrimPrefix(abs[len(dir):], "/")
		}
		if dir == filepath.Dir(dir) {
			return "", ""
		}
	}
}

// place is what is known of the root of a file.
type place struct {
	uid     uint32
	secrets []unix.Stat_t // what nobody reads by another name
}

// secrets are the files of a data directory of which a second name may be anywhere below it.
var secrets = []string{"key", "tfops.db"}

// openBelow opens a path without following a link below its root; root is nil where it has none.
func openBelow(path string, flag int, perm fs.FileMode) (f *os.File, root *place, err error) {
	flag |= unix.O_NOFOLLOW | unix.O_CLOEXEC
	dir, rel := rootOf(path)
	if dir == "" {
		f, err = os.OpenFile(path, flag, perm)
		return f, nil, err
	}
	failed := func(err error) (*os.File, *place, error) {
		return nil, nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	at, err := retried(func() (int, error) { return unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0) })
	if err != nil {
		return failed(err)
	}
	defer unix.Close(at)
	var st unix.Stat_t
	if err := unix.Fstat(at, &st); err != nil {
		return failed(err)
	}
	root = &place{uid: st.Uid}
	for _, name := range secrets { // the key may be a link, to where keys are mounted
		if name != rel && unix.Fstatat(at, name, &st, 0) == nil {
			root.secrets = append(root.secrets, st)
		}
	}
	fd, err := openat(at, rel, flag, uint32(perm.Perm()))
	if err != nil {
		return failed(err)
	}
	return os.NewFile(uintptr(fd), path), root, nil
}

// lacking is set where the kernel, or what filters its calls, has no openat2.
var lacking atomic.Bool

// openat opens a path below a directory, no link followed.
func openat(at int, rel string, flag int, perm uint32) (int, error) {
	if !lacking.Load() {
		how := unix.OpenHow{Flags: uint64(flag), Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS |
			unix.RESOLVE_NO_MAGICLINKS}
		if flag&unix.O_CREAT != 0 {
			how.Mode = uint64(perm)
		}
		fd, err := retried(func() (int, error) { return unix.Openat2(at, rel, &how) })
		// EPERM is what some containers answer to a call that they do not know; a second look tells.
		if !errors.Is(err, unix.ENOSYS) && !errors.Is(err, unix.EPERM) {
			return fd, err
		}
		lacking.Store(errors.Is(err, unix.ENOSYS))
	}
	return openByParts(at, rel, flag, perm)
}

// openByParts is openat by one directory after the other.
func openByParts(at int, rel string, flag int, perm uint32) (int, error) {
	parts := strings.Split(filepath.Clean(rel), "/")
	dir := at
	defer func() {
		if dir != at {
			unix.Close(dir)
		}
	}()
	for i, name := range parts {
		if name == ".." {
			return -1, unix.EXDEV
		}
		if i == len(parts)-1 {
			return retried(func() (int, error) { return unix.Openat(dir, name, flag, perm) })
		}
		next, err := retried(func() (int, error) {
			return unix.Openat(dir, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		})
		if err != nil {
			return -1, err
		}
		var st unix.Stat_t
		err = unix.Fstat(next, &st)
		switch {
		case err != nil:
		case st.Mode&unix.S_IFMT == unix.S_IFLNK:
			err = unix.ELOOP
		case st.Mode&unix.S_IFMT != unix.S_IFDIR:
			err = unix.ENOTDIR
		}
		if err != nil {
			unix.Close(next)
			return -1, err
		}
		if dir != at {
			unix.Close(dir)
		}
		dir = next
	}
	return -1, unix.EINVAL
}

func retried(open func() (int, error)) (int, error) {
	for {
		fd, err := open()
		if !errors.Is(err, unix.EINTR) && !errors.Is(err, unix.EAGAIN) { // EAGAIN: something was renamed meanwhile
			return fd, err
		}
	}
}

// writers are the users that WrittenBy named, by directory.
var writers sync.Map

// WrittenBy has files of a user be opened below a directory from now on, in this process: of the engine that works
// there.
func WrittenBy(dir string, uid int) {
	if abs, err := filepath.Abs(dir); err == nil {
		writers.Store(abs, uint32(uid))
	}
}

// ours reports whether a file belongs to this process's user, to root, to whom the data
// directory belongs, or to who writes where it lies.
func ours(path string, root *place, st *unix.Stat_t) bool {
	if st.Uid == uint32(os.Geteuid()) || st.Uid == 0 || root != nil && st.Uid == root.uid {
		return true
	}
	abs, err := filepath.Abs(path)
	for dir := abs; err == nil && dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if uid, ok := writers.Load(dir); ok && uid == st.Uid {
			return true
		}
	}
	return false
}

// isSecret reports whether a file is one of those that are secret, by another name.
func isSecret(root *place, st *unix.Stat_t) bool {
	return root != nil && slices.ContainsFunc(root.secrets,
		func(s unix.Stat_t) bool { return s.Dev == st.Dev && s.Ino == st.Ino })
}

// OpenDir opens a directory to make files in it, no link followed below its root. The caller
// closes it.
func OpenDir(path string) (*os.File, error) {
	const flag = unix.O_PATH | unix.O_DIRECTORY
	if _, ok := roots.Load(filepath.Clean(path)); ok { // the root itself
		return os.OpenFile(path, flag|unix.O_CLOEXEC, 0)
	}
	dir, _ := rootOf(path)
	if dir == "" {
		return os.OpenFile(path, flag|unix.O_CLOEXEC, 0)
	}
	f, _, err := openBelow(path, flag, 0)
	return f, err
}
