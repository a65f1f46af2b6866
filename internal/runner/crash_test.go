package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/durable"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/backend"
	"github.com/tfops/tfops/internal/runner/cell"
	"github.com/tfops/tfops/internal/runner/ground"
	"github.com/tfops/tfops/internal/sandbox"
)

// engineOf is the engine's process, a child of the runner.
func (f *flight) engineOf() cell.Process {
	f.t.Helper()
	all, err := cell.Processes()
	if err != nil {
		f.t.Fatal(err)
	}
	i := slices.IndexFunc(all, func(p cell.Process) bool { return p.Parent == f.pid() && p.Name == "terraform" })
	if i < 0 {
		f.t.Fatal("the runner has no engine")
	}
	return all[i]
}

// busy starts an apply whose provisioner has come to the fifo and goes on
// with the script.
func busy(t *testing.T, script string, opts ...option) *flight {
	t.Helper()
	return newRig(t, nil).busy(script, opts...)
}

func (r *rig) busy(script string, opts ...option) *flight {
	r.t.Helper()
	here := r.fifo("here")
	r.write("main.tf", provisioned("echo here > "+here.path+"\n"+script))
	f := r.planned().startApply(opts...)
	here.line()
	return f
}

// hanging starts a plan that waits for a file's content.
func hanging(t *testing.T, opts ...option) *flight {
	t.Helper()
	r := newRig(t, nil)
	path := filepath.Join(r.given(), "never")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	r.write("main.tf", fmt.Sprintf("resource \"terraform_data\" \"a\" {\n  input = file(%q)\n}\n", path))
	f := r.start(r.planJob(opts...))
	writer := make(chan *os.File, 1)
	go func() {
		w, err := os.OpenFile(path, os.O_WRONLY, 0) // returns once the engine opens it to read
		if err != nil {
			t.Error(err)
		}
		writer <- w
	}()
	select {
	case w := <-writer:
		t.Cleanup(func() { w.Close() })
	case <-time.After(time.Minute):
		t.Fatal("the engine never read the file: " + f.read(job.EventsFile))
	}
	return f
}

func TestRunnerKilledInPlan(t *testing.T) {
	f := hanging(t)
	kill(t, f.pid())
	v := f.vanish()
	if !v.Started || v.Absent {
		t.Fatalf("%+v", v)
	}
	// The same directory takes another attempt.
	f.write("main.tf", simple)
	f.job.Checkout = f.checkout()
	if err := os.RemoveAll(f.job.Ground); err != nil { // as the daemon does before each plan
		t.Fatal(err)
	}
	must(t, f.start(f.dir, f.job, job.Secrets{Env: f.env}).wait(), job.Succeeded, "", "")
}

// The engine dies with its runner, at about the same time, and in namespaces all that it has started.
func TestRunnerKilledInApply(t *testing.T) {
	for _, most := range []sandbox.Level{sandbox.Namespaces, sandbox.None} {
		t.Run(string(most), func(t *testing.T) { runnerKilledInApply(t, most) })
	}
}

func runnerKilledInApply(t *testing.T, most sandbox.Level) {
	r := newRig(t, nil)
	r.local.Most = most
	f := r.busy("exec sleep 600")
	engine := f.engineOf()
	kill(t, f.pid())
	v := f.vanish()
	if !v.Started {
		t.Fatalf("%+v", v)
	}
	if most == sandbox.Namespaces {
		awaitExit(t, engine.PID)
	}
	left, err := (&Local{}).Survivors(f.job.Run)
	if err != nil || (len(left) == 0) != (most == sandbox.Namespaces) {
		t.Fatalf("survivors: %v, %v", left, err)
	}
	if len(left) > 0 && !strings.Contains((&Vanished{Started: true, Survivors: left}).Error(),
		fmt.Sprintf("%s (pid %d)", left[0].Name, left[0].PID)) {
		t.Fatal("the message does not name them")
	}
	awaitExit(t, engine.PID)
	killAll(left)
	for _, p := range left {
		awaitExit(t, p.PID)
	}
	if err := f.local.Start(t.Context(), f.dir, f.job, job.Secrets{}); !fault.Is(err, fault.Conflict) {
		t.Fatalf("the apply was started again: %v", err)
	}
}

func TestRunnerKilledBeforeTheEngine(t *testing.T) {
	// An init that waits: the cache's lock is held, and a provider is needed.
	r := newRig(t, map[string]string{"main.tf": "resource \"null_resource\" \"n\" {}\n"})
	cache, err := ground.OpenCache(filepath.Join(r.base, "cache"), nil)
	if err != nil {
		t.Fatal(err)
	}
	release, err := cache.Guard(t.Context(), r.base, func() {})
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	f := r.start(r.planJob())
	f.awaitEvent("waiting for another init")
	kill(t, f.pid())
	if v := f.vanish(); v.Started || len(v.Survivors) > 0 {
		t.Fatalf("%+v", v)
	}
}

func TestEngineKilled(t *testing.T) {
	t.Run("plan", func(t *testing.T) {
		f := hanging(t)
		kill(t, f.engineOf().PID)
		must(t, f.wait(), job.KilledOutcome, "", "killed by somebody else")
	})
	t.Run("apply", func(t *testing.T) {
		f := busy(t, "exec sleep 600")
		kill(t, f.engineOf().PID)
		must(t, f.wait(), job.KilledOutcome, "", "killed by somebody else")
		if left, _ := (&Local{}).Survivors(f.job.Run); len(left) > 0 {
			t.Fatalf("left: %v", left)
		}
	})
}

func TestInterruptGracefully(t *testing.T) {
	f := busy(t, "exec sleep 600")
	if err := f.local.Interrupt(f.dir, false); err != nil {
		t.Fatal(err)
	}
	result := f.wait()
	must(t, result, job.InterruptedOutcome, "", "interrupted on request")
	if result.Serial == 0 {
		t.Fatalf("the state was not saved: %+v", result)
	}
	// The lock is free again: a plan takes it.
	_, after := f.rig.plan()
	must(t, after, job.Succeeded, "", "")
	if err := f.local.Interrupt(f.dir, false); !fault.Is(err, fault.NotFound) {
		t.Fatalf("got %v", err)
	}
}

const stubborn = "trap '' INT TERM HUP\n(trap '' INT TERM HUP; sleep 600) &\nsleep 601"

func TestForcedKillLeavesNothing(t *testing.T) {
	f := busy(t, stubborn)
	if err := f.local.Interrupt(f.dir, true); err != nil {
		t.Fatal(err)
	}
	must(t, f.wait(), job.KilledOutcome, "", "killed on request")
	if left, err := (&Local{}).Survivors(f.job.Run); err != nil || len(left) > 0 {
		t.Fatalf("left: %v, %v", left, err)
	}
}

func TestSecondInterruptKillsNobody(t *testing.T) {
	f := hanging(t, func(j *job.Job, _ *job.Secrets) { j.Grace = time.Second })
	for range 2 {
		if err := f.local.Interrupt(f.dir, false); err != nil {
			t.Fatal(err)
		}
		f.awaitEvent("interrupted on request") // two at once would be one
	}
	must(t, f.wait(), job.KilledOutcome, "", "did not stop in the time it was given (1s)")
}

func TestGraceRunsOut(t *testing.T) {
	f := hanging(t, func(j *job.Job, _ *job.Secrets) { j.Grace = 200 * time.Millisecond })
	if err := f.local.Interrupt(f.dir, false); err != nil {
		t.Fatal(err)
	}
	must(t, f.wait(), job.KilledOutcome, "", "did not stop in the time it was given (200ms)")
}

func TestTimeout(t *testing.T) {
	f := busy(t, "exec sleep 600", func(j *job.Job, _ *job.Secrets) { j.Timeout = 2 * time.Second })
	must(t, f.wait(), job.TimedOut, "", "out of time")
}

func TestAttachFromAnotherDaemon(t *testing.T) {
	r := newRig(t, nil)
	here, on := r.fifo("here"), r.fifo("on")
	r.write("main.tf", provisioned("echo here > "+here.path+"; read x < "+on.path))
	f := r.planned().startApply()
	here.line()

	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.local.Wait(gone, f.dir); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	other := &Local{Exe: "/nonexistent"}
	if alive, err := other.Alive(f.dir); !alive || err != nil {
		t.Fatalf("alive: %v, %v", alive, err)
	}
	if err := other.Start(t.Context(), f.dir, f.job, job.Secrets{}); !fault.Is(err, fault.Conflict) {
		t.Fatalf("two runners in one directory: %v", err)
	}
	on.say("go")
	result, err := other.Wait(t.Context(), f.dir)
	if err != nil || result.Outcome != job.Succeeded {
		t.Fatalf("%+v, %v", result, err)
	}
	if alive, err := other.Alive(f.dir); alive || err != nil {
		t.Fatalf("alive: %v, %v", alive, err)
	}
}

func TestTwoPhasesOfOneWorkspace(t *testing.T) {
	r := newRig(t, nil)
	r.besides()
	here, on := r.fifo("here"), r.fifo("on")
	r.write("main.tf", provisioned("echo here > "+here.path+"; read x < "+on.path))
	apply := r.planned().startApply()
	here.line()

	_, speculative := r.plan(func(j *job.Job, _ *job.Secrets) { j.LockState = false })
	must(t, speculative, job.Succeeded, "", "")
	_, locking := r.plan()
	must(t, locking, job.Failed, job.CauseLocked, "it is locked by")
	if !strings.Contains(locking.Message, "for apply") || !strings.Contains(locking.Message, "since 2") ||
		!strings.Contains(locking.Next, "force-unlock ") || !locking.Cause.Transient() {
		t.Fatalf("%+v", locking)
	}
	waiting := r.start(r.planJob(func(j *job.Job, _ *job.Secrets) { j.LockTimeout = time.Hour }))
	waiting.awaitEvent(`"type":"version"`)
	if err := r.local.Interrupt(waiting.dir, false); err != nil {
		t.Fatal(err)
	}
	must(t, waiting.wait(), job.InterruptedOutcome, "", "")
	on.say("go")
	must(t, apply.wait(), job.Succeeded, "", "")
}

func TestNothingRuns(t *testing.T) {
	l := &Local{Exe: "/nonexistent"}
	dir := t.TempDir()
	var v *Vanished
	if _, err := l.Wait(t.Context(), dir); !errors.As(err, &v) || !v.Absent || v.Started {
		t.Fatalf("wait: %v", err)
	}
	if err := l.Interrupt(dir, true); !fault.Is(err, fault.NotFound) {
		t.Fatalf("interrupt: %v", err)
	}
	if _, err := job.LoadResult(dir); !fault.Is(err, fault.NotFound) {
		t.Fatalf("load: %v", err)
	}
	if err := l.Start(t.Context(), filepath.Join(dir, "x"), job.Job{Phase: job.PlanPhase}, job.Secrets{}); err == nil {
		t.Fatal("a missing program was started")
	}
	if alive, err := l.Alive(filepath.Join(dir, "x")); alive || err != nil {
		t.Fatalf("alive: %v, %v", alive, err)
	}
}

func TestSealAfterAVanishedApply(t *testing.T) {
	f := busy(t, "exec sleep 600")
	plain := f.wrote(backend.ErroredState) // what the engine leaves in its tree
	if err := os.WriteFile(plain, []byte(`{"serial": 3, "x": "canary"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	kill(t, f.pid())
	killAll(f.vanish().Survivors)
	for range 2 { // the second finds nothing to do
		if err := (&Local{}).Seal(f.dir, f.job.Recipient); err != nil {
			t.Fatal(err)
		}
	}
	if got := f.decrypt(filepath.Join(f.dir, job.ErroredStateFile)); !strings.Contains(string(got), "canary") ||
		durable.Exists(plain) {
		t.Fatalf("%s", got)
	}
	left, _ := (&Local{}).Survivors(f.job.Run)
	for _, p := range left {
		awaitExit(t, p.PID)
	}
}

func TestRunnerIsNotForPeople(t *testing.T) {
	dir := t.TempDir()
	exe, _ := os.Executable()
	cmd := exec.Command(exe, "runner", dir)
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "this command is for tfops serve") {
		t.Fatalf("%s, %v", out, err)
	}
}
