// Package follow waits for runs through the API, and tells a person how they go and how
// they ended. Waiting ends where a run ends, or needs somebody.
package follow

import (
	"context"
	"errors"
	"time"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/exit"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/term"
	"github.com/tfops/tfops/internal/term/show"
)

// lookEvery is how often a run that is waited for is looked at, so that a person
// sees it move; its end is told by the daemon at once.
const lookEvery = time.Second

// Run waits until a run needs somebody or has ended, and hands over what it
// sees of it in the meantime.
func Run(ctx context.Context, c *api.Client, id string, see func(api.Run)) (api.Run, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type answer struct {
		run api.Run
		err error
	}
	settled := make(chan answer, 1)
	go func() {
		r, err := c.Wait(ctx, id)
		settled <- answer{r, err}
	}()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	look := func() (api.Run, bool) {
		r, err := c.Run(ctx, id)
		if err != nil { // it comes from Wait as well
			return r, false
		}
		see(r)
		return r, heldUp(r) != exit.Done
	}
	if r, held := look(); held { // at once: nothing else would end the waiting
		return r, nil
	}
	for {
		select {
		case done := <-settled:
			if errors.Is(done.err, context.Canceled) {
				return done.run, fault.New(fault.Unavailable, "go on waiting: tfops wait "+id,
					"stopped waiting: run %s goes on without it", id)
			}
			if done.err == nil {
				see(done.run)
			}
			return done.run, done.err
		case <-tick.C:
			if r, held := look(); held {
				return r, nil
			}
		}
	}
}

// heldUp is the exit status for a run that waits for what only a person moves,
// though it is not at its own end: behind an interrupted run, a person's lock, a
// suspension, a lost state, a stopped process. It is 0 for all others.
func heldUp(r api.Run) int {
	switch {
	case show.HasEnded(r.Status) || r.Status == "interrupted" || !r.NeedsPerson:
	case r.Waiting != nil && r.Waiting.Kind == "interrupted":
		return exit.Ended
	default:
		return exit.Approval
	}
	return exit.Done
}

// progress tells a person what is new of a run.
type progress struct {
	p       *term.Printer
	events  int    // told so far
	waiting string // told last
}

func (t *progress) tell(r api.Run) {
	for _, e := range r.Events[min(t.events, len(r.Events)):] {
		t.p.Notef("%s", eventLine(r.ID, e))
	}
	t.events = max(t.events, len(r.Events))
	if !show.HasEnded(r.Status) && r.WaitingFor != "" && r.WaitingFor != t.waiting && !api.Settled(r.Status) {
		t.p.Notef("%s  waits for %s", r.ID, r.WaitingFor)
	}
	t.waiting = r.WaitingFor
}

func eventLine(id string, e api.Event) string {
	line := id + "  " + e.At.UTC().Format("15:04:05Z")
	if e.To != "" {
		line += "  " + e.To
	}
	if e.Actor != "" {
		line += "  by " + e.Actor
	}
	if e.Text != "" {
		line += "  " + e.Text
	}
	return line
}

// Within limits waiting to a time; 0 is as long as it takes.
func Within(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	if timeout > 0 {
		return context.WithTimeout(ctx, timeout)
	}
	return ctx, func() {}
}

// Told awaits a run for a time at most, and tells on stderr of everything that
// happens to it.
func Told(ctx context.Context, p *term.Printer, c *api.Client, id string, timeout time.Duration) (api.Run, error) {
	waiting, cancel := Within(ctx, timeout)
	defer cancel()
	t := progress{p: p}
	r, err := Run(waiting, c, id, t.tell)
	return r, GaveUp(ctx, err, id, timeout)
}

// GaveUp makes a fault of the end of --timeout, and leaves every other error.
func GaveUp(ctx context.Context, err error, id string, timeout time.Duration) error {
	if err == nil || ctx.Err() != nil || timeout == 0 || !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fault.New(fault.Unavailable, "go on waiting: tfops wait "+id,
		"run %s neither needs anybody nor has ended after %s", id, timeout)
}
