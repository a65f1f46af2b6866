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
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/fault"
)

// Namespace says in which namespaces a runner is started, so that it can show the engine
// a tree at a path of its own without anybody else seeing it there.
type Namespace string

const (
	NoNamespace    Namespace = "none"  // the kernel or a container does not allow the others
	MountNamespace Namespace = "mount" // for root, which may mount
	UserNamespace  Namespace = "user"  // for everybody else: a user namespace, too, in which mounting is allowed
)

// Names of variables in the runner's own environment, never in the engine's.
const (
	NamespaceEnv = "TFOPS_RUNNER_NAMESPACE"
	ownerEnv     = "TFOPS_RUNNER_OWNER" // UID:GID, as they are outside
	ProbeEnv     = "TFOPS_RUNNER_PROBE"
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
	case UserNamespace:
		attr.Cloneflags = syscall.CLONE_NEWNS | syscall.CLONE_NEWUSER
		attr.AmbientCaps = []uintptr{unix.CAP_SYS_ADMIN, unix.CAP_SETUID, unix.CAP_SETGID, unix.CAP_DAC_OVERRIDE,
			unix.CAP_DAC_READ_SEARCH, unix.CAP_FOWNER, unix.CAP_CHOWN}
	}
	return attr
}

func (n Namespace) Environment() []string {
	return []string{NamespaceEnv + "=" + string(n), fmt.Sprintf("%s=%d:%d", ownerEnv, os.Getuid(), os.Getgid())}
}

// Enter completes the namespaces that the process was started in.
func Enter(n Namespace) error {
	if n == NoNamespace || n == "" {
		return nil
	}
	if n == UserNamespace {
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
		if err := keepCapabilitiesApart(); err != nil {
			return err
		}
	}
	// What is mounted here is not seen elsewhere; what is mounted elsewhere is seen here.
	return mounting(func() error {
		if err := unix.Mount("", "/", "", unix.MS_SLAVE|unix.MS_REC, ""); err != nil {
			return fmt.Errorf("mount(/, MS_SLAVE): %w", err)
		}
		if n == UserNamespace {
			return ownSSHConfig("/etc/ssh/ssh_config.d")
		}
		return nil
	})
}

// The main goroutine of a runner keeps to the process's first thread from the beginning:
// its capabilities are those that the kernel takes for the process's.
func init() {
	if os.Getenv(NamespaceEnv) != "" {
		runtime.LockOSThread()
	}
}

// mounter does what takes capabilities, on a thread of its own; nil where no thread has
// any to spare.
var mounter chan func()

// mounting calls fn where mounting is allowed, and waits for it.
func mounting(fn func() error) error {
	if mounter == nil {
		return fn()
	}
	done := make(chan error)
	mounter <- func() { done <- fn() }
	return <-done
}

// keepCapabilitiesApart leaves the capabilities of the user namespace to one thread. The
// engine must have none, and it reads files of the runner through /proc, which the kernel
// allows only to who has what the runner has.
func keepCapabilitiesApart() error {
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
	// Of this thread, which alone starts the engine; see Main.
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
		return fmt.Errorf("mount(%s): %w", dir, err)
	}
	for name, text := range texts {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

const opMount = "mount an overlay at"

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
	if err := mounting(func() error { return unix.Mount("overlay", at, "overlay", 0, options) }); err != nil {
		return &fs.PathError{Op: opMount, Path: at, Err: err}
	}
	return nil
}

func unmount(at string) error {
	return mounting(func() error { return unix.Unmount(at, unix.MNT_DETACH) })
}

// Probe tries in dir, as a runner would, what showing a tree takes.
func Probe(dir string) error {
	if err := Enter(Namespace(os.Getenv(NamespaceEnv))); err != nil {
		return err
	}
	for _, name := range []string{"lower", "upper", "work", "at"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "lower", "seen"), []byte("x"), 0o600); err != nil {
		return err
	}
	at := filepath.Join(dir, "at")
	if err := mountOverlay(filepath.Join(dir, "lower"), filepath.Join(dir, "upper"), filepath.Join(dir, "work"),
		at); err != nil {
		return err
	}
	defer func() { _ = unmount(at) }()
	// Written, then removed: both have to be possible on the file system of dir.
	if err := os.WriteFile(filepath.Join(at, "seen"), []byte("y"), 0o600); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(at, "seen")); err != nil {
		return err
	}
	_, err := os.Lstat(filepath.Join(at, "seen"))
	if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("a removed file is still there: %w", err)
	}
	return nil
}

// namespaceErrors are what the kernel answers with where it does not give a process the namespaces
// that it is to start in, or no more of them.
var namespaceErrors = []unix.Errno{unix.EPERM, unix.EACCES, unix.EINVAL, unix.ENOSPC, unix.EUSERS}

func RefusesNamespace(err error) bool {
	return slices.ContainsFunc(namespaceErrors, func(e unix.Errno) bool { return errors.Is(err, e) })
}

// ErrNotProbed says that it was not found out whether runners can be started in a namespace.
var ErrNotProbed = errors.New("it cannot be found out how runners are isolated")

// ProbeLacks is the exit status of a probe that the machine lacked something for.
const ProbeLacks = 3

// ProbeStatus is the exit status of a probe that failed. What a mount fails for is a rule of the
// kernel, or a limit of its own.
func ProbeStatus(err error) int {
	var at *fs.PathError
	_, lacks := fault.LackOf(err)
	if lacks && !(errors.As(err, &at) && at.Op == opMount) {
		return ProbeLacks
	}
	return 1
}
