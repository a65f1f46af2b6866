package engine

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/engine/outcome"
	"github.com/tfops/tfops/internal/engine/phases"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/runner"
)

// refused has runners of a phase not started as long as err gives an error.
func (p *players) refused(phase job.Phase, err func() error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = func(job job.Job) error {
		if job.Phase == phase {
			return err()
		}
		return nil
	}
}

// causes are why a runner is not started; what a person reads of each, and whether a plan fails.
var causes = []struct {
	name  string
	err   error
	text  string
	fails bool
}{
	{"the binary is gone", fault.New(fault.Unavailable, "put tfops back", "/bin/tfops cannot be executed: %w",
		fs.ErrNotExist), "put tfops back", false},
	{"too many processes", &fs.PathError{Op: "fork/exec", Path: "tfops", Err: syscall.EAGAIN}, "TasksMax", false},
	{"too little memory", &fs.PathError{Op: "fork/exec", Path: "tfops", Err: syscall.ENOMEM}, "MemoryMax", false},
	{"too many files", &fs.PathError{Op: "open", Path: "runner.lock", Err: syscall.EMFILE}, "LimitNOFILE", false},
	{"a file in the way", &fs.PathError{Op: "open", Path: "runner.lock", Err: syscall.EISDIR}, "is a directory", false},
	{"a full disk", &fs.PathError{Op: "write", Path: "job.json", Err: syscall.ENOSPC}, "free space", true},
}

func TestAPlanThatIsNotStartedIsMadeLater(t *testing.T) {
	for _, c := range causes {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, g *rig) {
				var mended atomic.Bool
				g.runners.refused(job.PlanPhase, func() error {
					if mended.Load() {
						return nil
					}
					return &runner.NotStarted{Err: c.err}
				})
				g.start()
				g.commit("a/main.tf")
				if c.fails {
					if r := g.want("a", run.Errored); !strings.Contains(r.Failure.Next, c.text) {
						t.Errorf("%+v", r.Failure)
					}
					return
				}
				r := g.want("a", run.Pending)
				if w := g.view("a").Wait; r.Restarts != 0 || !strings.Contains(w.Sentence(), c.text) {
					t.Errorf("%d restarts, waits for %q", r.Restarts, w.Sentence())
				}
				mended.Store(true)
				g.pass(phases.Delay)
				if got := g.want("a", run.AwaitingApproval); got.ID != r.ID {
					t.Error("the run was replaced")
				}
			}, define("a"))
		})
	}
}

// Nothing has run: the lock is given back, and nobody is asked for another approval.
func TestAnApplyThatIsNotStartedKeepsItsApproval(t *testing.T) {
	for _, c := range causes {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, g *rig) {
				var mended atomic.Bool
				g.runners.refused(job.ApplyPhase, func() error {
					if mended.Load() {
						return nil
					}
					return &runner.NotStarted{Err: c.err}
				})
				g.start()
				g.commit("a/main.tf")
				before := g.want("a", run.AwaitingApproval)
				g.approve(ana, before)
				r := g.want("a", run.ApplyQueued)
				if v := g.view("a"); v.Lock != nil || !strings.Contains(v.Wait.Sentence(), c.text) ||
					v.Wait.Command == "" {
					t.Errorf("lock %v, waits for %+v", v.Lock, v.Wait)
				}
				if !r.ApplyStartedAt.IsZero() || r.QueuedAt.IsZero() {
					t.Errorf("%+v", r)
				}
				g.pass(phases.Delay)
				if got := g.want("a", run.ApplyQueued); !got.QueuedAt.Equal(r.QueuedAt) {
					t.Error("it lost its place in the queue")
				}
				mended.Store(true)
				g.pass(phases.Delay)
				if got := g.want("a", run.Applied); got.ID != r.ID || got.Plan.Digest != before.Plan.Digest {
					t.Error("something else was applied")
				}
				if n := g.runners.count("a", job.ApplyPhase); n != 1 {
					t.Errorf("%d applies", n)
				}
			}, define("a"))
		})
	}
}

// A runner that could not be made ready says itself that nothing was done.
func TestARunnerThatCouldNotBegin(t *testing.T) {
	for _, phase := range []job.Phase{job.PlanPhase, job.ApplyPhase} {
		t.Run(string(phase), func(t *testing.T) {
			bubble(t, func(t *testing.T, g *rig) {
				var mended atomic.Bool
				g.runners.set(func(p *players) {
					p.fail = func(j job.Job) *job.Result {
						if j.Phase != phase || mended.Load() {
							return nil
						}
						return &job.Result{Outcome: job.Failed, Cause: job.CauseRunner, NotBegun: true,
							Message: "mount: no", Next: "let it mount"}
					}
				})
				g.start()
				g.commit("a/main.tf")
				r := g.want("a", map[job.Phase]run.Status{job.PlanPhase: run.Pending,
					job.ApplyPhase: run.ApplyQueued}[phase])
				if v := g.view("a"); v.Lock != nil || !strings.Contains(v.Wait.Sentence(), "mount: no (let it mount)") {
					t.Errorf("lock %v, waits for %+v", v.Lock, v.Wait)
				}
				mended.Store(true)
				g.pass(2 * phases.Delay)
				if got := g.want("a", run.Applied); got.ID != r.ID {
					t.Error("the run was replaced")
				}
			}, define("a", auto))
		})
	}
}

// Whoever does not know whether a runner was started takes it for one.
func TestAnApplyThatMayHaveBeenStarted(t *testing.T) {
	conflict := fault.New(fault.Conflict, "", "it was started before")
	for name, err := range map[string]func() error{
		"an error of another kind": func() error { return conflict },
		"a panic":                  func() error { panic("a defect") },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, g *rig) {
				var mended atomic.Bool
				g.runners.refused(job.ApplyPhase, func() error {
					if mended.Load() {
						return nil
					}
					return err()
				})
				g.start()
				g.commit("a/main.tf")
				r := g.want("a", run.Interrupted)
				mended.Store(true)
				interrupted(t, g, r)
			}, define("a", auto))
		})
	}
	t.Run("and is at work", func(t *testing.T) {
		bubble(t, func(t *testing.T, g *rig) {
			g.runners.set(func(p *players) { p.hold[job.ApplyPhase] = true })
			g.start()
			g.runners.set(func(p *players) {
				p.refuse = func(j job.Job) error {
					if j.Phase != job.ApplyPhase {
						return nil
					}
					g.runners.set(func(p *players) { p.refuse = nil })
					dir := g.engine.txn.Files.Run(j.Run).Phase(j.Phase)
					return errors.Join(g.runners.Start(context.Background(), dir, j, job.Secrets{}), conflict)
				}
			})
			g.commit("a/main.tf")
			g.want("a", run.Applying)
			g.runners.end(t)
			g.want("a", run.Applied)
		}, define("a", auto))
	})
	t.Run("a plan, again and again", func(t *testing.T) {
		bubble(t, func(t *testing.T, g *rig) {
			tries := 0
			g.runners.refused(job.PlanPhase, func() error { tries++; panic("a defect") })
			g.start()
			g.commit("a/main.tf")
			if r := g.want("a", run.Errored); tries != outcome.MaxRestarts+1 || r.Failure.Next == "" {
				t.Errorf("%d tries, %+v", tries, r.Failure)
			}
		}, define("a"))
	})
}

func TestTheDaemonStopsBeforeAnApplyIsStarted(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.runners.refused(job.ApplyPhase, func() error {
			g.stop()
			return &runner.NotStarted{Err: context.Canceled}
		})
		g.start()
		g.commit("a/main.tf")
		<-g.done
		g.stop = nil
		r := g.want("a", run.ApplyQueued)
		g.runners.refused(job.ApplyPhase, func() error { return nil })
		g.restart()
		if got := g.want("a", run.Applied); got.ID != r.ID {
			t.Error("the run was replaced")
		}
	}, define("a", auto))
}

// Who cancels an apply that is being started, and was not, has canceled it.
func TestCanceledWhileItIsNotStarted(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.runners.refused(job.ApplyPhase, func() error {
			if _, err := g.engine.Cancel(context.Background(), li, g.last("a").ID, false); err != nil {
				t.Error(err)
			}
			return &runner.NotStarted{Err: errors.New("no")}
		})
		g.start()
		g.commit("a/main.tf")
		if r := g.want("a", run.Canceled); !strings.Contains(r.Comment, "li") {
			t.Errorf("%q", r.Comment)
		}
		if v := g.view("a"); v.Lock != nil {
			t.Errorf("the lock is %v", v.Lock)
		}
		g.pass(time.Hour)
		g.want("a", run.Canceled)
	}, define("a", auto))
}
