// Package run holds one pass over a workspace at one commit, the states that
// it goes through, and the table of the moves between them.
//
// A run is a value. Whoever changes one does it through Move, inside one
// transaction of the store; the states and their moves are drawn in
// docs/ARCHITECTURE.md.
package run

import (
	"errors"
	"slices"
	"time"

	"github.com/tfops/tfops/internal/authorship"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/sandbox"
	"github.com/tfops/tfops/internal/workspace"
)

// Kind says what a run is for.
type Kind string

const (
	Sync    Kind = "sync"    // plan, then apply as the rules allow
	Plan    Kind = "plan"    // speculative: never applies
	Drift   Kind = "drift"   // a check of the real world at the applied commit: never applies
	Destroy Kind = "destroy" // plan -destroy, then apply as the rules allow
	Move    Kind = "move"    // the state is copied to where the configuration wants it, and planned: never applies
	// plan -refresh-only, then apply as the rules allow: the state takes over the world's values
	Refresh Kind = "refresh"
)

// Applies reports whether a run of this kind may go on to apply.
func (k Kind) Applies() bool { return k == Sync || k == Destroy || k == Refresh }

// OfApplied reports whether a run of this kind is about what is applied, and
// not about what is wanted: it is made at the applied commit and comes to
// nothing once another is applied.
func (k Kind) OfApplied() bool { return k == Drift || k == Destroy || k == Refresh }

// Cause says what asked for a run.
type Cause string

const (
	ByCommit   Cause = "commit"   // a branch moved
	ByConfig   Cause = "config"   // the workspace's inputs changed in tfops.hcl
	ByPerson   Cause = "person"   // somebody asked
	BySchedule Cause = "schedule" // a drift schedule
	ByRetry    Cause = "retry"    // an earlier plan failed for a cause known to pass
	ByStale    Cause = "stale"    // an earlier run was discarded as stale
	ByResolve  Cause = "resolve"  // an interrupted run was closed
	ByUpstream Cause = "upstream" // a workspace that comes before it was applied, or an output that it uses changed
	ByRemoval  Cause = "removed"  // what its workspace was made of is gone
	ByHeal     Cause = "heal"     // a drift check found what may be put back
	ByRefresh  Cause = "refresh"  // the state was refreshed, and what is known of drift is older
	ByMove     Cause = "move"     // the state was moved
	ByApply    Cause = "apply"    // a plan was applied that was older than what is known of drift
)

// Trigger is what asked for a run.
type Trigger struct {
	Cause Cause  `json:"cause"`
	Actor string `json:"actor,omitempty"` // the person, for ByPerson and ByResolve
	// the earlier run, for ByRetry, ByStale, ByResolve, ByRefresh and ByApply, and of a ByRemoval that was planned anew
	Run string `json:"run,omitempty"`
}

// Person is an identity as Git records it.
type Person struct {
	Name  string `json:"name"`
	Email string `json:"email"`
}

// Commit is what a run needs to know of a commit.
type Commit struct {
	SHA       string    `json:"sha"`
	Author    Person    `json:"author"`
	Committer Person    `json:"committer"`
	CoAuthors []Person  `json:"co_authors,omitempty"` // from Co-authored-by trailers
	Message   string    `json:"message"`
	Time      time.Time `json:"time"` // the committer's
}

// PlanSummary is what a run's record keeps of its plan; the whole lies in the
// run's directory.
type PlanSummary struct {
	Digest string      `json:"digest"`
	Counts plan.Counts `json:"counts"`
	// resource types that change, sorted, each once; of a refresh those that the state takes over
	Types []string `json:"types"`
	// addresses that change, in the engine's order; of a refresh those that the state takes over
	Addresses []string `json:"addresses"`
	Drifted   int      `json:"drifted"` // resources that changed outside of the engine
	Changes   bool     `json:"changes"` // applying it would do something
	Complete  bool     `json:"complete"`
	Engine    string   `json:"engine"` // name and version, e.g. "terraform 1.11.4"

	Hosts    []string `json:"hosts,omitempty"`     // that the engine spoke to, where its network is listed
	NewHosts []string `json:"new_hosts,omitempty"` // of these, which nothing approved or applied did before
}

// Failure is why a run ended as errored, or what is known of an interruption.
type Failure struct {
	Message string `json:"message"`          // what happened, to what
	Detail  string `json:"detail,omitempty"` // the engine's diagnostics as it prints them
	Next    string `json:"next,omitempty"`   // what to do next
}

// InputUsed is an output of another workspace that a plan was made with.
type InputUsed struct {
	Digest    string `json:"digest"`
	Sensitive bool   `json:"sensitive,omitempty"`
}

// Run is one pass over a workspace at one commit.
type Run struct {
	ID        string  `json:"id"` // sorts by time of creation
	Workspace string  `json:"workspace"`
	Kind      Kind    `json:"kind"`
	Status    Status  `json:"status"`
	Reason    Reason  `json:"reason,omitempty"`  // of discarded and canceled
	Comment   string  `json:"comment,omitempty"` // what a person said, or what superseded it
	Commit    Commit  `json:"commit"`
	Trigger   Trigger `json:"trigger"`

	Fingerprint string       `json:"fingerprint"`         // of the workspace when it was planned
	State       string       `json:"state,omitempty"`     // identity of the state, known once planned
	Moving      *StateMove   `json:"move,omitempty"`      // of a move or an import: from where to where
	NewState    *NewState    `json:"new_state,omitempty"` // it stands on another state than what is applied
	Plan        *PlanSummary `json:"plan,omitempty"`      // set once planned
	Failure     *Failure     `json:"failure,omitempty"`   // of errored and interrupted

	Sandbox sandbox.Level `json:"sandbox,omitempty"` // how its engine was shut in, in the weakest phase; empty: not known
	// Authors are who wrote what its plan applies; nil until it is planned.
	Authors *authorship.Authors `json:"authors,omitempty"`
	Attempt int                 `json:"attempt"` // 1, and more for a retried plan
	// how often planning was begun again because its runner vanished or the state moved on
	Restarts  int       `json:"restarts,omitempty"`
	NotBefore time.Time `json:"not_before,omitzero"` // a retry waits until then
	Delayed   string    `json:"delayed,omitempty"`   // why it waits until NotBefore
	// why it could not be found out whether its commit is still on its branch
	Unconfirmed  string `json:"unconfirmed,omitempty"`
	Canceling    string `json:"canceling,omitempty"`     // who asked for the running phase to stop
	SupersededBy string `json:"superseded_by,omitempty"` // the newer run

	Ref string `json:"ref,omitempty"` // that somebody named, of a speculative plan: a branch, tag or commit
	// Debug says that the engine's own debug log is kept beside the run's log.
	Debug bool `json:"debug,omitempty"`
	// Tag is the tag that the commit was found by, of a workspace that follows tags.
	Tag string `json:"tag,omitempty"`
	// Upgrade has provider versions chosen anew, where no lock file is committed.
	Upgrade bool `json:"upgrade,omitempty"`

	// Codify is the finding that a speculative plan is made for: with the code
	// changed so that it says what the world has.
	Codify string `json:"codify,omitempty"`
	// Found is what a drift check came to; nil of other kinds, and of one that
	// ended otherwise.
	Found *Found `json:"found,omitempty"`

	// Upstream are the workspaces that go first: it is planned once nothing
	// that applies is on its way in any of them. Of a destroy run they are those
	// that depend on its workspace.
	Upstream []string `json:"upstream,omitempty"`
	// Inputs are the outputs that it was planned with, by reference.
	Inputs map[string]InputUsed `json:"inputs,omitempty"`

	// Warnings are what people read above the plan: each one whole sentences.
	// Planning begins without any; what stores the plan adds to them.
	Warnings []string `json:"warnings,omitempty"`
	// Confirm are the reasons why a person must confirm the plan, whatever
	// `apply` of the workspace says. Any vote that counts confirms it.
	Confirm []string `json:"confirm,omitempty"`
	// ImportFirst: a state that is somewhere else is to be brought along before this is approved.
	ImportFirst bool `json:"import_first,omitempty"`

	// ErroredState is where the state is kept, encrypted, that its apply could not save.
	ErroredState string `json:"errored_state,omitempty"`

	// AppliesSeen is when the workspace's newest apply had begun as planning
	// began. It is compared for being the same and no other, since clocks are set.
	AppliesSeen time.Time `json:"applies_seen,omitzero"`

	CreatedAt      time.Time `json:"created_at"`
	StartedAt      time.Time `json:"started_at,omitzero"`       // planning began
	PlannedAt      time.Time `json:"planned_at,omitzero"`       // the plan was there
	QueuedAt       time.Time `json:"queued_at,omitzero"`        // the apply was allowed: its place in the state's queue
	ApplyStartedAt time.Time `json:"apply_started_at,omitzero"` // applying began
	FinishedAt     time.Time `json:"finished_at,omitzero"`      // a terminal status was reached
	ExpiresAt      time.Time `json:"expires_at,omitzero"`       // when waiting for approval ends
}

// Warn adds a warning that people read above the plan; one that is there
// already is not said twice.
func (r *Run) Warn(text string) {
	if text != "" && !slices.Contains(r.Warnings, text) {
		r.Warnings = append(r.Warnings, text)
	}
}

// HoldBack adds a reason why a person must confirm the plan.
func (r *Run) HoldBack(why string) {
	if why != "" && !slices.Contains(r.Confirm, why) {
		r.Confirm = append(r.Confirm, why)
	}
}

// Needs are the workspaces whose records tell whether the run may go on.
func (r Run) Needs() []string {
	names := append([]string{}, r.Upstream...)
	for ref := range r.Inputs {
		names = append(names, workspace.ParseOutputRef(ref).Workspace)
	}
	return names
}

// Found is how the world stood when a drift check looked.
type Found struct {
	Drift     workspace.DriftStatus `json:"drift"`
	Addresses []string              `json:"addresses,omitempty"` // what drifted
	Why       string                `json:"why,omitempty"`       // of unknown
}

// ErrPruned is in the chain of what a store answers about a run that was pruned:
// its directory may go.
var ErrPruned = errors.New("it was pruned")
