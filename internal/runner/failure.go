package runner

import (
	"context"
	"errors"
	"fmt"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/job"
)

// failure is why a phase did not succeed.
type failure struct {
	outcome job.Outcome
	cause   job.Cause
	message string
	next    string
	lock    *job.BackendLock // of CauseLocked, when the engine tells of it
	err     error            // the cause; may be nil
}

func (f *failure) Error() string { return f.message }
func (f *failure) Unwrap() error { return f.err }

// refuse is a failure of this cause on our side of the engine.
func refuse(cause job.Cause, next, format string, args ...any) *failure {
	err := fmt.Errorf(format, args...)
	return &failure{outcome: job.Failed, cause: cause, message: err.Error(), next: next, err: errors.Unwrap(err)}
}

// failureOf is what an error of any kind means for the phase. ctx is the
// phase's own: its end explains whatever failed because of it.
func failureOf(ctx context.Context, err error) *failure {
	var f *failure
	if errors.As(err, &f) {
		return f
	}
	if errors.Is(err, context.Canceled) || isStop(err) {
		if f := stopped(ctx); f != nil {
			return f
		}
	}
	if diskTrouble(err) {
		return diskFailure(err)
	}
	if l, ok := fault.LackOf(err); ok {
		return &failure{outcome: job.Failed, cause: job.CauseMachine, message: l.What + ": " + err.Error(), next: l.Next, err: err}
	}
	return &failure{outcome: job.Failed, cause: job.CauseRunner, message: err.Error(), next: fault.Next(err), err: err}
}

func diskFailure(err error) *failure {
	return &failure{outcome: job.Failed, cause: job.CauseDisk, message: "the data directory cannot be written: " + err.Error(),
		next: "make room on its disk, or make it writable, then run it again", err: err}
}

func isStop(err error) bool {
	return errors.Is(err, errInterrupted) || errors.Is(err, errTimedOut) || errors.Is(err, errForced)
}

// stopped is the failure of a phase that was stopped between two commands of
// the engine, or while one ended by itself; nil when it was not stopped.
func stopped(ctx context.Context) *failure {
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errInterrupted):
		return &failure{outcome: job.InterruptedOutcome, message: "interrupted on request; the engine ended by itself", err: cause}
	case errors.Is(cause, errTimedOut):
		return &failure{outcome: job.TimedOut, message: "out of time; it was interrupted and the engine ended by itself",
			next: "see in the log what took so long; raise the timeout of the workspace if it needs more time", err: cause}
	case errors.Is(cause, errForced):
		return killed("killed on request", cause)
	}
	return nil
}

func killed(message string, err error) *failure {
	return &failure{outcome: job.KilledOutcome, message: message, err: err}
}
