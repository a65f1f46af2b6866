package drift

import (
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// turn is what happens to a finding.
type turn string

const (
	seen     turn = "found"     // a check found it, and nothing new about it
	joined   turn = "joined"    // a check found an attribute that did not differ before
	gone     turn = "not found" // a check that looked did not find it
	acked    turn = "ack"
	ackEnded turn = "ack ends"
	ruledOut turn = "ruled out" // rules leave all of its attributes out
	ruleLeft turn = "rule ends" // an attribute shows that a rule left out
)

// lives is the table of transitions. What is not in it does not change the
// finding; an ack that is not in it is refused.
var lives = map[Life]map[turn]Life{
	New:       {seen: Ongoing, joined: New, gone: Resolved, acked: Acknowledged, ruledOut: Ignored},
	Ongoing:   {seen: Ongoing, joined: New, gone: Resolved, acked: Acknowledged, ruledOut: Ignored, ruleLeft: New},
	Recurring: {seen: Ongoing, joined: New, gone: Resolved, acked: Acknowledged, ruledOut: Ignored, ruleLeft: New},
	Acknowledged: {seen: Acknowledged, joined: New, gone: Resolved, acked: Acknowledged, ackEnded: Ongoing,
		ruledOut: Ignored, ruleLeft: New},
	Ignored:  {seen: Ignored, joined: New, gone: Resolved, ruledOut: Ignored, ruleLeft: New},
	Resolved: {seen: Recurring, joined: Recurring, gone: Resolved},
}

// take applies a turn.
func (l Life) take(t turn) Life {
	if to, ok := lives[l][t]; ok {
		return to
	}
	return l
}

// Event is that a finding moved on in its life.
type Event struct {
	At        time.Time `json:"at"`
	Finding   string    `json:"finding"` // its ID
	Workspace string    `json:"workspace"`
	Address   string    `json:"address"`
	Class     Class     `json:"class"`
	From      Life      `json:"from,omitempty"` // empty: it was not known
	To        Life      `json:"to"`
	Text      string    `json:"text"` // for a person
}

// ID is the stable name of a finding: twelve hexadecimal digits.
func ID(workspace, address string, class Class) string {
	sum := sha256.Sum256([]byte(workspace + "\x00" + address + "\x00" + string(class)))
	return hex.EncodeToString(sum[:6])
}

// moved is the event of a finding that is at To now.
func moved(f Finding, from Life, now time.Time, text string) Event {
	return Event{At: now, Finding: f.ID, Workspace: f.Workspace, Address: f.Address, Class: f.Class, From: from,
		To: f.Life, Text: text}
}

// net leaves one event of each finding, from where it began to where it ended;
// none where that is the same and it did not join anything.
func net(events []Event) []Event {
	first := map[string]int{}
	var out []Event
	for _, e := range events {
		i, ok := first[e.Finding]
		if !ok {
			first[e.Finding] = len(out)
			out = append(out, e)
			continue
		}
		out[i].To, out[i].Text = e.To, e.Text
	}
	kept := out[:0]
	for _, e := range out {
		if e.From != e.To || e.To == New {
			kept = append(kept, e)
		}
	}
	return kept
}

// Open reports whether the finding still stands.
func (f Finding) Open() bool { return f.Life != Resolved }

// showing lists the paths of the attributes that no rule leaves out.
func (f Finding) showing() []string {
	var out []string
	for _, a := range f.Attributes {
		if a.IgnoredBy == "" {
			out = append(out, a.Path)
		}
	}
	return out
}

// Stands reports whether the finding makes its workspace drifted: it is open,
// no rule ignores it, and it is more than a commit on its way.
func (f Finding) Stands() bool {
	return f.Open() && f.Life != Ignored && f.Class != PendingCommit && f.Class != Unchecked
}

// Since is when the finding began to stand: when it returned, if it did.
func (f Finding) Since() time.Time {
	if !f.Returned.IsZero() {
		return f.Returned
	}
	return f.FirstSeen
}
