package run

import (
	"slices"
	"strings"
	"time"
)

// NoticeKind says what people are told of.
type NoticeKind string

const (
	NoticeAwaitingApproval NoticeKind = "awaiting_approval" // a plan waits for votes
	NoticeApplied          NoticeKind = "applied"           // an apply is done
	NoticeErrored          NoticeKind = "errored"           // a run failed
	NoticeInterrupted      NoticeKind = "interrupted"       // an apply whose outcome is unknown
	NoticeDiscarded        NoticeKind = "discarded"         // a run was rejected, expired, or became stale
	NoticeDriftNew         NoticeKind = "drift_new"         // drift that was not there before, or is back
	NoticeDriftResolved    NoticeKind = "drift_resolved"    // drift that is gone
	NoticeDriftUnchecked   NoticeKind = "drift_unchecked"   // a workspace became unknown: it could not be checked
	NoticeHealed           NoticeKind = "healed"            // drift was put back
	NoticeHealStopped      NoticeKind = "heal_stopped"      // healing gave up on a finding
	NoticeReport           NoticeKind = "report"            // a drift report, on its schedule
	NoticeRepository       NoticeKind = "repository"        // a repository cannot be read, or can be again
	NoticeConfigInvalid    NoticeKind = "config_invalid"    // tfops.hcl has a mistake; the last good one is kept
	NoticeTest             NoticeKind = "test"              // somebody tries a target
)

// NoticeKinds lists all kinds in the order in which people read about them.
func NoticeKinds() []NoticeKind {
	return []NoticeKind{NoticeAwaitingApproval, NoticeApplied, NoticeErrored, NoticeInterrupted, NoticeDiscarded,
		NoticeDriftNew, NoticeDriftResolved, NoticeDriftUnchecked, NoticeHealed, NoticeHealStopped, NoticeReport,
		NoticeRepository, NoticeConfigInvalid, NoticeTest}
}

// Known reports whether there is such a kind.
func (k NoticeKind) Known() bool { return slices.Contains(NoticeKinds(), k) }

// Notice is one thing that people are told. Whoever makes one has taken every
// secret out of it: it is stored and sent as it is.
type Notice struct {
	ID         string            `json:"id"` // sorts by time; the store gives it
	Kind       NoticeKind        `json:"kind"`
	At         time.Time         `json:"at"`                   // the store gives it where it is zero
	Severity   string            `json:"severity,omitempty"`   // of drift: critical, high, medium or low
	Workspace  string            `json:"workspace,omitempty"`  // none when it concerns no single one
	Repository string            `json:"repository,omitempty"` // of the workspace
	Run        string            `json:"run,omitempty"`
	Title      string            `json:"title"`             // one line
	Text       string            `json:"text,omitempty"`    // of a report: its short summary
	Command    string            `json:"command,omitempty"` // what to do next
	Labels     map[string]string `json:"labels,omitempty"`  // the workspace's
	Report     *ReportRef        `json:"report,omitempty"`
	// Targets are the names of those that it goes to. None: it goes nowhere. It
	// is not kept with the deliveries, each of which has one target.
	Targets []string `json:"-"`
}

// ReportRef names a report that goes along, and the formats to send it in. It
// is rendered when the notice is sent; the store keeps the name alone.
type ReportRef struct {
	ID      string   `json:"id"`
	Formats []string `json:"formats,omitempty"` // md, html, json, csv, junit, sarif; none for what suits the target
}

// Delivery is a notice on its way to one target. It lives in the outbox until
// the target has it, so it arrives at least once. Its id stays the same however
// often it is sent, so that a receiver knows what it has seen before.
type Delivery struct {
	ID        string    `json:"id"`
	Target    string    `json:"target"` // the name of a notify block
	Notice    Notice    `json:"notice"`
	Attempts  int       `json:"attempts,omitempty"`   // that failed
	NextAt    time.Time `json:"next_at"`              // not before then
	LastError string    `json:"last_error,omitempty"` // of the last attempt, without secrets
	Dead      bool      `json:"dead,omitempty"`       // given up: a dead letter
	DeadAt    time.Time `json:"dead_at,omitzero"`
}

// Deliveries are those of a notice, one for each of its targets, due at once. A target
// that is named twice gets it once.
func (n Notice) Deliveries(now time.Time) []Delivery {
	if n.At.IsZero() {
		n.At = now
	}
	var all []Delivery
	for _, target := range n.Targets {
		d := Delivery{ID: DeliveryID(n.ID, target), Target: target, Notice: n, NextAt: now}
		if !slices.ContainsFunc(all, func(o Delivery) bool { return o.ID == d.ID }) {
			all = append(all, d)
		}
	}
	return all
}

// Fail records an attempt that failed: the delivery is due again at nextAt, or given up.
func (d *Delivery) Fail(text string, nextAt time.Time, dead bool, now time.Time) {
	d.Attempts, d.LastError, d.NextAt = d.Attempts+1, text, nextAt
	if dead {
		d.Dead, d.DeadAt = true, now
	}
}

// Retry makes it due at once, with as many attempts as a new one.
func (d *Delivery) Retry(now time.Time) {
	d.Dead, d.DeadAt, d.Attempts, d.NextAt = false, time.Time{}, 0, now
}

const (
	// deadFor is how long a dead letter is kept.
	deadFor = 30 * 24 * time.Hour
	// deadMost is how many of them are kept; the oldest go.
	deadMost = 1000
)

// Outdated picks the dead letters that are past their time, or too many, of all of
// them, oldest first.
func Outdated(dead []Delivery, now time.Time) (gone []Delivery) {
	for i, d := range dead {
		if len(dead)-i > deadMost || d.DeadAt.Add(deadFor).Before(now) {
			gone = append(gone, d)
		}
	}
	return gone
}

// DeliveryID is the id of a notice's delivery to a target.
func DeliveryID(notice, target string) string { return notice + "-" + target }

// DeliveryTarget is the target in a delivery's id; ids of notices have no dash.
func DeliveryTarget(id string) string {
	_, target, _ := strings.Cut(id, "-")
	return target
}

// Tell adds a notice about the run.
func (d *Tx) Tell(n Notice) {
	n.Workspace, n.Run = d.Run.Workspace, d.Run.ID
	n.Title = firstLine(n.Title)
	d.Notices = append(d.Notices, n)
}

// Tell adds a notice about the workspace.
func (h *WorkspaceTx) Tell(n Notice) {
	n.Workspace = h.Record.Name
	n.Title = firstLine(n.Title)
	h.Notices = append(h.Notices, n)
}

// firstLine keeps a title to what it is: messages of engines and people have
// as many lines as they like.
func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return strings.TrimSpace(line)
}
