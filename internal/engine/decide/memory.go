package decide

import (
	"fmt"

	"github.com/tfops/tfops/internal/workspace"
)

// Engine is one that is at work, or is about to be.
type Engine struct {
	Needs int64 // bytes of memory that it is going to have at once
	Takes int64 // bytes that it has now; 0 where that was not looked at
}

// What is not given to engines, and what an engine is taken to need of which nothing is known.
const (
	OwnMemory   = 256 << 20
	UsualMemory = 256 << 20
)

// Fits reports whether one more engine has room in the memory that is free, once those at work have taken
// all that they need. One may always go: it would wait for ever otherwise.
func Fits(free int64, atWork []Engine, needs int64) bool {
	if len(atWork) == 0 {
		return true
	}
	for _, e := range atWork {
		free -= max(e.Needs-e.Takes, 0)
	}
	return free-OwnMemory >= needs
}

// NoMemory is what a run waits for whose engine would not fit.
type NoMemory struct {
	Workspace string
	Needs     int64
}

func (f NoMemory) String() string {
	return fmt.Sprintf("its memory has no room for the engine of workspace %s (%s) beside those at work; it starts "+
		"once one of them has ended", f.Workspace, workspace.Size(f.Needs))
}
