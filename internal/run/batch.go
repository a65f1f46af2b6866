package run

import (
	"slices"
	"time"

	"github.com/tfops/tfops/internal/access"
	"github.com/tfops/tfops/internal/audit"
	"github.com/tfops/tfops/internal/locks"
	"github.com/tfops/tfops/internal/workspace"
)

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
	// Obstacles say why workspaces cannot be planned, by name; nil: nothing is in the way any more.
	Obstacles map[string]*workspace.Obstacle
	// Renames come before all else. One that something is in the way of fails the batch.
	Renames []Rename
	// Drifts are the scheduled times that drift runs of this batch are made for, by workspace.
	Drifts map[string]time.Time
	// Reports were made, and their files lie beside the store.
	Reports []Report
	// Notices are put into the outbox in the same transaction.
	Notices []Notice
	// By is recorded for each run that the batch makes: who asked for it; nil for nobody.
	By *audit.Record
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
	return (q.Workspace == "" || q.Workspace == r.Workspace) && (len(q.Statuses) == 0 || slices.Contains(q.Statuses,
		r.Status)) &&
		(len(q.Kinds) == 0 || slices.Contains(q.Kinds, r.Kind))
}

// OnlyActive reports whether only runs that have not ended are selected.
func (q Query) OnlyActive() bool {
	return len(q.Statuses) > 0 && !slices.ContainsFunc(q.Statuses, Status.Terminal)
}

// WorkspaceTx is what can hold a workspace back, to be changed in one transaction.
type WorkspaceTx struct {
	Record     workspace.Record
	Locks      []locks.Lock // held on its state
	FindingsTx              // of its drift
	Now        time.Time
	Audits     []audit.Record // what the change adds

	Notices []Notice // put into the outbox in the same transaction
}

// Audit records an act upon the workspace.
func (h *WorkspaceTx) Audit(a access.Actor, action, reason string) {
	r := audit.By(a, action, reason)
	r.At, r.Workspace = h.Now, h.Record.Name
	h.Audits = append(h.Audits, r)
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

// Report is what is remembered of a report that was made by schedule; the
// report itself is a file beside the store. One without an ID was not made: it
// says since when reports of its name are waited for.
type Report struct {
	ID    string    `json:"id"`
	Name  string    `json:"name"` // of the report block
	At    time.Time `json:"at"`
	Since time.Time `json:"since"`           // what is new is newer than this
	DueAt time.Time `json:"due_at,omitzero"` // the scheduled time that it was made for
	Text  string    `json:"text,omitempty"`  // in a sentence
	Clean bool      `json:"clean,omitempty"` // nothing drifted and everything was checked
}

// Made reports whether there is such a report.
func (r Report) Made() bool { return r.ID != "" }
