package drift

import (
	"slices"
	"time"

	"github.com/tfops/tfops/internal/plan"
)

// Class says what kind of difference a check found, and so what can be done
// about it.
type Class string

// The classes, in the order in which a report lists them.
const (
	Changed    Class = "changed"     // the world differs, and a plan would put it back
	Deleted    Class = "deleted"     // gone from the world, and a plan would make it again
	Follows    Class = "follows"     // changes only because of a resource that drifted; heals with it
	Conflict   Class = "conflict"    // the world differs, and a commit that is not applied wants a third value
	PreApplied Class = "pre_applied" // the world differs and is already what a commit that is not applied wants
	StateOnly  Class = "state_only"  // the world differs from the state, and the configuration does not care
	// no outside change: a data source, a variable, a default, a module or the provider made the difference
	Input            Class = "input"
	PendingCommit    Class = "pending_commit"    // only a commit that is not applied explains it
	AppliedElsewhere Class = "applied_elsewhere" // another hand than tfops wrote it into the state
	HalfApplied      Class = "half_applied"      // a run left it that failed or was interrupted halfway
	Perpetual        Class = "perpetual"         // the same change comes back right after an apply
	CheckFailed      Class = "check_failed"      // a check block, or a condition, does not hold
	Unchecked        Class = "unchecked"         // the check itself failed, so nothing is known
)

// order is the order of classes in reports.
var order = []Class{Changed, Deleted, Follows, Conflict, PreApplied, StateOnly, Input, PendingCommit,
	AppliedElsewhere, HalfApplied, Perpetual, CheckFailed, Unchecked}

// Classes lists all classes in the order of reports.
func Classes() []Class { return slices.Clone(order) }

func Rank(c Class) int { return slices.Index(order, c) }

// Attribute is one difference within a resource.
type Attribute struct {
	Path   string `json:"path"`             // as "tags.Name" or "ingress[0].from_port"; empty: the resource as a whole
	Before any    `json:"before,omitempty"` // what was applied; redacted
	After  any    `json:"after,omitempty"`  // what the world has; redacted
	// what a plan would make of it, where that is not Before; redacted, and Unknown before an apply
	Wanted    any       `json:"wanted,omitempty"`
	Sensitive bool      `json:"sensitive,omitempty"`
	FirstSeen time.Time `json:"first_seen,omitzero"`
	IgnoredBy string    `json:"ignored_by,omitempty"` // name of the rule that leaves it out of reports
}

// Unknown stands for a value that is known only after an apply.
const Unknown = "(known after apply)"

// Difference is what one check found at one address, of one class.
type Difference struct {
	Address    string      `json:"address"` // of the resource instance, the output ("output.name") or the check ("check.name")
	Type       string      `json:"type,omitempty"`
	Module     string      `json:"module,omitempty"`
	Provider   string      `json:"provider,omitempty"`
	Class      Class       `json:"class"`
	Action     plan.Action `json:"action,omitempty"`   // what a plan would do about it
	Attributes []Attribute `json:"attributes"`         // at least one, by path
	Follows    []string    `json:"follows,omitempty"`  // of follows: the resources that drifted
	Written    *Written    `json:"written,omitempty"`  // of applied_elsewhere and half_applied
	Problems   []string    `json:"problems,omitempty"` // of check_failed and unchecked: what did not hold, what went wrong
}

// Written is what is known of who wrote into the state, and when.
type Written struct {
	// Run left it, where it was left halfway; otherwise it is the last run before, which left something else.
	Run string `json:"run,omitempty"`
	// After is when that run ended, or when a later check found the state as it was left.
	After  time.Time `json:"after,omitzero"`
	Serial uint64    `json:"serial,omitempty"` // of the state that the check found
	Was    uint64    `json:"was,omitempty"`    // of the state as the last run left it that ended well
}

// Severity says how bad a finding is.
type Severity string

// The severities, worst first.
const (
	Critical Severity = "critical"
	High     Severity = "high"
	Medium   Severity = "medium"
	Low      Severity = "low"
)

// Life says where a finding stands in its life.
type Life string

// A finding is new the first time it is seen, and when an attribute joins it;
// then it is ongoing until a check does not find it any more.
const (
	New          Life = "new"
	Ongoing      Life = "ongoing"
	Resolved     Life = "resolved"
	Recurring    Life = "recurring" // it was resolved and is back
	Acknowledged Life = "acknowledged"
	Ignored      Life = "ignored" // a rule leaves all of its attributes out
)

// Finding is a difference that is followed from check to check.
type Finding struct {
	ID        string `json:"id"` // stable: made of workspace, address and class
	Workspace string `json:"workspace"`
	Difference

	Life      Life      `json:"life"`
	Severity  Severity  `json:"severity"`
	FirstSeen time.Time `json:"first_seen"`
	LastSeen  time.Time `json:"last_seen"`
	Times     int       `json:"times"` // how many checks found it
	// Returned is when it was last seen again after it had been resolved.
	Returned   time.Time `json:"returned,omitzero"`
	ResolvedAt time.Time `json:"resolved_at,omitzero"`
	ResolvedBy string    `json:"resolved_by,omitempty"` // run that applied since it was last seen; empty: the world changed back
	Past       []Stay    `json:"past,omitempty"`        // earlier times that it was there, oldest first; see remembered

	Ack *Ack `json:"ack,omitempty"`

	File   string   `json:"file,omitempty"` // of the resource, relative to the repository's root
	Line   int      `json:"line,omitempty"`
	Owners []string `json:"owners,omitempty"` // from CODEOWNERS

	LastRun       string   `json:"last_run,omitempty"`       // the last apply that touched the resource
	LastApprovers []string `json:"last_approvers,omitempty"` // who approved that

	Heals []time.Time `json:"heals,omitempty"` // when it was healed, of the last day
}

// Outdated reports whether a finding may be forgotten: it was resolved before a time,
// or seen last before it in a workspace that stands no more in the configuration.
func (f Finding) Outdated(before time.Time, configured bool) bool {
	return f.Life == Resolved && f.ResolvedAt.Before(before) || !configured && f.LastSeen.Before(before)
}

// Stay is a time for which a finding was there: from the check that found it to
// the one that did not any more.
type Stay struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// Ack is somebody's word that a finding is known. It covers the attributes
// that differed then, with the values that they had, and no others.
type Ack struct {
	By         string    `json:"by"`
	Reason     string    `json:"reason"`
	At         time.Time `json:"at"`
	Until      time.Time `json:"until,omitzero"` // zero: until it is resolved
	Attributes []string  `json:"attributes"`     // paths that it covers
	// Values are digests of what the world had there, by path: another value is not covered. An
	// acknowledgement of an earlier tfops has none, and covers any.
	Values map[string]string `json:"values,omitempty"`
}
