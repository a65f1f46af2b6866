package workspace

import (
	"time"

	"github.com/tfops/tfops/internal/fault"
)

// Record is what is remembered of a workspace while it is not looked at: how
// far it is from what Git says, and what holds it back.
type Record struct {
	Name string `json:"name"`

	Head        string    `json:"head"`                  // newest commit of the branch that was looked at
	Desired     string    `json:"desired"`               // newest commit that touches the workspace
	DesiredAt   time.Time `json:"desired_at,omitzero"`   // when it was seen
	Fingerprint string    `json:"fingerprint,omitempty"` // of the workspace when Desired was set

	Tag *FollowedTag `json:"tag,omitempty"` // that Head is of, where tags are followed

	Applied            string    `json:"applied"` // the world was last made equal to it; empty: never, or destroyed
	AppliedAt          time.Time `json:"applied_at,omitzero"`
	AppliedFingerprint string    `json:"applied_fingerprint,omitempty"`
	ApplyStartedAt     time.Time `json:"apply_started_at,omitzero"` // newest apply on it, ended or not
	Destroyed          bool      `json:"destroyed,omitempty"`       // the last apply destroyed everything

	// HalfDone is the run whose apply or destroy ended in the middle, until one has
	// ended well: the world is between two commits, whatever Applied says.
	HalfDone string `json:"half_done,omitempty"`

	StartedAt time.Time `json:"started_at,omitzero"` // something last began for it: who waited longest goes first

	State        string        `json:"state,omitempty"`         // identity of the state, known after the first plan
	StateTrouble *StateTrouble `json:"state_trouble,omitempty"` // of a managed state
	StatePlace   string        `json:"state_place,omitempty"`   // where that is, for people
	AppliedState *AppliedState `json:"applied_state,omitempty"` // what was applied to last; see LastState

	MetLock *MetLock `json:"met_lock,omitempty"` // what kept a run from its state; nil once one has had the lock

	Suspension *Suspension `json:"suspension,omitempty"`

	Obstacle *Obstacle `json:"obstacle,omitempty"` // why it cannot be planned; nil: as far as its branch was looked at, it can

	Origin *Origin `json:"origin,omitempty"` // what a generator made it of
	Orphan *Orphan `json:"orphan,omitempty"` // set while that is gone

	Dir         string   `json:"dir,omitempty"`          // in workspaces/; empty: as the name, see Folder
	RenamedFrom string   `json:"renamed_from,omitempty"` // whose history this one's goes on with
	Renamed     *Renamed `json:"renamed,omitempty"`      // what was known under this name is known under another

	Ended    string `json:"ended,omitempty"`     // how the last run that could apply ended: "run X was rejected"
	EndedRun string `json:"ended_run,omitempty"` // which that was
	HeldBack string `json:"held_back,omitempty"` // the upstream workspace that kept its last run from being planned

	Outputs   map[string]Output `json:"outputs,omitempty"`    // of its root module, as last applied
	OutputsOf string            `json:"outputs_of,omitempty"` // the run whose file of their values counts
	AppliedOf string            `json:"applied_of,omitempty"` // the run whose file of what was applied counts
	// LeftOf is the run whose file of the state as it was left counts, LeftHalf that of a run since which
	// ended halfway; "" where that is not known.
	LeftOf   string            `json:"left_of,omitempty"`
	LeftHalf string            `json:"left_half,omitempty"`
	Inputs   map[string]string `json:"inputs,omitempty"` // digests of what its newest plan used, by OutputRef

	// PeakMemory is how much memory the engines of its recent runs took at once, in bytes; 0: not known.
	PeakMemory int64 `json:"peak_memory,omitempty"`

	Hosts []string `json:"hosts,omitempty"` // that the engines of approved plans and applies spoke to

	Drift DriftRecord `json:"drift"`
}

// Obstacle says why a workspace cannot be planned: its branch, directory, inputs or code cannot be used.
type Obstacle struct {
	Message string     `json:"message"`
	Next    string     `json:"next,omitempty"` // what to do about it
	Code    fault.Code `json:"code"`
	// Held: its origin is there and was not found, and so it stays as it is.
	Held bool `json:"held,omitempty"`
}

// ObstacleOf is an error as a record has it; nil for none.
func ObstacleOf(err error) *Obstacle {
	if err == nil {
		return nil
	}
	return &Obstacle{Message: err.Error(), Next: fault.Next(err), Code: fault.CodeOf(err)}
}

// Equal reports whether two obstacles, of which each may be nil, say the same.
func (o *Obstacle) Equal(other *Obstacle) bool {
	return o == other || o != nil && other != nil && *o == *other
}

// Err is the obstacle as an error; nil for none.
func (o *Obstacle) Err() error {
	if o == nil {
		return nil
	}
	return fault.New(o.Code, o.Next, "%s", o.Message)
}

// MetLock is a lock in a backend that somebody else held, as far as the engine told of it.
type MetLock struct {
	Run       string    `json:"run"`           // that met it
	At        time.Time `json:"at"`            // when that was
	ID        string    `json:"id,omitempty"`  // what breaks it
	Who       string    `json:"who,omitempty"` // e.g. "ana@laptop"
	Operation string    `json:"operation,omitempty"`
	Created   time.Time `json:"created,omitzero"` // when it was taken
	Next      string    `json:"next"`             // what to do about it
}

// Output is what is remembered of an output; its value is kept encrypted.
type Output struct {
	Digest    string `json:"digest"` // keyed: it tells two values apart, and no value
	Sensitive bool   `json:"sensitive,omitempty"`
}

// Orphan says that what a workspace was made of is gone.
type Orphan struct {
	Since time.Time `json:"since"`
	Why   string    `json:"why"`
	Asked bool      `json:"asked,omitempty"` // a destroy run was asked for
	// Head is the commit of its branch that does not have it any more; empty where the branch is gone.
	Head string `json:"head,omitempty"`
}

// MayStand reports whether something of the workspace may be in the world.
func (r Record) MayStand() bool {
	return r.Applied != "" || !r.ApplyStartedAt.IsZero() && !r.Destroyed || r.imported()
}

// imported reports whether a state was brought that holds something, and nothing was
// applied since.
func (r Record) imported() bool {
	return r.AppliedState != nil && r.AppliedState.Counted && r.AppliedState.Resources > 0 && !r.Destroyed
}

// Suspension pauses applies.
type Suspension struct {
	By     string    `json:"by"`
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
	Until  time.Time `json:"until,omitzero"` // zero: until resumed
}

// Suspended reports whether applies are paused at that time.
func (r Record) Suspended(now time.Time) bool {
	return r.Suspension != nil && (r.Suspension.Until.IsZero() || now.Before(r.Suspension.Until))
}

// DriftStatus is what is known of the real world.
type DriftStatus string

const (
	DriftNone    DriftStatus = "none"    // the last check found nothing
	Drifted      DriftStatus = "drifted" // the last check found differences
	DriftUnknown DriftStatus = "unknown" // never checked, or the last check failed
)

// DriftRecord is the outcome of the last check.
type DriftRecord struct {
	Status    DriftStatus `json:"status,omitempty"`    // empty reads as unknown
	CheckedAt time.Time   `json:"checked_at,omitzero"` // the last check that succeeded
	Since     time.Time   `json:"since,omitzero"`      // when the drift was first seen
	Addresses []string    `json:"addresses,omitempty"` // what drifted
	Why       string      `json:"why,omitempty"`       // why the status is unknown
	DueAt     time.Time   `json:"due_at,omitzero"`     // the last scheduled time that a check was made for
	// HealStopped is why healing is stopped until somebody has looked.
	HealStopped string `json:"heal_stopped,omitempty"`
	// NotHealed is why the last check, which found drift, asked for no heal.
	NotHealed string `json:"not_healed,omitempty"`
}

// Sync says how far the world is from what Git says.
type Sync string

const (
	Synced    Sync = "synced"      // the desired commit is applied
	Pending   Sync = "pending"     // a run is on its way to it, or waits for somebody
	OutOfSync Sync = "out_of_sync" // it is not applied, and nothing is on its way
	Errored   Sync = "errored"     // the last try failed
	Unknown   Sync = "unknown"     // nothing is known of its branch yet
	Orphaned  Sync = "orphaned"    // what a generator made it of is gone
)

// InSync reports whether the desired commit, with the inputs of fingerprint, is
// applied, and nothing was done by half since.
func (r Record) InSync(fingerprint string) bool {
	return r.Desired != "" && r.Applied == r.Desired && r.AppliedFingerprint == fingerprint && r.HalfDone == ""
}

// ShortCommit is a commit as people are shown it.
func ShortCommit(sha string) string { return sha[:min(8, len(sha))] }
