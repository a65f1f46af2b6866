package artifacts

import "sync"

// Use says which runs have a runner at work in their files. The zero Use is of none.
type Use struct {
	mu sync.Mutex
	by map[string]int // how many wait for a run's runner: one that is planned again has two for an instant
}

// Begin notes that somebody waits for a runner of a run.
func (u *Use) Begin(run string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.by == nil {
		u.by = map[string]int{}
	}
	u.by[run]++
}

// End takes that back. It reports whether no runner is at work any more.
func (u *Use) End(run string) (idle bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.by[run]--; u.by[run] == 0 {
		delete(u.by, run)
	}
	return len(u.by) == 0
}

// Busy reports whether a runner of the run is at work.
func (u *Use) Busy(run string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.by[run] > 0
}

// Idle reports whether no runner is at work.
func (u *Use) Idle() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.by) == 0
}
