// Package cell is what a runner shuts its engine in: namespaces, a tree that is at the same path in
// each run of a workspace, the processes that belong to a run, and how it is stopped.
package cell

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/sandbox"
)

// Namespace says in which namespaces a runner is started, so that it can show the engine
// a tree at a path of its own without anybody else seeing it there.
type Namespace string

const (
	NoNamespace    Namespace = "none"  // the kernel or a container does not allow the others
	MountNamespace Namespace = "mount" // for root, which may mount
	UserNamespace  Namespace = "user"  // for everybody else: a user namespace, too, in which mounting is allowed
	ViewNamespace  Namespace = "view"  // the same where /proc cannot be mounted anew: trees are shown, and no more
)

// Names of variables in the runner's own environment, never in the engine's.
const (
	NamespaceEnv = "TFOPS_RUNNER_NAMESPACE"
	ownerEnv     = "TFOPS_RUNNER_OWNER" // UID:GID, as they are outside
	ProbeEnv     = "TFOPS_RUNNER_PROBE"
	levelEnv     = "TFOPS_RUNNER_SANDBOX"
	userEnv      = "TFOPS_RUNNER_USER"
)

// Attributes are what a runner's process is started with. In a user namespace it keeps,
// over its exec, the capabilities that mounting takes; it drops them for the engine. The
// runner itself says who it is there (see enter): the files for that belong to root as
// long as it still is a copy of the daemon, into whose memory nobody may look.
func (n Namespace) Attributes() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setsid: true}
	switch n {
	case MountNamespace:
		attr.Cloneflags = syscall.CLONE_NEWNS
	case UserNamespace, ViewNamespace:
		// Only who is in namespaces of its own can come back to them from those of a command.
		attr.Cloneflags = syscall.CLONE_NEWNS | syscall.CLONE_NEWUSER
		if n == UserNamespace {
			attr.Cloneflags |= syscall.CLONE_NEWPID | syscall.CLONE_NEWIPC
		}
		attr.AmbientCaps = []uintptr{unix.CAP_SYS_ADMIN, unix.CAP_SETUID, unix.CAP_SETGID, unix.CAP_DAC_OVERRIDE,
			unix.CAP_DAC_READ_SEARCH, unix.CAP_FOWNER, unix.CAP_CHOWN, unix.CAP_SYS_CHROOT, unix.CAP_SETPCAP,
			// for a network that has nothing but itself
			unix.CAP_NET_ADMIN, unix.CAP_NET_BIND_SERVICE,
			// to bound what the kernel counts in a user namespace
			unix.CAP_SYS_RESOURCE}
	}
	return attr
}

// Level is the level at which this runner shuts its engine in, as the daemon has found out.
func Level() sandbox.Level { return sandbox.Level(os.Getenv(levelEnv)) }

// LevelEnvironment tells a runner its level.
func LevelEnvironment(l sandbox.Level) []string { return []string{levelEnv + "=" + string(l)} }

// User is whom the engine of this runner runs as; 0 for whom the runner does.
func User() int {
	uid, _ := strconv.Atoi(os.Getenv(userEnv))
	return uid
}

// UserEnvironment tells a runner the user of its engine.
func UserEnvironment(uid int) []string { return []string{fmt.Sprintf("%s=%d", userEnv, uid)} }

func (n Namespace) Environment() []string {
	return []string{NamespaceEnv + "=" + string(n), fmt.Sprintf("%s=%d:%d", ownerEnv, os.Getuid(), os.Getgid())}
}

// pid is what the process is called where it was started from.
var pid = os.Getpid()

// Announce writes the id by which the daemon knows this process into the file of its lock. It is written only once
// signals are handled: who finds it may send one.
func Announce(lock int) error {
	_, err := unix.Pwrite(lock, fmt.Appendf(nil, "%d\n", pid), 0)
	return err
}

// Enter completes the namespaces that the process was started in.
func Enter(n Namespace) error {
	if n == NoNamespace || n == "" {
		return nil
	}
	// The runtime starts a process to find out what the kernel can do, when it starts its first one. It must
	// not be the first one of a namespace, with which that ends.
	if _, err := os.FindProcess(os.Getpid()); err != nil {
		return err
	}
	if n != MountNamespace {
		if err := becomeOneself(); err != nil {
			return err
		}
	}
	startMounter()
	if n != MountNamespace {
		if err := keepCapabilitiesApart(); err != nil {
			return err
		}
	}
	// What is mounted here is not seen elsewhere; what is mounted elsewhere is seen here.
	return Capable(func() error {
		if err := unix.Mount("", "/", "", unix.MS_SLAVE|unix.MS_REC, ""); err != nil {
			return lacks(sandbox.LacksMounts, fmt.Errorf("mount(/, MS_SLAVE): %w", err))
		}
		if n == MountNamespace {
			return nil
		}
		const flags = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
		if n == UserNamespace {
			if err := unix.Mount("proc", "/proc", "proc", flags, ""); err != nil {
				return lacks(sandbox.LacksFreshProc, &fs.PathError{Op: opProc, Path: "/proc", Err: err})
			}
		}
		boundWatches()
		return ownSSHConfig("/etc/ssh/ssh_config.d")
	})
}

// boundWatches gives this user namespace a part of the watches on files that the user may have. It is of no effect
// where /proc is read-only: the user has them all then.
func boundWatches() {
	for _, name := range []string{"instances", "watches"} {
		b, err := os.ReadFile("/proc/sys/fs/inotify/max_user_" + name)
		n, err2 := strconv.Atoi(strings.TrimSpace(string(b)))
		if err == nil && err2 == nil {
			_ = os.WriteFile("/proc/sys/user/max_inotify_"+name, strconv.AppendInt(nil, int64(n/watchShare), 10), 0)
		}
	}
}

// watchShare is which part of the watches of a user one runner gets with its engine: a quarter.
const watchShare = 4

// becomeOneself has the process be in its user namespace who it is outside. Its id is read before a fresh /proc
// hides it.
func becomeOneself() error {
	uid, gid, _ := strings.Cut(os.Getenv(ownerEnv), ":")
	for _, f := range []struct{ path, text string }{
		{"/proc/self/setgroups", "deny"},
		{"/proc/self/uid_map", uid + " " + uid + " 1\n"},
		{"/proc/self/gid_map", gid + " " + gid + " 1\n"},
	} {
		if err := os.WriteFile(f.path, []byte(f.text), 0); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	self, err := os.Readlink("/proc/self")
	if err != nil {
		return err
	}
	pid, err = strconv.Atoi(self)
	return err
}

// The main goroutine of a runner keeps to the process's first thread from the beginning:
// its capabilities are those that the kernel takes for the process's.
func init() {
	if os.Getenv(NamespaceEnv) != "" {
		runtime.LockOSThread()
	}
}

// mounter does what takes capabilities, and starts the engine, on a thread of its own. That thread can
// go elsewhere for a while, which the rest of the process does not notice. nil where there is nothing
// that it could do.
var mounter chan func()

// Capable calls fn on the thread that may make namespaces and mounts, and waits for it.
func Capable(fn func() error) error {
	if mounter == nil {
		return fn()
	}
	done := make(chan error)
	mounter <- func() { done <- fn() }
	return <-done
}

// startMounter starts the thread. It stays as long as the process does: the kernel kills the engine
// when the thread ends that started it.
func startMounter() {
	mounter = make(chan func())
	ready := make(chan struct{})
	go func() {
		runtime.LockOSThread()
		close(ready)
		for fn := range mounter {
			fn()
		}
	}()
	<-ready
}

// keepCapabilitiesApart leaves the capabilities of the user namespace to the mounter: nothing else that
// the runner does may need them.
func keepCapabilitiesApart() error {
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return fmt.Errorf("prctl(PR_CAP_AMBIENT): %w", err)
	}
	var none [2]unix.CapUserData
	return unix.Capset(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &none[0])
}

// ownSSHConfig shows copies of the system's ssh configuration that belong to the user.
// In a user namespace root's files seem to belong to nobody, and ssh, which fetches
// modules, refuses to read such files where another one includes them.
func ownSSHConfig(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) == 0 {
		return nil
	}
	texts := map[string][]byte{}
	for _, e := range entries {
		if b, err := os.ReadFile(filepath.Join(dir, e.Name())); err == nil {
			texts[e.Name()] = b
		}
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755"); err != nil {
		return lacks(sandbox.LacksMounts, fmt.Errorf("mount(%s): %w", dir, err))
	}
	for name, text := range texts {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// opProc is what a runner does to be shut in, as errors have it.
const opProc = "mount a fresh"

// mountOverlay shows lower at a directory; what is written there goes to upper. Paths
// are handed over as open directories, so that no character in them matters.
func mountOverlay(lower, upper, work, at string) error {
	var fds []int
	defer func() {
		for _, fd := range fds {
			_ = unix.Close(fd)
		}
	}()
	var paths []any
	for _, path := range []string{lower, upper, work} {
		fd, err := unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return &fs.PathError{Op: "open", Path: path, Err: err}
		}
		fds = append(fds, fd)
		paths = append(paths, fd)
	}
	options := fmt.Sprintf("lowerdir=/proc/self/fd/%d,upperdir=/proc/self/fd/%d,workdir=/proc/self/fd/%d,userxattr",
		paths...)
	if err := Capable(func() error { return unix.Mount("overlay", at, "overlay", 0, options) }); err != nil {
		return lacks(sandbox.LacksOverlay, &fs.PathError{Op: "mount an overlay at", Path: at, Err: err})
	}
	return nil
}

func unmount(at string) error {
	return Capable(func() error { return unix.Unmount(at, unix.MNT_DETACH) })
}

// namespaceErrors are what the kernel answers with where it does not give a process the namespaces
// that it is to start in, or no more of them.
var namespaceErrors = []unix.Errno{unix.EPERM, unix.EACCES, unix.EINVAL, unix.ENOSPC, unix.EUSERS}

func RefusesNamespace(err error) bool {
	return slices.ContainsFunc(namespaceErrors, func(e unix.Errno) bool { return errors.Is(err, e) })
}
