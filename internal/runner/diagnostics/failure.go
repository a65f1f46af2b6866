package diagnostics

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/job"
)

// Failure is why a phase did not succeed.
type Failure struct {
	Outcome job.Outcome
	Cause   job.Cause
	Message string
	Next    string
	Lock    *job.BackendLock // of CauseLocked, when the engine tells of it
	Err     error            // the cause; may be nil
}

func (f *Failure) Error() string { return f.Message }
func (f *Failure) Unwrap() error { return f.Err }

// Refuse is a failure of this cause on our side of the engine.
func Refuse(cause job.Cause, next, format string, args ...any) *Failure {
	err := fmt.Errorf(format, args...)
	return &Failure{Outcome: job.Failed, Cause: cause, Message: err.Error(), Next: next, Err: errors.Unwrap(err)}
}

// FailureOf is what an error of any kind means for the phase. ctx is the
// phase's own: its end explains whatever failed because of it.
func FailureOf(ctx context.Context, err error) *Failure {
	var f *Failure
	if errors.As(err, &f) {
		return f
	}
	if errors.Is(err, context.Canceled) || isStop(err) {
		if f := Stopped(ctx); f != nil {
			return f
		}
	}
	if DiskTrouble(err) {
		return DiskFailure(err)
	}
	if l, ok := fault.LackOf(err); ok {
		return &Failure{Outcome: job.Failed, Cause: job.CauseMachine, Message: l.What + ": " + err.Error(),
			Next: l.Next,
			Err:  err}
	}
	return &Failure{Outcome: job.Failed, Cause: job.CauseRunner, Message: err.Error(), Next: fault.Next(err), Err: err}
}

func DiskFailure(err error) *Failure {
	return &Failure{Outcome: job.Failed, Cause: job.CauseDisk, Message: "the data directory cannot be written: " +
		err.Error(),
		Next: "make room on its disk, or make it writable, then run it again", Err: err}
}

func isStop(err error) bool {
	return errors.Is(err, ErrInterrupted) || errors.Is(err, ErrTimedOut) || errors.Is(err, ErrForced)
}

// Stopped is the failure of a phase that was stopped between two commands of
// the engine, or while one ended by itself; nil when it was not stopped.
func Stopped(ctx context.Context) *Failure {
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, ErrInterrupted):
		return &Failure{Outcome: job.InterruptedOutcome, Message: "interrupted on request; the engine ended by itself",
			Err: cause}
	case errors.Is(cause, ErrTimedOut):
		return &Failure{Outcome: job.TimedOut, Message: "out of time; it was interrupted and the engine ended by " +
			"itself",
			Next: "see in the log what took so long; raise the timeout of the workspace if it needs more time",
			Err:  cause}
	case errors.Is(cause, ErrForced):
		return Killed("killed on request", cause)
	}
	return nil
}

func Killed(message string, err error) *Failure {
	return &Failure{Outcome: job.KilledOutcome, Message: message, Err: err}
}

// Why a phase was stopped; the cause of its context.
var (
	ErrInterrupted = errors.New("interrupted on request")
	ErrTimedOut    = errors.New("out of time")
	ErrForced      = errors.New("killed on request")
)

// DiskTrouble reports whether err says that a disk is full or cannot be written.
func DiskTrouble(err error) bool {
	return slices.ContainsFunc([]error{unix.ENOSPC, unix.EDQUOT, unix.EROFS, unix.EIO, unix.EFBIG},
		func(e error) bool { return errors.Is(err, e) })
}
