// Package approvals decides whether a plan may be applied: which rules hold
// for it, whose votes count under them, and what is still missing.
//
// It is pure. The caller passes the plan's facts, the rules, the votes and
// the time; the answer is a Decision with the sentences that the command line
// and the page show. The same functions answer when a vote arrives, when a
// page is drawn, and once more when the apply begins.
//
// The model:
//
//   - A workspace with apply = "manual" and no rule that holds asks for a
//     confirmation: one vote of anybody, the commit's author included.
//   - A rule does not count the authors. Every rule whose condition holds must be met, and
//     apply = "auto" never switches one off. A condition that cannot be
//     evaluated holds.
//   - A vote is bound to the run, the plan's digest and the commit. It counts
//     for nothing else.
//   - One person counts once, and may count under several rules.
//   - Under a rule the authors, committers and co-authors of all commits that the plan
//     applies, and who asked for the run, do not count, unless the rule says
//     allow_author. Where it is not known who they are, nobody counts.
//   - Who signed a commit is an author of it. Where the repository takes signed commits only,
//     and one does not prove who made it, nothing is applied, whoever votes.
//   - Under a rule the user that the daemon runs as never counts: code that a plan runs may be
//     that user. For a confirmation it counts: on a machine of one person there is nobody else.
//   - A reason to hold (Case.Held) makes apply = "auto" ask for the confirmation.
//     A rule that holds asks for a person anyway, so that is enough then.
//   - A rejection needs a comment and ends the run.
package approvals

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tfops/tfops/internal/workspace"
)

// DefaultExpire is how long a plan waits for approval where no rule says.
const DefaultExpire = 24 * time.Hour

// Rule asks for votes when its condition holds.
type Rule struct {
	Name        string
	When        Condition // the zero Condition always holds
	Require     int       // how many people; at least 1
	From        []string  // "user:ana", "ana" or "group:platform"; empty: anybody
	AllowAuthor bool
	Expire      time.Duration // 0: DefaultExpire
}

// Vote is one person's yes or no to one plan.
type Vote struct {
	Run     string    `json:"run"`
	Digest  string    `json:"digest"`
	Commit  string    `json:"commit"`
	Voter   string    `json:"voter"`
	Yes     bool      `json:"yes"`
	Comment string    `json:"comment,omitempty"`
	At      time.Time `json:"at"`
	// Daemon: it was cast by the user that the daemon ran as.
	Daemon bool `json:"daemon,omitempty"`
}

// Identity is a person as Git records one.
type Identity struct{ Name, Email string }

// Case is all that a decision depends on.
type Case struct {
	Run     string
	Digest  string // of the plan
	Commit  string
	Apply   workspace.Apply
	Rules   []Rule
	Held    []string // why a person must confirm the plan, whatever Apply says
	Facts   Facts
	Authors []Identity          // authors, committers and co-authors of all that the plan applies
	Commits map[Identity]string // a commit of each of them; of those who are not in it, Commit
	Unknown string              // why it is not known who they all are, and what to do; empty: it is
	Signers map[string]string   // users whose keys signed commits, with one of these
	// Unsigned is why the commits do not prove who made them, and what to do, where the repository asks
	// for that; empty: they do, or need not.
	Unsigned string
	AskedBy  string // the person who asked for the run; empty when nobody did
	Votes    []Vote
	People   People
}

// Need is what one rule, or the confirmation, asks for.
type Need struct {
	Rule    string   `json:"rule"` // empty for the confirmation
	Require int      `json:"require"`
	From    []string `json:"from,omitempty"`
	Voters  []string `json:"voters"`            // whose votes count, in order of voting
	Note    string   `json:"note,omitempty"`    // why the rule holds although its condition could not be evaluated
	Because []string `json:"because,omitempty"` // of the confirmation: why a person must confirm, whatever apply says
	Blocked string   `json:"blocked,omitempty"` // why nobody's vote can count; votes alone do not help
}

// Met reports whether enough people said yes.
func (n Need) Met() bool { return len(n.Voters) >= n.Require && n.Blocked == "" }

// String says what is missing, e.g. `1 more of 2 approvals of group:platform (rule "destructive")`.
func (n Need) String() string {
	if n.Blocked != "" {
		return n.Blocked
	}
	s := "1 approval"
	if n.Require > 1 {
		s = fmt.Sprintf("%d more of %d approvals", max(n.Require-len(n.Voters), 0), n.Require)
	}
	if len(n.From) > 0 {
		s += " of " + strings.Join(n.From, " or ")
	}
	if n.Rule != "" {
		s += fmt.Sprintf(" (rule %q)", n.Rule)
	}
	if len(n.Because) > 0 {
		s += ", because " + strings.Join(n.Because, ", and because ")
	}
	return s
}

// Decision is the answer to a Case.
type Decision struct {
	Approved bool
	Rejected *Vote // the rejection, if there is one
	Needs    []Need
}

// Missing says what still has to happen, or "" when nothing has.
func (d Decision) Missing() string {
	var parts []string
	for _, n := range d.Needs {
		if !n.Met() {
			parts = append(parts, n.String())
		}
	}
	return strings.Join(parts, ", and ")
}

// Decide says whether the plan may be applied.
func Decide(c Case) Decision {
	var d Decision
	for i, v := range c.Votes {
		if c.binds(v) && !v.Yes {
			d.Rejected = &c.Votes[i]
		}
	}
	rules, notes := c.holding()
	for i, r := range rules {
		n := Need{Rule: r.Name, Require: max(r.Require, 1), From: r.From, Note: notes[i], Voters: []string{}}
		n.Blocked = cmp.Or(c.unmapped(r), c.People.daemonAlone(r))
		for _, v := range c.yes() {
			if c.refusal(r, v) == "" {
				n.Voters = append(n.Voters, v.Voter)
			}
		}
		d.Needs = append(d.Needs, n)
	}
	switch {
	case c.Apply == workspace.Never:
		d.Needs = append(d.Needs, Need{Require: 1, Voters: []string{}, Blocked: neverApplied})
	case c.Unsigned != "":
		d.Needs = append(d.Needs, Need{Require: 1, Voters: []string{}, Blocked: c.Unsigned})
	case len(rules) == 0 && (c.Apply != workspace.Auto || len(c.Held) > 0):
		d.Needs = append(d.Needs, Need{Require: 1, Voters: voters(c.yes()), Because: c.Held})
	}
	d.Approved = d.Rejected == nil && !slices.ContainsFunc(d.Needs, func(n Need) bool { return !n.Met() })
	return d
}

const neverApplied = `the workspace has apply = "never": its plans are not applied`

// Expiry is when the case, planned at that time, stops waiting: the shortest
// expire of the rules that hold.
func Expiry(c Case, planned time.Time) time.Time {
	rules, _ := c.holding()
	shortest := DefaultExpire
	for i, r := range rules {
		e := r.Expire
		if e <= 0 {
			e = DefaultExpire
		}
		if i == 0 || e < shortest {
			shortest = e
		}
	}
	return planned.Add(shortest)
}

// holding returns the rules whose condition holds, with a note for each that
// holds only because its condition could not be evaluated.
func (c Case) holding() (rules []Rule, notes []string) {
	for _, r := range c.Rules {
		holds, err := r.When.Holds(c.Facts)
		if err != nil {
			rules, notes = append(rules, r), append(notes,
				fmt.Sprintf("its condition could not be evaluated (%v), so it holds", err))
		} else if holds {
			rules, notes = append(rules, r), append(notes, "")
		}
	}
	return rules, notes
}

func (c Case) binds(v Vote) bool {
	return v.Run == c.Run && v.Digest == c.Digest && v.Commit == c.Commit && c.Digest != ""
}

// yes lists the approvals, one of each voter, in order of voting.
func (c Case) yes() (list []Vote) {
	for _, v := range c.Votes {
		if c.binds(v) && v.Yes && !slices.Contains(voters(list), v.Voter) {
			list = append(list, v)
		}
	}
	return list
}

func voters(votes []Vote) []string {
	names := []string{}
	for _, v := range votes {
		names = append(names, v.Voter)
	}
	return names
}
