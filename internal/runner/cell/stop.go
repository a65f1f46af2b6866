package cell

import (
	"context"
	"os"
	"os/signal"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/runner/diagnostics"
)

// Stopper turns signals and the phase's timeout into the end of a context.
//
// The first SIGINT, or the timeout, ends the context: terraform-exec then
// interrupts the engine and waits out the grace time. More of them change
// nothing: whoever asks twice, or passes on after a crash what may have arrived
// before it, does not ask for a kill. SIGTERM kills all that the runner has
// started. A hangup or a broken pipe is
// caught and means nothing; being ignored, it would be ignored by the engine
// and its provisioners too.
type Stopper struct {
	signals chan os.Signal
	Ctx     context.Context // the phase's: its cause says why it was stopped
	cancel  context.CancelCauseFunc
	Forced  atomic.Bool // somebody asked for a kill
	begun   bool
	done    chan struct{} // closed by end
	gone    chan struct{} // closed when the watcher has ended
}

// NewStopper has signals caught from now on.
func NewStopper() *Stopper {
	s := &Stopper{signals: make(chan os.Signal, 8), done: make(chan struct{}), gone: make(chan struct{})}
	s.Ctx, s.cancel = context.WithCancelCause(context.Background())
	signal.Notify(s.signals, unix.SIGINT, unix.SIGTERM)
	signal.Notify(make(chan os.Signal, 1), unix.SIGHUP, unix.SIGPIPE)
	return s
}

// Begin starts to watch. A signal that came before counts. say is told what
// is done about it.
func (s *Stopper) Begin(timeout time.Duration, say func(string)) context.Context {
	s.begun = true
	go s.watch(timeout, say)
	return s.Ctx
}

func (s *Stopper) watch(timeout time.Duration, say func(string)) {
	defer close(s.gone)
	var late <-chan time.Time
	if timeout > 0 {
		t := time.NewTimer(timeout)
		defer t.Stop()
		late = t.C
	}
	asked := false
	for {
		select {
		case <-s.done:
			return
		case <-late:
			s.cancel(diagnostics.ErrTimedOut)
			continueDescendants()
			say("out of time after " + timeout.String() + ": the engine is asked to stop")
		case sig := <-s.signals:
			if sig == unix.SIGINT {
				if !asked {
					asked = true
					s.cancel(diagnostics.ErrInterrupted)
					continueDescendants()
					say("interrupted on request: the engine is asked to stop")
				}
				continue
			}
			s.Forced.Store(true)
			s.cancel(diagnostics.ErrForced)
			say("killed on request: the engine and all that it started")
			KillDescendants()
		}
	}
}

// Ask ends the context for a reason of the phase's own: the engine is interrupted as on request.
func (s *Stopper) Ask(why error) {
	s.cancel(why)
	continueDescendants()
}

// End stops watching. Nothing that the engine started is left running, but what the kernel cannot kill.
func (s *Stopper) End() {
	if s.begun {
		close(s.done)
		<-s.gone
	}
	KillDescendants()
}

// continueDescendants lets what this process started and somebody stopped go on,
// so that it can hear that it is asked to end.
func continueDescendants() {
	var stopped []Process
	for _, p := range Descendants(os.Getpid()) {
		if p.Stopped {
			stopped = append(stopped, p)
		}
	}
	_ = WakeUp(stopped) // what cannot be continued is killed in the end
}
