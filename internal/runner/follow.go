package runner

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/datafile"
	"github.com/tfops/tfops/internal/durable"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/job"
)

// Vanished says that a runner is gone and left no result: it was killed, or
// the machine went down.
type Vanished struct {
	Absent    bool          // none was ever started in the directory: the daemon ended before that
	Started   bool          // the engine had been started for the phase's own command
	Gone      bool          // the run's directory is gone, and with it what tells whether an engine was started
	Survivors []job.Process // what still runs of it
}

func (v *Vanished) Error() string {
	text := "the runner vanished before the engine was started"
	switch {
	case v.Absent:
		text = "no runner was started"
	case v.Started:
		text = "the runner vanished while the engine was at work"
	}
	if len(v.Survivors) > 0 {
		names := make([]string, len(v.Survivors))
		for i, p := range v.Survivors {
			names[i] = fmt.Sprintf("%s (pid %d)", p.Name, p.PID)
		}
		text += "; still running: " + strings.Join(names, ", ")
	}
	return text
}

// Wait blocks until the runner in dir has ended, whoever started it, and
// gives its result. Without a result the error is a *Vanished. When ctx ends
// first, Wait returns its error at once and the runner goes on.
func (l *Local) Wait(ctx context.Context, dir string) (job.Result, error) {
	for {
		result, err := l.wait(ctx, dir)
		if lack, ok := fault.LackOf(err); !ok || !lack.Own {
			return result, err
		}
		// It is this process that cannot look: that says nothing of the runner.
		select {
		case <-ctx.Done():
			return job.Result{}, ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

func (l *Local) wait(ctx context.Context, dir string) (job.Result, error) {
	ended := make(chan error, 1)
	// A blocked flock cannot be called off; when ctx ends first, this
	// goroutine stays until the runner has ended.
	go func() { ended <- awaitUnlocked(dir) }()
	select {
	case <-ctx.Done():
		return job.Result{}, ctx.Err()
	case err := <-ended:
		if err != nil {
			return job.Result{}, err
		}
	}
	result, err := job.LoadResult(dir)
	if fault.Is(err, fault.NotFound) {
		return job.Result{}, l.vanished(dir)
	}
	return result, err
}

func (l *Local) vanished(dir string) *Vanished {
	began, err := job.EngineBegan(dir)
	v := &Vanished{Absent: !durable.Exists(filepath.Join(dir, job.LockFile)), Started: began || err != nil}
	run := filepath.Base(filepath.Dir(dir)) // what the job says, too, unless it is gone
	if job, err := job.LoadJob(dir); err == nil {
		run = job.Run
	}
	v.Survivors, _ = l.Survivors(run)
	v.Gone = !durable.Exists(filepath.Dir(dir))
	return v
}

// awaitUnlocked returns once nobody holds the lock, or it was never taken.
func awaitUnlocked(dir string) error {
	f, err := datafile.Open(filepath.Join(dir, job.LockFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	for {
		if err := unix.Flock(int(f.Fd()), unix.LOCK_SH); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// Alive reports whether a runner is at work in dir.
func (l *Local) Alive(dir string) (bool, error) {
	f, err := datafile.Open(filepath.Join(dir, job.LockFile))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	return held(f)
}

// held reports whether somebody holds the exclusive lock on f. It looks by a
// shared lock, so that two who look do not see each other.
func held(f *os.File) (bool, error) {
	for {
		switch err := unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB); {
		case err == nil:
			return false, unix.Flock(int(f.Fd()), unix.LOCK_UN)
		case errors.Is(err, unix.EWOULDBLOCK):
			return true, nil
		case !errors.Is(err, unix.EINTR):
			return false, err
		}
	}
}

// Interrupt asks the runner in dir to stop: gracefully, or by force, which
// kills the engine and all that it started and makes the outcome of an apply
// unknown. It does not wait for the end. NotFound when no runner is at work.
func (l *Local) Interrupt(dir string, force bool) error {
	f, err := datafile.Open(filepath.Join(dir, job.LockFile))
	if errors.Is(err, fs.ErrNotExist) {
		return noRunner(dir)
	}
	if err != nil {
		return err
	}
	defer f.Close()
	// A runner writes its pid once it can be interrupted, which is at once.
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if busy, err := held(f); err != nil {
			return err
		} else if !busy {
			return noRunner(dir)
		}
		if pid := pidIn(f); pid > 0 {
			return signalHolder(f, pid, force)
		}
		if time.Now().After(deadline) {
			return fault.New(fault.Unavailable, "try again", "the runner in %s is still starting", dir)
		}
	}
}

func noRunner(dir string) error {
	return fault.New(fault.NotFound, "", "no runner is at work in %s", dir)
}

func pidIn(f *os.File) int {
	b := make([]byte, 32)
	n, _ := f.ReadAt(b, 0)
	pid, err := strconv.Atoi(strings.TrimSuffix(string(b[:n]), "\n"))
	if err != nil || !strings.HasSuffix(string(b[:n]), "\n") {
		return 0
	}
	return pid
}

// signalHolder signals the process that holds the lock on f. The process is
// pinned first and the lock looked at again after that, so a number that went
// on to another process is never signalled.
func signalHolder(f *os.File, pid int, force bool) error {
	sig := unix.SIGINT
	if force {
		sig = unix.SIGTERM
	}
	pin, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return noRunner(filepath.Dir(f.Name()))
	}
	if err != nil {
		return err
	}
	defer unix.Close(pin)
	if busy, err := held(f); err != nil {
		return err
	} else if !busy {
		return noRunner(filepath.Dir(f.Name()))
	}
	// One that somebody stopped hears nothing before it goes on.
	err = errors.Join(unix.PidfdSendSignal(pin, sig, nil, 0), unix.PidfdSendSignal(pin, unix.SIGCONT, nil, 0))
	if errors.Is(err, unix.ESRCH) {
		return noRunner(filepath.Dir(f.Name()))
	}
	return err
}
