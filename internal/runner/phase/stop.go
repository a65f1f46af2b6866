package phase

import (
	"context"
	"os"
	"os/signal"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/runner/cell"
	"github.com/tfops/tfops/internal/runner/diagnostics"
)

// stopper turns signals and the phase's timeout into the end of a context.
//
// The first SIGINT, or the timeout, ends the context: terraform-exec then
// interrupts the engine and waits out the grace time. More of them change
// nothing: whoever asks twice, or passes on after a crash what may have arrived
// before it, does not ask for a kill. SIGTERM kills all that the runner has
// started. A hangup or a broken pipe is
// caught and means nothing; being ignored, it would be ignored by the engine
// and its provisioners too.
type stopper struct {
	signals chan os.Signal
	ctx     context.Context
	cancel  context.CancelCauseFunc
	forced  atomic.Bool
	begun   bool
	done    chan struct{} // closed by end
	gone    chan struct{} // closed when the watcher has ended
}

func newStopper() *stopper {
	s := &stopper{signals: make(chan os.Signal, 8), done: make(chan struct{}), gone: make(chan struct{})}
	s.ctx, s.cancel = context.WithCancelCause(context.Background())
	signal.Notify(s.signals, unix.SIGINT, unix.SIGTERM)
	signal.Notify(make(chan os.Signal, 1), unix.SIGHUP, unix.SIGPIPE)
	return s
}

// begin starts to watch. A signal that came before counts. say is told what
// is done about it.
func (s *stopper) begin(timeout time.Duration, say func(string)) context.Context {
	s.begun = true
	go s.watch(timeout, say)
	return s.ctx
}

func (s *stopper) watch(timeout time.Duration, say func(string)) {
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
			s.forced.Store(true)
			s.cancel(diagnostics.ErrForced)
			say("killed on request: the engine and all that it started")
			cell.KillDescendants()
		}
	}
}

// end stops watching; killed tells that the engine was killed. After a kill
// nothing that it started is left running, but what the kernel cannot kill.
func (s *stopper) end(killed bool) {
	if s.begun {
		close(s.done)
		<-s.gone
	}
	if killed || s.forced.Load() {
		cell.KillDescendants()
	}
}
