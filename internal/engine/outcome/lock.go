package outcome

import (
	"strings"

	"github.com/tfops/tfops/internal/engine/decide"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// notePhase remembers what a phase tells of its workspace and its run, however it ended.
func notePhase(d *run.Tx, res job.Result) {
	noteLock(d, res)
	noteMemory(d, res)
	shutIn(&d.Run, res)
}

// noteMemory remembers how much memory the engine took. A run that took less than those before it makes
// little of that: the next one may well take as much as they did.
func noteMemory(d *run.Tx, res job.Result) {
	switch had := d.Record.PeakMemory; {
	case res.PeakMemory >= had:
		d.Record.PeakMemory = res.PeakMemory
	case res.PeakMemory > 0 && res.Outcome == job.Succeeded:
		d.Record.PeakMemory = had - (had-res.PeakMemory)/8
	}
}

// noteLock remembers the lock in the backend that kept a run from its state, and forgets
// it once one has had the lock itself: what only reads takes none.
func noteLock(d *run.Tx, res job.Result) {
	switch l := res.Lock; {
	case l != nil:
		d.Record.MetLock = &workspace.MetLock{Run: d.Run.ID, At: d.Now, ID: l.ID, Who: l.Who, Operation: l.Operation,
			Created: l.Created,
			Next:    goOn(d.Run, res.Next)}
	case res.Outcome == job.Succeeded && d.Run.Kind.Applies():
		d.Record.MetLock = nil
	}
}

// goOn ends what to do about a lock with the command that begins again: a plan that met
// one is tried again a few times by itself, a plan to look at and an apply are not.
func goOn(r run.Run, next string) string {
	return strings.TrimSuffix(next, ".") + "; then: " + decide.RetryCommand(r)
}
