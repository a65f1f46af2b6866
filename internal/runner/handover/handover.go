// Package handover is for engines that run as a user of their workspace, and not as the user of tfops: it gives that
// user what the workspace was given, and takes it back. Nothing of it may go on while a process of that user lives,
// since such a process could put something else where files are given away; see End.
package handover

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// As calls fn on a thread that has the rights of a user, and no others. The thread ends with it.
func As(uid int, fn func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() == os.Getpid() { // the first thread stands for the process: it stays who it is
			defer runtime.UnlockOSThread()
			done <- As(uid, fn)
			return
		}
		err := become(uid) // the thread is never unlocked: nobody else gets it
		if err == nil {
			err = fn()
		}
		done <- err
	}()
	return <-done
}

// become changes the calling thread alone, which is what the kernel does and its libraries hide.
func become(uid int) error {
	id := uintptr(uid)
	for _, c := range []struct {
		name string
		nr   uintptr
		args [3]uintptr
	}{{"setgroups", unix.SYS_SETGROUPS, [3]uintptr{}}, {"setresgid", unix.SYS_SETRESGID, [3]uintptr{id, id, id}},
		{"setresuid", unix.SYS_SETRESUID, [3]uintptr{id, id, id}}} {
		if _, _, no := unix.RawSyscall(c.nr, c.args[0], c.args[1], c.args[2]); no != 0 {
			return os.NewSyscallError(c.name, no)
		}
	}
	// Of somebody who was not root they would be kept.
	var none [2]unix.CapUserData
	return os.NewSyscallError("capset",
		unix.Capset(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &none[0]))
}

// needed is what it takes to become a user, to give it files, to read what it wrote, and to signal it.
var needed = []struct {
	name string
	nr   uint
}{{"CAP_CHOWN", unix.CAP_CHOWN}, {"CAP_DAC_OVERRIDE", unix.CAP_DAC_OVERRIDE}, {"CAP_FOWNER", unix.CAP_FOWNER},
	{"CAP_KILL", unix.CAP_KILL}, {"CAP_SETGID", unix.CAP_SETGID}, {"CAP_SETUID", unix.CAP_SETUID}}

// Lacks are the capabilities that this process has not and handing over takes.
func Lacks() (names []string, err error) {
	var have [2]unix.CapUserData
	if err := unix.Capget(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &have[0]); err != nil {
		return nil, os.NewSyscallError("capget", err)
	}
	for _, n := range needed {
		if have[n.nr/32].Effective&(1<<(n.nr%32)) == 0 {
			names = append(names, n.name)
		}
	}
	return names, nil
}

// endWithin is how long processes of a user may take to die that were killed.
const endWithin = 5 * time.Second

// End kills all processes of a user, and waits until there are none: as that user, whom the kernel lets kill no
// others, and all at once, so that none of them starts another one meanwhile.
func End(uid int) error {
	for deadline := time.Now().Add(endWithin); ; time.Sleep(2 * time.Millisecond) {
		left, err := living(uid)
		if err != nil || len(left) == 0 {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("processes of the engine's user %d cannot be killed: %v", uid, left)
		}
		err = As(uid, func() error { return unix.Kill(-1, unix.SIGKILL) })
		if err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("processes of the engine's user %d cannot be killed: %w", uid, err)
		}
	}
}

// living are the processes of a user that have not ended.
func living(uid int) (pids []int, err error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		owner, alive := ownerOf(pid)
		if alive && owner == uid {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// ownerOf is the real user of a process, and whether it lives.
func ownerOf(pid int) (uid int, alive bool) {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(b)) {
		name, value, _ := strings.Cut(line, ":")
		fields := strings.Fields(value)
		switch {
		case len(fields) == 0:
		case name == "State":
			alive = fields[0] != "Z" && fields[0] != "X"
		case name == "Uid":
			uid, err = strconv.Atoi(fields[0])
			return uid, alive && err == nil
		}
	}
	return 0, false
}

// Environ is the environment of a process of anybody. The kernel shows it to its own user, and not to a root that
// may not trace processes.
func Environ(pid int) (b []byte, err error) {
	path := filepath.Join("/proc", strconv.Itoa(pid), "environ")
	if b, err = os.ReadFile(path); err == nil || !errors.Is(err, fs.ErrPermission) {
		return b, err
	}
	owner, alive := ownerOf(pid)
	if !alive || owner == os.Getuid() || owner == 0 {
		return nil, err
	}
	_ = As(owner, func() error { b, err = os.ReadFile(path); return nil }) // who may not do that keeps the first error
	return b, err
}

// Give gives a user all that lies below a path. A file that has another name is left as it is, unless it is the
// user's already: who could link to files of others would be given them.
func Give(path string, uid int) error {
	return each(path, func(path string, st unix.Stat_t) error {
		if int(st.Uid) == uid && int(st.Gid) == uid {
			return nil
		}
		if st.Mode&unix.S_IFMT != unix.S_IFDIR && st.Nlink > 1 && int(st.Uid) != uid {
			return nil
		}
		return os.Lchown(path, uid, uid)
	})
}

// Take takes back what was given.
func Take(path string) error {
	uid, gid := os.Geteuid(), os.Getegid()
	return each(path, func(path string, st unix.Stat_t) error {
		if int(st.Uid) == uid && int(st.Gid) == gid {
			return nil
		}
		return os.Lchown(path, uid, gid)
	})
}

// each calls fn for what lies at a path and below it; what holds others comes first. What is not there is nothing.
func each(path string, fn func(path string, st unix.Stat_t) error) error {
	return filepath.WalkDir(path, func(at string, _ fs.DirEntry, err error) error {
		if err != nil {
			if at == path && errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(at, &st); err != nil {
			return &fs.PathError{Op: "lstat", Path: at, Err: err}
		}
		return fn(at, st)
	})
}

// Modes of directories on a way.
const (
	forAll  = 0o711 // anybody passes through, and sees no names
	forOne  = 0o710 // the group does, which is the workspace's
	forNone = 0o700
)

// Way lets a user pass from a directory to what lies below it, and see no names there: a workspace alone through
// what is its own, everybody through the rest.
func Way(from, to string, uid int, own ...string) error {
	rel, err := filepath.Rel(from, to)
	if err != nil || !filepath.IsLocal(rel) {
		return nil // it lies elsewhere
	}
	for dir := from; ; {
		step, rest, more := strings.Cut(rel, string(filepath.Separator))
		group, mode := -1, fs.FileMode(forAll)
		for _, o := range own {
			if dir == o || strings.HasPrefix(dir, o+string(filepath.Separator)) {
				group, mode = uid, forOne
			}
		}
		if err := pass(dir, group, mode); err != nil {
			return err
		}
		if !more {
			return nil
		}
		dir, rel = filepath.Join(dir, step), rest
	}
}

// pass sets who may pass through a directory of this process's user. One that grants more is left as it is.
func pass(dir string, group int, mode fs.FileMode) error {
	info, err := os.Lstat(dir)
	if err != nil || !info.IsDir() {
		return err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(st.Uid) != os.Geteuid() {
		return nil
	}
	if group >= 0 {
		dropLists(dir)
	}
	if group >= 0 && int(st.Gid) != group {
		if err := os.Lchown(dir, -1, group); err != nil {
			return err
		}
	}
	if was := info.Mode().Perm(); was|mode != was {
		return os.Chmod(dir, was|mode)
	}
	return nil
}

// Close closes directories of a workspace to its user again.
func Close(dirs ...string) error {
	var failed error
	for _, dir := range dirs {
		if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		failed = errors.Join(failed, os.Lchown(dir, -1, os.Getegid()), os.Chmod(dir, forNone))
	}
	return failed
}

// Lend lets the user of a workspace read a file, or write to it, that stays this process's: by its group.
func Lend(path string, uid int, write bool) error {
	dropLists(path)
	mode := fs.FileMode(0o640)
	if write {
		mode = 0o660
	}
	return errors.Join(os.Lchown(path, -1, uid), os.Chmod(path, mode))
}

// Return ends what Lend began.
func Return(path string) error {
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return errors.Join(os.Lchown(path, -1, os.Getegid()), os.Chmod(path, 0o600))
}

// Pipes has a user open pipes by their paths in /proc: other than files in memory they have an owner who counts.
func Pipes(files []*os.File, uid int) error {
	for _, f := range files {
		info, err := f.Stat()
		if err == nil && info.Mode()&os.ModeNamedPipe != 0 {
			err = f.Chown(uid, uid)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
