package runner

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/fault"
)

// namespace says in which namespaces a runner is started, so that it can show the engine
// a tree at a path of its own without anybody else seeing it there.
type namespace string

const (
	noNamespace    namespace = "none"  // the kernel or a container does not allow the others
	mountNamespace namespace = "mount" // for root, which may mount
	userNamespace  namespace = "user"  // for everybody else: a user namespace, too, in which mounting is allowed
)

// Names of variables in the runner's own environment, never in the engine's.
const (
	namespaceEnv = "TFOPS_RUNNER_NAMESPACE"
	ownerEnv     = "TFOPS_RUNNER_OWNER" // UID:GID, as they are outside
	probeEnv     = "TFOPS_RUNNER_PROBE"
)

// attributes are what a runner's process is started with. In a user namespace it keeps,
// over its exec, the capabilities that mounting takes; it drops them for the engine. The
// runner itself says who it is there (see enter): the files for that belong to root as
// long as it still is a copy of the daemon, into whose memory nobody may look.
func (n namespace) attributes() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setsid: true}
	switch n {
	case mountNamespace:
		attr.Cloneflags = syscall.CLONE_NEWNS
	case userNamespace:
		attr.Cloneflags = syscall.CLONE_NEWNS | syscall.CLONE_NEWUSER
		attr.AmbientCaps = []uintptr{unix.CAP_SYS_ADMIN, unix.CAP_SETUID, unix.CAP_SETGID, unix.CAP_DAC_OVERRIDE, unix.CAP_DAC_READ_SEARCH, unix.CAP_FOWNER, unix.CAP_CHOWN}
	}
	return attr
}

func (n namespace) environment() []string {
	return []string{namespaceEnv + "=" + string(n), fmt.Sprintf("%s=%d:%d", ownerEnv, os.Getuid(), os.Getgid())}
}

// enter completes the namespaces that the process was started in.
func enter(n namespace) error {
	if n == noNamespace || n == "" {
		return nil
	}
	if n == userNamespace {
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
		if n == userNamespace {
			return ownSSHConfig("/etc/ssh/ssh_config.d")
		}
		return nil
	})
}

// The main goroutine of a runner keeps to the process's first thread from the beginning:
// its capabilities are those that the kernel takes for the process's.
func init() {
	if os.Getenv(namespaceEnv) != "" {
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
	options := fmt.Sprintf("lowerdir=/proc/self/fd/%d,upperdir=/proc/self/fd/%d,workdir=/proc/self/fd/%d,userxattr", paths...)
	if err := mounting(func() error { return unix.Mount("overlay", at, "overlay", 0, options) }); err != nil {
		return &fs.PathError{Op: opMount, Path: at, Err: err}
	}
	return nil
}

func unmount(at string) error {
	return mounting(func() error { return unix.Unmount(at, unix.MNT_DETACH) })
}

// probe tries in dir, as a runner would, what showing a tree takes.
func probe(dir string) error {
	if err := enter(namespace(os.Getenv(namespaceEnv))); err != nil {
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
	if err := mountOverlay(filepath.Join(dir, "lower"), filepath.Join(dir, "upper"), filepath.Join(dir, "work"), at); err != nil {
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

// namespaceFor finds, once, in which namespaces runners can be started whose files lie
// in dir. Where there are none the reason is kept. An error says that it cannot be found out
// now, since the machine lacks something.
func (l *Local) namespaceFor(dir string) (namespace, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.probed {
		return l.namespace, nil
	}
	found, why := noNamespace, error(nil)
	tries := []namespace{userNamespace}
	if os.Getuid() == 0 {
		tries = []namespace{mountNamespace, userNamespace}
	}
	for _, n := range tries {
		if l.Copy {
			break
		}
		err := l.probe(n, dir)
		if err == nil {
			found, why = n, nil
			break
		}
		if errors.Is(err, errNotProbed) {
			return "", err
		}
		why = err
	}
	l.namespace, l.why, l.probed = found, why, true
	return found, nil
}

// namespaceErrors are what the kernel answers with where it does not give a process the namespaces
// that it is to start in, or no more of them.
var namespaceErrors = []unix.Errno{unix.EPERM, unix.EACCES, unix.EINVAL, unix.ENOSPC, unix.EUSERS}

func refusesNamespace(err error) bool {
	return slices.ContainsFunc(namespaceErrors, func(e unix.Errno) bool { return errors.Is(err, e) })
}

// probeAgain has the next runner find out anew in which namespaces it can be started, if that is
// why this one could not.
func (l *Local) probeAgain(n namespace, err error) {
	if n == noNamespace || !refusesNamespace(err) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.probed = false
}

// errNotProbed says that it was not found out whether runners can be started in a namespace.
var errNotProbed = errors.New("it cannot be found out how runners are isolated")

// probeLacks is the exit status of a probe that the machine lacked something for.
const probeLacks = 3

// probeStatus is the exit status of a probe that failed. What a mount fails for is a rule of the
// kernel, or a limit of its own.
func probeStatus(err error) int {
	var at *fs.PathError
	_, lacks := fault.LackOf(err)
	if lacks && !(errors.As(err, &at) && at.Op == opMount) {
		return probeLacks
	}
	return 1
}

func (l *Local) probe(n namespace, in string) error {
	if err := os.MkdirAll(in, 0o700); err != nil {
		return fmt.Errorf("%w: %w", errNotProbed, err)
	}
	dir, err := os.MkdirTemp(in, "probe-*")
	if err != nil {
		return fmt.Errorf("%w: %w", errNotProbed, err)
	}
	defer func() {
		_ = os.Chmod(filepath.Join(dir, "work", "work"), 0o700)
		_ = os.RemoveAll(dir)
	}()
	cmd := exec.Command(l.Exe, "runner", dir)
	cmd.Env = append(append(append(bareEnv(), n.environment()...), probeEnv+"=1"), l.ExtraEnv...)
	cmd.SysProcAttr = n.attributes()
	out, err := cmd.CombinedOutput()
	if err == nil {
		return nil
	}
	text := strings.TrimSpace(string(out))
	var exit *exec.ExitError
	switch ran := errors.As(err, &exit); {
	case ran && exit.ExitCode() == probeLacks:
		return fmt.Errorf("%w: %s", errNotProbed, text)
	case ran, refusesNamespace(err) && unix.Access(l.Exe, unix.X_OK) == nil:
		return fmt.Errorf("%s namespace: %w %s", n, err, text)
	}
	return fmt.Errorf("%w: %w", errNotProbed, l.launchFault(err))
}
