package runner

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/datafile"
	"github.com/tfops/tfops/internal/durable"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/backend"
	"github.com/tfops/tfops/internal/runner/cell"
	"github.com/tfops/tfops/internal/runner/limits"
	"github.com/tfops/tfops/internal/runner/memfile"
	"github.com/tfops/tfops/internal/sandbox"
)

// Local starts runners on this host and follows them. It keeps no record of
// them: whatever it knows lies in the phase's directory, so a Local of a new
// daemon does as well as the one that started the runner.
type Local struct {
	Exe      string   // the tfops binary; a runner is started as `Exe runner DIR`
	ExtraEnv []string // "NAME=value", added to the runner's own environment, not to the engine's
	Copy     bool     // never use namespaces: the engine sees copies, one phase of a workspace at a time

	Most  sandbox.Level // no better level is used; empty: the best one that the machine gives
	Users sandbox.IDs   // whom engines run as where each workspace has a user of its own; zero: a usual range

	mu        sync.Mutex
	probed    bool
	namespace cell.Namespace
	groups    func() string // where control groups of engines are made; "" where none can be
	sandbox   sandbox.State // zero until it was found out
}

// NotStarted says that Start has started no runner, so that nothing of the phase has run: the
// same call can be made again. After any other error of Start it is not known what runs; whoever
// waits for the phase (Wait) finds out.
type NotStarted struct{ Err error }

func (e *NotStarted) Error() string { return e.Err.Error() }
func (e *NotStarted) Unwrap() error { return e.Err }

// Start starts a runner for one phase and returns while it works.
//
// dir is the phase's directory; it is created when it is missing, and what an
// earlier attempt left in it is removed. An apply is never started twice: once
// the engine was told to apply in this directory, Start refuses, and not with NotStarted.
//
// The runner's environment is next to empty, since what it runs could read
// it; the engine gets Secrets.Env.
func (l *Local) Start(ctx context.Context, dir string, j job.Job, secrets job.Secrets) error {
	j.FormatVersion = job.FormatVersion
	begun, err := job.EngineBegan(dir)
	if err != nil { // perhaps it did
		return startFault(j, err)
	}
	if begun && j.Phase == job.ApplyPhase {
		return fault.New(fault.Conflict, "see how that one ended; a new run makes a new plan",
			"the apply of run %s was started before, and an apply is never repeated", j.Run)
	}
	if err := ctx.Err(); err != nil {
		return &NotStarted{err}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return &NotStarted{startFault(j, err)}
	}
	lock, err := takeLock(dir)
	if fault.Is(err, fault.Conflict) { // another one is at work
		return err
	}
	if err != nil {
		return &NotStarted{startFault(j, err)}
	}
	defer lock.Close() // the runner holds a copy
	if err := l.startLocked(ctx, dir, lock, j, secrets); err != nil {
		return &NotStarted{startFault(j, err)}
	}
	return nil
}

// startLocked starts the runner in a directory whose lock is held. It returns an error only when
// no runner was started.
func (l *Local) startLocked(ctx context.Context, dir string, lock *os.File, job job.Job, secrets job.Secrets) error {
	if err := clearAttempt(dir); err != nil {
		return err
	}
	if err := layOut(dir, job); err != nil {
		return err
	}
	in, err := l.namespaceFor(job.CacheDir)
	if err != nil {
		return err
	}
	user, err := l.user(ctx, job)
	if err != nil {
		return err
	}
	return l.launch(dir, lock, in, user, secrets)
}

func startFault(job job.Job, err error) error {
	var f *fault.Error
	if errors.As(err, &f) {
		return err
	}
	if l, ok := fault.LackOf(err); ok {
		return fault.New(fault.Unavailable, l.Next+"; then run it again",
			"the %s of run %s could not be started: %s: %w", job.Phase, job.Run, l.What, err)
	}
	return fault.New(fault.Internal, "look at the log of the daemon",
		"the %s of run %s could not be started: %w", job.Phase, job.Run, err)
}

// takeLock opens the runner's lock and takes it. Somebody who only looks
// whether the lock is held (see held) takes it for an instant, so a refusal
// counts only when it lasts.
func takeLock(dir string) (*os.File, error) {
	f, err := datafile.OpenFile(filepath.Join(dir, job.LockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(time.Second); ; time.Sleep(2 * time.Millisecond) {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case err == nil:
			return f, nil
		case errors.Is(err, unix.EINTR):
		case !errors.Is(err, unix.EWOULDBLOCK):
			f.Close()
			return nil, err
		case time.Now().After(deadline):
			f.Close()
			return nil, fault.New(fault.Conflict, "wait for it, or interrupt it", "a runner is at work in %s", dir)
		}
	}
}

// clearAttempt removes what an earlier attempt left. The lock's file stays:
// removing it would let a second runner lock another one of the same name.
func clearAttempt(dir string) error {
	for _, name := range []string{job.ResultFile, job.ReserveFile, backend.EvidenceReserve, job.StartedFile,
		job.OutputsFile, job.EventsFile, job.LogFile, job.NetworkFile,
		job.JobFile} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return os.Truncate(filepath.Join(dir, job.LockFile), 0)
}

func layOut(dir string, j job.Job) error {
	b, err := json.MarshalIndent(j, "", "  ")
	if err != nil {
		return err
	}
	// Who looks for what an apply left reads the job; its name is on the disk
	// before the engine begins, with the mark of that (see markStarted).
	if err := durable.WriteUnlisted(filepath.Join(dir, job.JobFile), append(b, '\n')); err != nil {
		return err
	}
	return durable.Reserve(filepath.Join(dir, job.ReserveFile), job.Reserved)
}

func (l *Local) launch(dir string, lock *os.File, in cell.Namespace, user int, secrets job.Secrets) error {
	b, err := json.Marshal(secrets)
	if err != nil {
		return err
	}
	stdin, err := memfile.New("tfops-secrets", b)
	if err != nil {
		return err
	}
	defer stdin.Close()
	log, err := datafile.OpenFile(filepath.Join(dir, job.LogFile), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()

	cmd := exec.Command(l.Exe, "runner", dir)
	cmd.Dir = dir
	// A runner waits for the engine nearly all of its life: more threads at
	// work would cost more than they bring. What it keeps in memory is small, so
	// it need not collect garbage while it starts.
	cmd.Env = slices.Concat(bareEnv(), []string{"GOMAXPROCS=1", "GOGC=400"}, in.Environment(),
		cell.LevelEnvironment(l.Sandbox().Level), cell.UserEnvironment(user), l.ExtraEnv)
	if groups := l.delegated(); groups != "" {
		cmd.Env = append(cmd.Env, limits.GroupsEnv+"="+groups)
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, log, log
	cmd.ExtraFiles = []*os.File{lock}
	cmd.SysProcAttr = in.Attributes()
	// An error means that the program was not executed: the copy of this process that was to
	// become it has ended.
	if err := cmd.Start(); err != nil {
		l.probeAgain(in, err)
		return l.launchFault(err)
	}
	go func() { _ = cmd.Wait() }() // reap it; how it ended is in its files
	return nil
}

// delegated finds out once where control groups of engines can be made.
func (l *Local) delegated() string {
	l.mu.Lock()
	if l.groups == nil {
		l.groups = sync.OnceValue(func() string {
			dir, err := limits.Delegated()
			if err != nil {
				return "" // engines are watched alone; tfops doctor says why
			}
			limits.Sweep(dir)
			return dir
		})
	}
	find := l.groups
	l.mu.Unlock()
	return find()
}

// launchFault says what is wrong with the program where it cannot be executed.
func (l *Local) launchFault(err error) error {
	next := ""
	switch {
	case errors.Is(err, unix.ETXTBSY):
		next = "wait until it is written, or see who has it open for writing (lsof " + l.Exe + ")"
	case !durable.Exists(l.Exe):
		next = "put tfops back there, or start tfops serve again from where it is now"
	case errors.Is(err, unix.ENOEXEC), unix.Access(l.Exe, unix.X_OK) != nil:
		next = "put a tfops there that the user of tfops serve may execute (chmod +x), on a file system without noexec"
	default:
		return err
	}
	return fault.New(fault.Unavailable, next, "%s cannot be executed: %w", l.Exe, err)
}

// bareEnv is what a program cannot do without, and what tunes Go's own runtime.
func bareEnv() []string {
	var env []string
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "LANG",
		"GODEBUG", "GOMAXPROCS", "GOMEMLIMIT", "GOTRACEBACK", "GORACE", "GOCOVERDIR"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}
