package runner

import (
	"errors"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/cell"
)

// halt stops processes and waits until the kernel says that they are.
func (f *flight) halt(pids ...int) {
	f.t.Helper()
	for _, pid := range pids {
		if err := unix.Kill(pid, unix.SIGSTOP); err != nil {
			f.t.Fatal(err)
		}
	}
	deadline := time.Now().Add(time.Minute)
	for {
		seen := f.stopped()
		if !slices.ContainsFunc(pids, func(pid int) bool { return !slices.Contains(seen, pid) }) {
			return
		}
		if time.Now().After(deadline) {
			f.t.Fatalf("stopped were %v, seen is %v", pids, seen)
		}
		time.Sleep(5 * time.Millisecond) // the kernel does not tell
	}
}

func (f *flight) stopped() []int {
	f.t.Helper()
	all, err := f.local.Stopped(f.dir, f.base)
	if err != nil {
		f.t.Fatal(err)
	}
	if len(all) > 1 || len(all[f.base]) > 0 {
		f.t.Errorf("stopped processes where no runner is: %v", all)
	}
	var pids []int
	for _, p := range all[f.dir] {
		if p.Name == "" {
			f.t.Errorf("process %d has no name", p.PID)
		}
		pids = append(pids, p.PID)
	}
	return pids
}

// victims are which processes of an apply are stopped.
var victims = map[string]func(*flight) []int{
	"the runner":  func(f *flight) []int { return []int{f.pid()} },
	"the engine":  func(f *flight) []int { return []int{f.engineOf().PID} },
	"all of them": func(f *flight) []int { return append(pidsOf(cell.Descendants(f.pid())), f.pid()) },
}

func pidsOf(all []cell.Process) []int {
	var pids []int
	for _, p := range all {
		pids = append(pids, p.PID)
	}
	return pids
}

func TestStoppedProcessesAreSeenAndGoOn(t *testing.T) {
	for name, of := range victims {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, nil)
			here, on := r.fifo("here"), r.fifo("on")
			r.write("main.tf", provisioned("echo here > "+here.path+"\nread line < "+on.path))
			f := r.planned().startApply()
			here.line()
			if seen := f.stopped(); len(seen) > 0 {
				t.Errorf("stopped before anybody did it: %v", seen)
			}
			f.halt(of(f)...)
			if err := f.local.Continue(f.dir); err != nil {
				t.Fatal(err)
			}
			on.say("on")
			must(t, f.wait(), job.Succeeded, "", "")
		})
	}
}

// A cancel by force kills what is stopped, and one that asks has it go on first,
// so that it ends in good order.
func TestStoppedProcessesAreEnded(t *testing.T) {
	for name, of := range victims {
		for _, force := range []bool{false, true} {
			t.Run(name+map[bool]string{true: " by force"}[force], func(t *testing.T) {
				t.Parallel()
				f := busy(t, "exec sleep 600")
				f.halt(of(f)...)
				if err := f.local.Interrupt(f.dir, force); err != nil {
					t.Fatal(err)
				}
				want := job.InterruptedOutcome
				if force {
					want = job.KilledOutcome
				}
				if got := f.wait(); got.Outcome != want {
					t.Errorf("it ended as %s, want %s: %s", got.Outcome, want, got.Message)
				}
			})
		}
	}
}

// The time of a phase runs on while it is stopped: the runner ends an engine that
// is, and does so itself once it is continued.
func TestStoppedProcessesRunOutOfTime(t *testing.T) {
	for name, of := range victims {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := busy(t, "exec sleep 600", func(j *job.Job, _ *job.Secrets) { j.Timeout = 5 * time.Second })
			pids := of(f)
			f.halt(pids...)
			if slices.Contains(pids, f.pid()) {
				time.Sleep(5 * time.Second) // its time, which nobody else knows
				if alive, err := f.local.Alive(f.dir); err != nil || !alive {
					t.Fatalf("a stopped runner ended by itself: %v", err)
				}
				if err := f.local.Continue(f.dir); err != nil {
					t.Fatal(err)
				}
			}
			if got := f.wait(); got.Outcome != job.TimedOut {
				t.Errorf("it ended as %s: %s", got.Outcome, got.Message)
			}
		})
	}
}

func TestNobodyIsStoppedWhereNobodyWorks(t *testing.T) {
	l := &Local{}
	all, err := l.Stopped(t.TempDir())
	if err := errors.Join(err, l.Continue(t.TempDir())); err != nil || len(all) > 0 {
		t.Errorf("%v, %v", all, err)
	}
}
