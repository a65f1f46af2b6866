package queue

import (
	"time"

	"github.com/tfops/tfops/internal/engine/decide"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/run"
)

// Memory tells how much there is for engines; see runner.Local.
type Memory interface {
	Free() (bytes int64, known bool)
	Taken(dir string) int64 // by the engine of the phase in a directory
}

// admitted is a run that was let in, which the queue may not show yet.
type admitted struct {
	needs int64
	at    time.Time
}

// shownWithin is how long it takes at most until the queue shows a run that was let in.
const shownWithin = 10 * time.Second

// admit reports whether the memory of the machine has room for the engine of a run. What does not fit
// waits, and says so; one engine may always be at work.
func (disp *Dispatcher) admit(q run.Queue, st decide.Action, r run.Run) bool {
	if disp.memory == nil {
		return true
	}
	needs := disp.needs(q, r)
	disp.mu.Lock()
	fits := disp.fits(q, r.ID, needs)
	if fits {
		disp.admitted[r.ID] = admitted{needs, time.Now()}
	}
	lacks := run.Lacking{}
	if !fits {
		lacks = run.Lacking{What: decide.NoMemory{Workspace: r.Workspace, Needs: needs}.String(),
			Command: "tfops wait " + r.ID}
	}
	changed := disp.crowded[st] != lacks
	disp.crowded[st] = lacks
	disp.mu.Unlock()
	if changed {
		if lacks.What != "" {
			disp.log.Info("a run waits for memory", "run", r.ID, "why", lacks.What)
		}
		disp.txn.Changed.Send()
	}
	return fits
}

// needs is how much memory the engine of a run is going to take: as much as those of the workspace's recent
// runs did, and no more than it may.
func (disp *Dispatcher) needs(q run.Queue, r run.Run) int64 {
	n := q.Record(r.Workspace).PeakMemory
	if n == 0 {
		n = decide.UsualMemory
	}
	s := disp.txn.Settings.Get()
	if def, ok := s.Definition(r.Workspace); ok {
		if most := s.Limits.Tightened(def.Limits).Memory; most > 0 && n > most {
			n = most
		}
	}
	return n
}

// fits asks first as if no engine had taken anything yet: in most cases there is room even so, and nobody has
// to look at processes.
func (disp *Dispatcher) fits(q run.Queue, id string, needs int64) bool {
	free, known := disp.memory.Free()
	if !known {
		return true
	}
	var atWork []decide.Engine
	var dirs []string
	for status, p := range map[run.Status]job.Phase{run.Planning: job.PlanPhase, run.Applying: job.ApplyPhase} {
		for r := range q.In(status) {
			delete(disp.admitted, r.ID)
			atWork = append(atWork, decide.Engine{Needs: disp.needs(q, *r)})
			dirs = append(dirs, disp.txn.Files.Run(r.ID).Phase(p))
		}
	}
	for other, a := range disp.admitted {
		switch {
		case time.Since(a.at) > shownWithin:
			delete(disp.admitted, other)
		case other != id:
			atWork = append(atWork, decide.Engine{Needs: a.needs})
		}
	}
	if decide.Fits(free, atWork, needs) {
		return true
	}
	for i, dir := range dirs {
		atWork[i].Takes = disp.memory.Taken(dir)
	}
	return decide.Fits(free, atWork, needs)
}
