package engine

import (
	"context"
	"os"
	"time"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/run"
)

// handles is how many files the daemon may have to open in order to start a
// phase, read what it stands on, and follow it.
const handles = 24

// lackingPause is how long nothing is begun while the machine lacks something.
const lackingPause = time.Second

// delay is when a run is tried again that could not be started.
const delay = 10 * time.Second

// canOpenFiles reports whether this process can open the files that it takes to
// start a phase. A run that cannot be started would fail, and an approval with
// it, over what passes by itself or with a larger limit: so nothing is claimed.
func (e *Engine) canOpenFiles() bool {
	var open []*os.File
	var failed error
	for range handles {
		f, err := os.Open(os.DevNull)
		if failed = err; err != nil {
			break
		}
		open = append(open, f)
	}
	for _, f := range open {
		_ = f.Close()
	}
	text := ""
	if l, ok := fault.LackOf(failed); ok {
		text = "tfops serve has " + l.What + " to start anything: " + l.Next
	}
	e.mu.Lock()
	changed := e.lacking != text
	e.lacking = text
	e.mu.Unlock()
	if changed {
		if text != "" {
			e.Log.Error("nothing is begun; what waits goes on waiting", "why", text)
		}
		e.notify()
	}
	return text == ""
}

// worker is what a run waits for that nothing but a place holds up.
func worker(q run.Queue, r run.Run, place string) Wait {
	if q.Lacking != "" {
		return Wait{For: "the machine: " + q.Lacking, Command: "ulimit -n 65536; tfops serve"}
	}
	return Wait{For: place, Command: "tfops wait " + r.ID}
}

// postpone puts a run back whose plan could not be started because the machine
// lacks something, and reports whether that is so. Nothing of it was begun.
func (e *Engine) postpone(ctx context.Context, r run.Run, err error) bool {
	if l, ok := fault.LackOf(err); !ok || !l.Own {
		return false
	}
	e.decide(ctx, r.ID, func(d *run.Dossier) error {
		if d.Run.Status != run.Planning {
			return errEnded
		}
		d.Run.NotBefore, d.Run.Delayed = d.Now.Add(delay), err.Error()
		return d.Move(run.Pending, "", "it could not be started: "+err.Error())
	})
	return true
}
