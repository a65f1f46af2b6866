package phase

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/datafile"
	"github.com/tfops/tfops/internal/durable"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/cell"
	"github.com/tfops/tfops/internal/runner/deadline"
	"github.com/tfops/tfops/internal/runner/diagnostics"
	"github.com/tfops/tfops/internal/runner/limits"
)

// Main is the whole of `tfops runner DIR`, the process that Local.Start
// starts. It returns the exit status: 0 when a result was written, whatever
// the phase's outcome is.
//
// The engine is started with a death signal by terraform-exec: the kernel
// kills it when the thread that started it ends. (This is wanted: a killed
// runner must not leave an engine that nobody listens to.) Go ends threads as
// it likes, so the phase runs in this goroutine from beginning to end, and
// the goroutine keeps its thread for as long as the process lives.
func Main(dir string) int {
	runtime.LockOSThread()
	if os.Getenv(cell.ProbeEnv) != "" {
		if err := cell.Probe(dir); err != nil {
			return cell.Fail(err, os.Stdout)
		}
		return 0
	}
	dir, err := filepath.Abs(dir)
	if err == nil {
		err = settle(dir)
	}
	if err != nil { // the directory is not this process's to write to
		fmt.Fprintln(os.Stderr, "tfops runner:", err)
		return 1
	}
	if err := cell.Enter(cell.Namespace(os.Getenv(cell.NamespaceEnv))); err != nil {
		return notBegun(dir, err)
	}
	// In a data directory, which a phase of a test need not have.
	if runs := filepath.Dir(filepath.Dir(dir)); filepath.Base(runs) == "runs" {
		datafile.Beneath(filepath.Dir(runs))
	}
	stop := cell.NewStopper()
	if err := cell.Announce(job.LockFD); err != nil {
		return notBegun(dir, err)
	}
	secrets, err := readSecrets()
	if err != nil {
		return notBegun(dir, err)
	}
	if err := work(dir, secrets, stop); err != nil {
		fmt.Fprintln(os.Stderr, "tfops runner: the result could not be written:", err)
		return 1
	}
	return 0
}

// notBegun ends a process that could not be made ready for its phase.
func notBegun(dir string, err error) int {
	fmt.Fprintln(os.Stderr, "tfops runner:", err)
	f := diagnostics.FailureOf(context.Background(), err)
	now := time.Now().UTC()
	b, err := json.Marshal(job.Result{FormatVersion: job.FormatVersion, Outcome: job.Failed, Cause: f.Cause,
		NotBegun: true,
		Message:  "the runner could not begin: " + f.Message, Next: f.Next, StartedAt: now, FinishedAt: now})
	if err == nil {
		err = durable.CommitReserved(filepath.Join(dir, job.ReserveFile), filepath.Join(dir, job.ResultFile),
			append(b, '\n'))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "tfops runner: the result could not be written:", err)
		return 1
	}
	return 0
}

// settle prepares the process: the lock stays in it, no memory is dumped to disk, and
// orphaned grandchildren become its children, so that it can find and kill them.
func settle(dir string) error {
	var inherited, named unix.Stat_t
	if unix.Fstat(job.LockFD, &inherited) != nil || unix.Stat(filepath.Join(dir, job.LockFile), &named) != nil {
		return fault.New(fault.Invalid, "", "this command is for tfops serve, which hands it the lock of a directory")
	}
	if inherited.Ino != named.Ino || inherited.Dev != named.Dev {
		return fault.New(fault.Invalid, "", "the lock that was handed over is not the one of %s", dir)
	}
	// The engine makes files as it does by hand: what a module writes, and an archive
	// of it, are then the same. The directories that they lie in are owner-only.
	unix.Umask(0o022)
	limits.Expendable()
	limits.Collect()
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("core dumps could not be switched off: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("prctl(PR_SET_CHILD_SUBREAPER): %w", err)
	}
	return cell.InheritNothing() // the lock stays in this process, too
}

// readSecrets reads standard input to its end and puts the null device in its place.
func readSecrets() (job.Secrets, error) {
	var s job.Secrets
	b, err := io.ReadAll(os.Stdin)
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(b, &s); err != nil {
		return s, fmt.Errorf("what came on standard input is not what tfops serve sends: %w", err)
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return s, err
	}
	defer null.Close()
	return s, unix.Dup3(int(null.Fd()), int(os.Stdin.Fd()), 0)
}

// work runs the phase and writes its result.
func work(dir string, secrets job.Secrets, stop *cell.Stopper) error {
	p := newPhase(dir, secrets, stop)
	defer p.work.Close()
	defer p.work.Guard.Close()
	err := p.open()
	end := deadline.NewEnding(deadline.End)
	if err == nil {
		ctx := stop.Begin(p.job.Timeout, func(text string) { p.log.Say("warn", "%s", text) })
		go deadline.Guard(ctx, dir, p.job.Phase, end)
		go deadline.Heavy(limits.Overfull, dir, p.job.Phase, end)
		err = p.run(ctx)
	}
	end.Ended()
	p.result.Hosts = p.work.Network.Close(dir, p.mask.Text, p.note)
	p.conclude(err)
	stop.End()
	p.finishLog()
	return p.save()
}

// step is one part of a phase.
type step func(context.Context) error

func inOrder(ctx context.Context, steps ...step) error {
	for _, s := range steps {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := s(ctx); err != nil {
			return err
		}
	}
	return nil
}
