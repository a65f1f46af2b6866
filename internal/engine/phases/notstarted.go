package phases

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/tfops/tfops/internal/engine/txn"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/runner"
)

// A phase whose runner was not started has changed nothing. Its run goes back to where it was
// claimed, so that neither it nor what people approved is lost, and is tried again; what ails it
// is what it waits for. Where it is not known whether a runner was started, whatever is at work
// is followed, and an apply of which nothing is found is interrupted.

// Delay is when a run is tried again that could not be started.
const Delay = 10 * time.Second

// notStarted reports whether err says that a runner was not started.
func notStarted(err error) bool { return errors.As(err, new(*runner.NotStarted)) }

// notBegunBy is what a result means that says that nothing of its phase was done.
func notBegunBy(res job.Result) error {
	return &runner.NotStarted{Err: fault.New(fault.Unavailable, res.Next, "%s", res.Message)}
}

// errOutdated says that what an apply was claimed for has changed since: whoever chooses what comes
// next sees how, and discards it.
var errOutdated = errors.New("what it was approved for has changed")

// guarded turns a panic into an error: what a repository holds may bring one workspace to a halt,
// not all of them.
func (ph *Worker) guarded(fn func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			ph.Log.Error("tfops has a defect", "panic", p, "stack", string(debug.Stack()))
			err = fault.New(fault.Internal, "report it with what the log of the daemon says of it",
				"tfops has a defect: %v", p)
		}
	}()
	return fn()
}

// startsLater reports whether an apply that could not be started is tried again: it was the runner
// that could not be started, or something that passes, or that the next look sees.
func startsLater(err error) bool {
	_, lacks := fault.LackOf(err)
	return notStarted(err) || lacks || fault.Is(err, fault.Unavailable) || errors.Is(err, errOutdated) ||
		errors.Is(err, errReconfigured)
}

// notBegun puts a run back whose apply was claimed and not started, with its approvals and its
// place in the queue. An error that comes back at each try ends it.
func (ph *Worker) notBegun(ctx context.Context, r run.Run, err error) {
	stops := ctx.Err() != nil
	if stops { // and nobody else tells that nothing has run
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), shutdownGrace)
		defer cancel()
	}
	err = fault.OfMachine(err)
	ph.Txn.Insist(ctx, r.ID, func(d *run.Tx) error {
		if d.Run.Status != run.Applying {
			return txn.ErrEnded
		}
		d.Release()
		text := "the apply could not be started, and nothing was changed: " + err.Error()
		if !stops && !startsLater(err) {
			d.Run.Failure = &run.Failure{Message: text, Next: fault.Next(err)}
			return d.Move(run.Errored, "", text)
		}
		if !stops {
			d.Run.NotBefore, d.Run.Delayed = d.Now.Add(Delay), delayedBy(err)
		}
		d.Record.ApplyStartedAt = d.Run.AppliesSeen // as when it was claimed: see aboutQueued
		by := d.Run.Canceling
		d.Run.Canceling = ""
		if err := d.Move(run.ApplyQueued, "", text); err != nil || by == "" {
			return err
		}
		d.Run.Comment = "canceled by " + by
		return d.Move(run.Canceled, by, d.Run.Comment)
	})
}

// delayedBy is why a run is tried again, with what a person can do about it.
func delayedBy(err error) string {
	text := err.Error()
	if next := fault.Next(err); next != "" {
		text = fmt.Sprintf("%s (%s)", text, next)
	}
	return text
}

// postpone puts a run back whose plan could not be started, and reports whether it did. On a disk
// that is full or cannot be written a plan fails: nobody has approved it yet.
func (ph *Worker) postpone(ctx context.Context, r run.Run, err error) bool {
	l, lacks := fault.LackOf(err)
	if lacks && !l.Own || !lacks && !notStarted(err) {
		return false
	}
	err = fault.OfMachine(err)
	ph.Txn.Insist(ctx, r.ID, func(d *run.Tx) error {
		if d.Run.Status != run.Planning {
			return txn.ErrEnded
		}
		d.Run.NotBefore, d.Run.Delayed = d.Now.Add(Delay), delayedBy(err)
		return d.Move(run.Pending, "", "it could not be started: "+err.Error())
	})
	return true
}
