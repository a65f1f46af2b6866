// Package doctor looks at what a machine offers to tfops serve: the kernel and what it allows, the
// data directory, programs, the clock. It reads, and tries nothing. Whoever asks adds what trials
// found out.
package doctor

import "slices"

// Status says what a check came to.
type Status string

const (
	OK      Status = "ok"
	Note    Status = "note"    // worth knowing
	Warning Status = "warning" // something is worse than it could be
	Problem Status = "problem" // something stands in the way of planning
)

// Check is one thing that was looked at. Keys are stable.
type Check struct {
	Key    string `json:"key"`
	Status Status `json:"status"`
	Found  string `json:"found"`
	Next   string `json:"next,omitempty"` // what to change for a better one
}

func ok(key, found string) Check         { return Check{Key: key, Status: OK, Found: found} }
func note(key, found, next string) Check { return Check{key, Note, found, next} }
func warn(key, found, next string) Check { return Check{key, Warning, found, next} }
func bad(key, found, next string) Check  { return Check{key, Problem, found, next} }

// Machine is where to look. Tests have machines of their own.
type Machine struct {
	Proc, Sys string // where these file systems are mounted
	UID       int
	Path      string // as in PATH
	Release   string // of the kernel
	Landlock  int    // its version; 0: there is none
	Synced    func() (bool, error)
}

// Checks looks at all of the machine.
func (m Machine) Checks() []Check {
	return slices.Concat([]Check{m.kernel()}, m.privileges(), m.namespaces(), m.filters(), m.resources(),
		m.people(), m.programs(), []Check{m.clock()})
}

// Worst is the worst status of some checks.
func Worst(checks []Check) Status {
	order := []Status{OK, Note, Warning, Problem}
	worst := 0
	for _, c := range checks {
		worst = max(worst, slices.Index(order, c.Status))
	}
	return order[worst]
}
