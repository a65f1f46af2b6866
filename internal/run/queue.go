package run

import (
	"iter"
	"slices"
	"time"

	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/locks"
	"github.com/tfops/tfops/internal/workspace"
)

// Queue is everything that has not ended, as one transaction sees it. Many share one: it may
// be read, and not changed.
type Queue struct {
	Active  []Run                       // not terminal, oldest first
	Votes   map[string][]approvals.Vote // by run
	Records map[string]workspace.Record // of the workspaces of Active, and of those that go before them, by name
	Locks   map[string]locks.Lock       // by key
	Now     time.Time

	// Stopped are processes of runners that somebody stopped (SIGSTOP), by run.
	// No store knows of them: the engine adds what it sees on the machine.
	Stopped map[string][]Stopped
	Lacking Lacking // what keeps this machine from starting anything now; it is known like Stopped

	by *index // nil: it was not asked for
}

// index has the places of runs among Active, in their order.
type index struct {
	workspaces map[string][]int
	states     map[string][]int
}

// Indexed is the queue for whoever asks it about many of its runs: what is beside one run is
// then found without a look at all the others. A store gives it so. Active must not be changed
// after it.
func (q Queue) Indexed() Queue {
	if q.by != nil {
		return q
	}
	q.by = &index{make(map[string][]int, len(q.Active)), make(map[string][]int, len(q.Active))}
	for i := range q.Active {
		r := &q.Active[i]
		q.by.workspaces[r.Workspace] = append(q.by.workspaces[r.Workspace], i)
		q.by.states[r.State] = append(q.by.states[r.State], i)
	}
	return q
}

// Beside are the active runs of a workspace, and those on a state if one is named, oldest
// first. They must not be changed.
func (q Queue) Beside(workspace, state string) iter.Seq[*Run] {
	if q.by == nil {
		return q.among(func(r *Run) bool { return r.Workspace == workspace || state != "" && r.State == state })
	}
	a, b := q.by.workspaces[workspace], []int(nil)
	if state != "" {
		b = q.by.states[state]
	}
	return func(yield func(*Run) bool) {
		for a, b := a, b; len(a)+len(b) > 0; {
			var i int
			switch {
			case len(b) == 0 || len(a) > 0 && a[0] < b[0]:
				i, a = a[0], a[1:]
			case len(a) > 0 && a[0] == b[0]:
				i, a, b = a[0], a[1:], b[1:]
			default:
				i, b = b[0], b[1:]
			}
			if !yield(&q.Active[i]) {
				return
			}
		}
	}
}

// OnState are the active runs on a state, oldest first; those of which it is not known count
// as one another's. They must not be changed.
func (q Queue) OnState(state string) iter.Seq[*Run] {
	if q.by == nil {
		return q.among(func(r *Run) bool { return r.State == state })
	}
	return func(yield func(*Run) bool) {
		for _, i := range q.by.states[state] {
			if !yield(&q.Active[i]) {
				return
			}
		}
	}
}

func (q Queue) among(is func(*Run) bool) iter.Seq[*Run] {
	return func(yield func(*Run) bool) {
		for i := range q.Active {
			if r := &q.Active[i]; is(r) && !yield(r) {
				return
			}
		}
	}
}

// Lacking is what the machine has too little of; the zero value is nothing.
type Lacking struct {
	What    string
	Command string // that mends it
	Person  bool   // it does not pass by itself
}

// Stopped is a process that does nothing until it is continued.
type Stopped struct {
	PID  int
	Name string
}

// Held lists the locks on the state of a workspace.
func (q Queue) Held(workspace, state string) []locks.Lock {
	var held []locks.Lock
	for _, key := range locks.Keys(workspace, state) {
		if l, ok := q.Locks[key]; ok {
			held = append(held, l)
		}
	}
	return held
}

// Batch is what one look at the world asks for: new runs, and workspaces
// whose branch moved without touching them.
type Batch struct {
	Runs []Run
	// Heads are the newest commits that were looked at, by workspace, of those
	// without a new run as well as of those with one.
	Heads map[string]string
	// Tags are those that workspaces that follow tags lead to, by workspace.
	Tags map[string]workspace.FollowedTag
	// Dropped are workspaces that the branch does not have any more, with why:
	// what was planned for them and has not begun to apply is stale.
	Dropped map[string]string
	// Origins are what generated workspaces are made of, by name; they are no orphans.
	Origins map[string]workspace.Origin
	// Orphans are generated workspaces whose origin is gone, by name.
	Orphans map[string]workspace.Orphan
	// Renames come before all else. One that something is in the way of fails the batch.
	Renames []Rename
	// Drifts are the scheduled times that drift runs of this batch are made for, by workspace.
	Drifts map[string]time.Time
	// Reports were made, and their files lie beside the store.
	Reports []Report
	// Notices are put into the outbox in the same transaction.
	Notices []Notice
}

// Query selects runs.
type Query struct {
	Workspace string   // "" for all
	Statuses  []Status // none for all
	Kinds     []Kind   // none for all
	Limit     int      // 0 for no limit
	Before    string   // only runs older than this id
}

// Matches reports whether the run is selected; Limit and Before apart.
func (q Query) Matches(r Run) bool {
	return (q.Workspace == "" || q.Workspace == r.Workspace) && in(q.Statuses, r.Status) && in(q.Kinds, r.Kind)
}

// OnlyActive reports whether only runs that have not ended are selected.
func (q Query) OnlyActive() bool {
	return len(q.Statuses) > 0 && !slices.ContainsFunc(q.Statuses, Status.Terminal)
}

func in[T comparable](set []T, v T) bool {
	for _, s := range set {
		if s == v {
			return true
		}
	}
	return len(set) == 0
}

// Holds is what can hold a workspace back, to be changed in one transaction.
type Holds struct {
	Record workspace.Record
	Locks  []locks.Lock // held on its state
	Ledger              // of its drift
	Now    time.Time
	Audits []Audit // what the change adds

	Notices []Notice // put into the outbox in the same transaction
}

// Audit records a decision about the workspace.
func (h *Holds) Audit(actor, via, action, reason string) {
	h.Audits = append(h.Audits, Audit{At: h.Now, Actor: actor, Via: via, Action: action, Workspace: h.Record.Name, Reason: reason})
}

// Retention is how long ended runs are kept. A run goes when it is past both.
type Retention struct {
	Runs int
	Days int
}

// Expendable picks the runs to remove, of all runs of one workspace, newest
// first. Runs that have not ended stay, and so does the last that changed the
// world: a refresh does not.
func (k Retention) Expendable(runs []Run, now time.Time) []string {
	var ids []string
	oldest := now.AddDate(0, 0, -k.Days)
	ended, applied := 0, false
	for _, r := range runs {
		if !r.Status.Terminal() {
			continue
		}
		ended++
		last := r.Status == Applied && r.Kind != Refresh && !applied
		applied = applied || last
		if !last && ended > k.Runs && r.FinishedAt.Before(oldest) {
			ids = append(ids, r.ID)
		}
	}
	return ids
}
