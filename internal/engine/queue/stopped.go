package queue

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/tfops/tfops/internal/engine/decide"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/run"
)

// Halts sees processes of runners that somebody stopped, and lets them go on;
// see runner.Local.
type Halts interface {
	Stopped(dirs ...string) (map[string][]job.Process, error)
	Continue(dir string) error
}

// haltEvery is how often it is looked whether a runner is stopped. What is
// stopped for an instant, by a debugger or a shell, is not told of.
const haltEvery = 2 * time.Second

// keepLooking notices runners that are stopped, for people to read, and ends those
// whose time is up: a stopped process does not notice that itself.
func (disp *Dispatcher) keepLooking(ctx context.Context) {
	if disp.halts == nil {
		return
	}
	look := time.NewTicker(haltEvery)
	defer look.Stop()
	var before map[string][]run.Stopped
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
			if disp.txn.Use.Idle() {
				before = nil
				continue
			}
			before = disp.lookForHalts(ctx, before)
		}
	}
}

// lookForHalts remembers which runs had stopped processes at this look and at
// the one before, and returns what it saw.
func (disp *Dispatcher) lookForHalts(ctx context.Context, before map[string][]run.Stopped) map[string][]run.Stopped {
	q, err := disp.txn.Queue(ctx)
	if err != nil {
		return before // it is looked again
	}
	dirs := map[string]run.Run{}
	for r := range q.In(run.Planning) {
		dirs[disp.txn.Files.Run(r.ID).Phase(job.PlanPhase)] = *r
	}
	for r := range q.In(run.Applying) {
		dirs[disp.txn.Files.Run(r.ID).Phase(job.ApplyPhase)] = *r
	}
	found, err := disp.halts.Stopped(slices.Collect(maps.Keys(dirs))...)
	if err != nil {
		if _, lacks := fault.LackOf(err); !lacks { // which others say
			disp.log.Warn("it cannot be seen whether runners are stopped", "error", err)
		}
		return before
	}
	seen, told := map[string][]run.Stopped{}, map[string][]run.Stopped{}
	for dir, all := range found {
		r := dirs[dir]
		for _, p := range all {
			seen[r.ID] = append(seen[r.ID], run.Stopped(p))
		}
		if len(before[r.ID]) == 0 {
			continue
		}
		told[r.ID] = seen[r.ID]
		if disp.timeIsUp(r, q.Now) {
			disp.log.Warn("a run is out of time and its processes are stopped; they are continued, so that they can "+
				"end", "run", r.ID, "processes", decide.ProcessNames(seen[r.ID]))
			if err := disp.halts.Continue(dir); err != nil {
				disp.log.Warn("a stopped runner cannot be continued", "run", r.ID, "error", err)
			}
		}
	}
	disp.tellHalts(told)
	return seen
}

// timeIsUp reports whether the phase of a run has taken longer than it may.
func (disp *Dispatcher) timeIsUp(r run.Run, now time.Time) bool {
	def, known := disp.txn.Settings.Get().Find(r.Workspace)
	began, may := r.StartedAt, def.PlanTimeout
	if r.Status == run.Applying {
		began, may = r.ApplyStartedAt, def.ApplyTimeout
	}
	return known && may > 0 && now.Sub(began) > may
}

// tellHalts has people see which runs have stopped processes now.
func (disp *Dispatcher) tellHalts(told map[string][]run.Stopped) {
	disp.mu.Lock()
	old := disp.halted
	disp.halted = told
	disp.mu.Unlock()
	changed := len(old) != len(told)
	for id, all := range told {
		if !slices.Equal(old[id], all) {
			changed = true
			disp.log.Warn("processes of a run are stopped; it goes on once they are continued", "run", id, "processes",
				decide.ProcessNames(all), "next", decide.ContinueCommand(all))
		}
	}
	if changed {
		disp.txn.Changed.Send()
	}
}

// Queue is the store's, with what is seen on the machine: for people to read.
func (disp *Dispatcher) Queue(ctx context.Context) (run.Queue, error) {
	q, err := disp.txn.Queue(ctx)
	disp.mu.Lock()
	q.Stopped, q.Lacking = disp.halted, disp.Lacking
	for _, step := range []decide.Action{decide.StartApply, decide.StartPlan, decide.StartCheck} {
		if q.Lacking.What == "" {
			q.Lacking = disp.crowded[step]
		}
	}
	disp.mu.Unlock()
	return q, err
}
