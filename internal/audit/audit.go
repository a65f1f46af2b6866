// Package audit has the record of what was done: who did it, when, from where, to what and
// why, and whether it was allowed.
//
// Records lie in the store by a number that begins with 1 and has no gaps: each record has
// that of the one before and 1 more, and a transaction that fails takes none. Records that are
// past their time go from the oldest on, so that a gap elsewhere means that one was taken out.
//
// A record has 150 to 400 bytes and its texts; see MaxText.
package audit

import (
	"strings"
	"time"

	"github.com/tfops/tfops/internal/access"
)

// Record is one act.
type Record struct {
	Number uint64 `json:"-"` // its place in the log, known once it is stored

	At    time.Time `json:"at"`
	Actor string    `json:"actor"` // the user's name; "tfops" for the daemon itself
	Via   string    `json:"via"`   // "socket", "config", "command"
	// Peer is what the kernel says of who is at the other end of the socket.
	Peer      access.Peer `json:"peer,omitzero"`
	Action    string      `json:"action"` // a verb, and what it is done to where that is neither workspace nor run
	Workspace string      `json:"workspace,omitempty"`
	Run       string      `json:"run,omitempty"`
	Digest    string      `json:"digest,omitempty"` // of the run's plan; of a configuration: of its rules
	Commit    string      `json:"commit,omitempty"` // of the run
	Reason    string      `json:"reason,omitempty"`
	Authors   string      `json:"authors,omitempty"` // of a vote: how far signatures prove who wrote it
	Refused   string      `json:"refused,omitempty"` // why it was not done; empty: it was
	// Unrecorded is how many more were refused before it, since the last record.
	Unrecorded int `json:"unrecorded,omitempty"`
}

// MaxText is how many bytes are kept of a reason, and of why something was refused.
const MaxText = 4 << 10

// DefaultKeep is how long records are kept where the configuration does not say.
const DefaultKeep = 400 * 24 * time.Hour

// By is the record of somebody's act.
func By(a access.Actor, action, reason string) Record {
	return Record{Actor: a.Name, Via: a.Via, Peer: a.Peer, Action: action, Reason: reason}
}

// Bounded is the record with texts of at most MaxText bytes.
func (r Record) Bounded() Record {
	r.Action, r.Reason, r.Refused = bounded(r.Action), bounded(r.Reason), bounded(r.Refused)
	return r
}

func bounded(s string) string {
	const more = " … (cut)"
	if len(s) <= MaxText {
		return s
	}
	return strings.ToValidUTF8(s[:MaxText-len(more)], "") + more // a character that was cut goes whole
}

// Verb is what was done, without what it was done to.
func (r Record) Verb() string {
	verb, _, _ := strings.Cut(r.Action, " ")
	return verb
}

// Query selects records, newest first; what is empty selects all.
type Query struct {
	Workspace, Actor string
	Verb             string    // the first word of the action, or all of it
	Since            time.Time // not before
	Before           uint64    // numbers less than this one
	Limit            int
}

// Matches reports whether a record is selected; Before and Limit apart.
func (q Query) Matches(r Record) bool {
	return (q.Workspace == "" || q.Workspace == r.Workspace) && (q.Actor == "" || q.Actor == r.Actor) &&
		(q.Verb == "" || q.Verb == r.Verb() || q.Verb == r.Action) && (q.Since.IsZero() || !r.At.Before(q.Since))
}
