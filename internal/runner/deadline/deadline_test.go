package deadline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/diagnostics"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("TFOPS_TEST_BUSY"); dir != "" {
		beBusy(dir, job.Phase(os.Getenv("TFOPS_TEST_PHASE")))
	}
	os.Exit(m.Run())
}

// beBusy is a phase that was asked to end and computes on and on, in the thread that does the phase.
func beBusy(dir string, p job.Phase) {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(diagnostics.ErrTimedOut)
	go Guard(ctx, dir, p, NewEnding(200*time.Millisecond))
	time.AfterFunc(3*time.Second, func() { os.Exit(7) })
	for n := uint64(1); ; n = n*6364136223846793005 + 1 {
		if n == 0 {
			return
		}
	}
}

// A phase that computes on when it was asked to end is ended, with a result that says so. An apply
// that its engine was started for is not: what it did is not known.
func TestGuard(t *testing.T) {
	for _, c := range []struct {
		phase   job.Phase
		started bool
		status  int
	}{{job.PlanPhase, true, 0}, {job.PlanPhase, false, 0}, {job.ApplyPhase, false, 0}, {job.ApplyPhase, true, 7}} {
		dir := t.TempDir()
		of := fmt.Sprintf(`{"format_version": %d, "phase": %q}`, job.FormatVersion, c.phase)
		if err := os.WriteFile(filepath.Join(dir, job.JobFile), []byte(of), 0o600); err != nil {
			t.Fatal(err)
		}
		if c.started {
			if err := os.WriteFile(filepath.Join(dir, job.StartedFile), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), "TFOPS_TEST_BUSY="+dir, "TFOPS_TEST_PHASE="+string(c.phase),
			"GOMAXPROCS=1", "GORACE=atexit_sleep_ms=0")
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() != c.status {
			t.Errorf("%s, started %t: %v, want status %d\n%s", c.phase, c.started, err, c.status, out)
		}
		result, err := job.LoadResult(dir)
		if c.status == 0 && (err != nil || result.Outcome != job.TimedOut || result.Next == "") {
			t.Errorf("%s, started %t: %+v, %v", c.phase, c.started, result, err)
		}
	}
}

// Only one of the two writes a result.
func TestEndingIsClaimedOnce(t *testing.T) {
	var e Ending
	if !e.claim() || e.claim() {
		t.Error("it can be claimed twice")
	}
}

// What takes too long, and what goes on when the phase is to end, is left behind.
func TestWithin(t *testing.T) {
	forever := make(chan struct{})
	defer close(forever)
	busy := func() (int, error) { <-forever; return 1, nil }
	canceled, cancel := context.WithCancelCause(t.Context())
	cancel(diagnostics.ErrInterrupted)
	if _, err := Within(canceled, time.Hour, "the code", busy); !errors.Is(err, diagnostics.ErrInterrupted) {
		t.Errorf("interrupted: %v", err)
	}
	_, err := Within(t.Context(), time.Millisecond, "the code", busy)
	var f *diagnostics.Failure
	if !errors.As(err, &f) || f.Cause != job.CauseBadInput || f.Next == "" {
		t.Errorf("too long: %v", err)
	}
	three := func() (int, error) { return 3, nil }
	if n, err := Within(t.Context(), time.Hour, "the code", three); n != 3 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}
