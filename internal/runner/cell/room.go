package cell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/runner/handover"
	"github.com/tfops/tfops/internal/runner/launch"
	"github.com/tfops/tfops/internal/runner/memfile"
	"github.com/tfops/tfops/internal/runner/mounts"
	"github.com/tfops/tfops/internal/sandbox"
)

// Room is what one command of the engine is shut in. A command that runs in namespaces of its own is
// the first process there: when it ends, the kernel ends all that it has started.
type Room struct {
	Path string // what is started in the engine's place

	level  sandbox.Level
	engine string
	mounts []mounts.Mount
	record *os.File                       // by which the program that starts the engine says what failed
	scopes *os.File                       // a Landlock ruleset, where there is one
	file   *os.File                       // the program that becomes the engine, where it lies in memory
	parent struct{ read, write *os.File } // by which the engine of another user knows that this process lives
	limits []launch.Limit
	start  launch.Program
	deaf   atomic.Bool // it was killed, since it did not listen to an interrupt
}

// Prepare makes a room for a command of this engine, which sees what is given. The limits are those that this process
// could not set later, for the process of another user.
func Prepare(level sandbox.Level, engine string, sight mounts.Sight, limits ...launch.Limit) (*Room, error) {
	r := &Room{Path: engine, level: level, engine: engine, limits: limits}
	var err error
	switch level {
	case sandbox.Namespaces:
		r.Path = filepath.Join(mounts.Room, "engine")
		if r.mounts, err = sight.Plan(); err == nil {
			r.scopes, err = launch.Scopes()
		}
	case sandbox.Users, sandbox.Filters:
		sight.Read = append(sight.Read, engine)
		var rules []mounts.Rule
		if rules, err = sight.Rules(); err == nil {
			r.scopes, err = launch.Files(rules)
		}
		if level == sandbox.Users {
			if errors.Is(err, launch.ErrLandlock) {
				err = nil // what is tfops' own, or of another workspace, the user cannot open anyway
			}
			var perr error
			r.parent.read, r.parent.write, perr = os.Pipe()
			err = errors.Join(err, perr)
		}
	default:
		return r, nil
	}
	if err == nil {
		r.record, err = memfile.New("tfops-start", nil)
	}
	if err == nil && level.InPlace() {
		r.file, err = memfile.New("tfops-engine", r.program())
	}
	if err != nil {
		r.Close()
		return nil, err
	}
	if r.file != nil {
		r.Path = fmt.Sprintf("/proc/self/fd/%d", r.file.Fd())
	}
	return r, nil
}

func (r *Room) Close() {
	for _, f := range []*os.File{r.record, r.scopes, r.file, r.parent.read, r.parent.write} {
		if f != nil {
			_ = f.Close()
		}
	}
}

// Run calls fn, which starts Path once and waits for it, with the context that it is to heed. fn is
// called on a thread that sees what the engine sees; see Outside.
func (r *Room) Run(ctx context.Context, fn func(context.Context) error) error {
	files := memfile.Named()
	switch r.level {
	case sandbox.Namespaces:
	case sandbox.Users, sandbox.Filters:
		files = append(files, r.record)
		for _, f := range []*os.File{r.scopes, r.parent.write} {
			if f != nil {
				files = append(files, f)
			}
		}
		if r.level == sandbox.Users {
			if err := handover.Pipes(files, User()); err != nil {
				return err
			}
		}
		err := Capable(func() error { return inheriting(files, func() error { return fn(ctx) }) })
		if why := r.explain(); why != nil {
			return why
		}
		return err
	default:
		start := func() error { return inheriting(files, func() error { return fn(ctx) }) }
		if Namespace(os.Getenv(NamespaceEnv)) == MountNamespace { // where its network is
			return Capable(start)
		}
		return start() // by a thread without capabilities
	}
	ended := make(chan struct{})
	defer close(ended)
	ctx = r.heard(ctx, ended)
	err := Capable(func() error {
		leave, err := enterRoom()
		if err != nil {
			return err
		}
		err = mounts.Carry(r.mounts, mounts.Program{Name: filepath.Base(r.Path), Content: r.program()})
		if err == nil {
			files = append(files, r.record)
			if r.scopes != nil {
				files = append(files, r.scopes)
			}
			err = inheriting(files, func() error { return fn(ctx) })
		}
		return errors.Join(err, leave())
	})
	if why := r.explain(); why != nil {
		return why
	}
	return err
}

// program is what becomes the engine. It sees /proc as the engine is to see it.
func (r *Room) program() []byte {
	p := &r.start
	p.Call("close the record", unix.SYS_FCNTL, r.record.Fd(), unix.F_SETFD, unix.FD_CLOEXEC)
	if r.level.InPlace() {
		b := launch.Bounds{Capabilities: os.Getuid() == 0 || mounter != nil, Landlock: r.scopes}
		if r.level == sandbox.Users {
			b.Capabilities, b.User, b.Parent, b.Limits = true, User(), r.parent.write, r.limits
		}
		p.Confine(b)
		p.Become(r.engine)
		return p.ELF(int(r.record.Fd()))
	}
	proc := p.Text("proc")
	p.Need(sandbox.LacksFreshProc, opProc+" /proc", unix.SYS_MOUNT, proc, p.Text("/proc"), proc,
		unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC|unix.MS_RDONLY, 0)
	if os.Getuid() == 0 { // to whom they tell of the whole machine
		nothing := p.Text(mounts.Nothing)
		for _, name := range []string{"kcore", "keys", "timer_list", "sched_debug", "latency_stats"} {
			p.Try(unix.SYS_MOUNT, nothing, p.Text("/proc/"+name), 0, unix.MS_BIND, 0)
		}
	}
	p.Confine(launch.Bounds{Capabilities: true, Landlock: r.scopes})
	p.Become(r.engine)
	return p.ELF(int(r.record.Fd()))
}

// explain says why the engine could not be started.
func (r *Room) explain() error {
	b, err := io.ReadAll(io.NewSectionReader(r.record, 0, 64))
	if err == nil {
		err = r.start.Explain(b)
	}
	if err != nil {
		return fmt.Errorf("the engine cannot be shut in: %w", err)
	}
	return nil
}

// inheriting calls fn while what it starts inherits these files.
func inheriting(files []*os.File, fn func() error) error {
	for i, f := range files {
		if _, err := unix.FcntlInt(f.Fd(), unix.F_SETFD, 0); err != nil {
			files = files[:i]
			break
		}
	}
	defer func() {
		for _, f := range files {
			unix.CloseOnExec(int(f.Fd()))
		}
	}()
	return fn()
}

// InheritNothing has no open file of this process be passed on to what it starts: the daemon may have been
// started with files that it knows nothing of.
func InheritNothing() error {
	return os.NewSyscallError("close_range", unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC))
}

// Outside calls fn where the runner's own files are seen, whoever calls it.
func Outside(fn func() error) error {
	done := make(chan error, 1)
	go func() { done <- fn() }() // never on the thread of its caller, which is locked to it
	return <-done
}

// enterRoom gives the calling thread, and what it starts, namespaces of its own. leave goes back to those
// of the process.
func enterRoom() (leave func() error, err error) {
	const ours = unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWIPC
	var own []int
	back := func() error {
		var failed error
		for _, fd := range own {
			// Each descriptor tells which kind of namespace it is.
			failed = errors.Join(failed, os.NewSyscallError("setns", unix.Setns(fd, 0)), unix.Close(fd))
		}
		return failed
	}
	for _, name := range []string{"pid", "ipc", "mnt"} {
		// Of the process: a thread that starts others elsewhere has another one.
		fd, err := unix.Open("/proc/self/ns/"+name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return nil, errors.Join(os.NewSyscallError("open", err), back())
		}
		own = append(own, fd)
	}
	if err := unix.Unshare(ours); err != nil {
		return nil, errors.Join(os.NewSyscallError("unshare", err), back())
	}
	return back, nil
}

const (
	listenEvery = 2 * time.Millisecond
	deafAfter   = 3 * time.Second
)

// heard is a context that ends after ctx, as soon as the engine hears an interrupt. To the first process of
// a namespace the kernel delivers only signals that it listens to, so one that comes before is lost. An engine
// that goes on without listening to it is killed: any other process would have died of it.
func (r *Room) heard(ctx context.Context, ended <-chan struct{}) context.Context {
	inner, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	go func() {
		select {
		case <-ended:
			return
		case <-ctx.Done():
		}
		defer cancel(context.Cause(ctx))
		for since := time.Now(); ; {
			engine, found := child(os.Getpid())
			if found && listens(engine) {
				return
			}
			if found && time.Since(since) > deafAfter {
				r.deaf.Store(true)
				_ = unix.Kill(engine, unix.SIGKILL)
				return
			}
			select {
			case <-ended:
				return
			case <-time.After(listenEvery): // nothing tells when a process begins to listen
			}
		}
	}()
	return inner
}

// Deaf reports whether the engine was killed because it did not listen to an interrupt.
func (r *Room) Deaf() bool { return r.deaf.Load() }

func child(of int) (pid int, found bool) {
	for _, p := range Descendants(of) {
		if p.Parent == of {
			return p.PID, true
		}
	}
	return 0, false
}

// listens reports whether a process catches SIGINT.
func listens(pid int) bool {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(b), "\nSigCgt:\t")
	mask, _, _ := strings.Cut(rest, "\n")
	caught, err := strconv.ParseUint(mask, 16, 64)
	return err == nil && caught&(1<<(unix.SIGINT-1)) != 0
}
