// Package deadline ends what a phase does that cannot be called off: reading code that takes for ever,
// and a phase that was asked to end and computes on.
package deadline

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/tfops/tfops/internal/durable"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/cell"
	"github.com/tfops/tfops/internal/runner/diagnostics"
)

// Reading is how long the code of a workspace may take to be read, far above what any does.
const Reading = 2 * time.Minute

// Within reads code, for so long at most and until ctx ends. What cannot be called off is left
// behind: the process ends soon.
func Within[T any](ctx context.Context, most time.Duration, what string, read func() (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	done := make(chan answer, 1)
	go func() {
		v, err := read()
		done <- answer{v, err}
	}()
	late := time.NewTimer(most)
	defer late.Stop()
	var none T
	select {
	case a := <-done:
		return a.value, a.err
	case <-ctx.Done():
		return none, context.Cause(ctx)
	case <-late.C:
		return none, diagnostics.Refuse(job.CauseBadInput, "make it smaller or simpler: look for what was generated",
			"%s took longer than %s to read", what, most)
	}
}

// End is how long a phase that was asked to end may go on without anything that it started.
const End = 10 * time.Second

// Guard ends the process where the phase was asked to end and does not, since it is busy with
// something that cannot be called off: a place is free only once its runner is gone. An apply
// that its engine was started for is left alone, since what it did is not known before it ends.
func Guard(ctx context.Context, dir string, p job.Phase, end *Ending) {
	select {
	case <-end.done:
		return
	case <-ctx.Done():
	}
	for idle := time.Now(); ; {
		select {
		case <-end.done:
			return
		case <-time.After(end.most / 20):
		}
		if len(cell.Descendants(os.Getpid())) > 0 { // it is they that are waited for, up to their grace time
			idle = time.Now()
			continue
		}
		if time.Since(idle) < end.most {
			continue
		}
		if began, err := job.EngineBegan(dir); p == job.ApplyPhase && (began || err != nil) {
			return
		}
		if end.claim() {
			f := diagnostics.FailureOf(ctx, context.Cause(ctx))
			f.Message += "; the runner was busy and did not end by itself"
			os.Exit(abandon(f, dir))
		}
		return
	}
}

// heavyEvery is how often it is looked whether a phase has too much memory.
const heavyEvery = 20 * time.Millisecond

// Heavy ends the process where it takes too much memory for what it reads: before others are ended for that, and with a
// result that says so. An apply that its engine was started for is left alone.
//
// As long as something runs that prints, that is ended first.
func Heavy(over func(times int64) bool, dir string, p job.Phase, end *Ending) {
	for {
		select {
		case <-end.done:
			return
		case <-time.After(heavyEvery):
		}
		if !over(2) || !over(4) && len(cell.Descendants(os.Getpid())) > 0 {
			continue
		}
		if began, err := job.EngineBegan(dir); p == job.ApplyPhase && (began || err != nil) {
			return
		}
		if end.claim() {
			cell.KillDescendants()
			f := &diagnostics.Failure{Outcome: job.Failed, Cause: job.CauseLimit,
				Message: "the runner was ended: what the engine or the code says takes more memory to read than it " +
					"may have",
				Next: "see what is so large or so deep: a value of the module, or what a provider says"}
			os.Exit(abandon(f, dir))
		}
		return
	}
}

// Ending is who writes the result: the phase, or its guard.
type Ending struct {
	most    time.Duration // see End
	done    chan struct{} // closed once the phase has ended
	claimed atomic.Bool
}

// NewEnding is that of a phase that has so long to end.
func NewEnding(most time.Duration) *Ending { return &Ending{most: most, done: make(chan struct{})} }

// Ended says that the phase has ended. It returns unless the guard has begun to end the process.
func (e *Ending) Ended() {
	close(e.done)
	if !e.claim() {
		select {}
	}
}

func (e *Ending) claim() bool { return e.claimed.CompareAndSwap(false, true) }

// abandon writes the result of a phase that is ended in the middle.
func abandon(f *diagnostics.Failure, dir string) (status int) {
	now := time.Now().UTC()
	b, err := json.Marshal(job.Result{FormatVersion: job.FormatVersion, Outcome: f.Outcome, Cause: f.Cause,
		Message: f.Message, Next: f.Next,
		StartedAt: now, FinishedAt: now})
	if err == nil {
		err = durable.CommitReserved(filepath.Join(dir, job.ReserveFile), filepath.Join(dir, job.ResultFile),
			append(b, '\n'))
	}
	if err != nil {
		return 1
	}
	return 0
}
