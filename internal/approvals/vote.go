package approvals

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/workspace"
)

// refusal says why a yes does not count under a rule; "" if it does.
func (c Case) refusal(r Rule, v Vote) string {
	person := v.Voter
	switch {
	case !c.People.named(r.From, person):
		return fmt.Sprintf("rule %q takes approvals of %s only", r.Name, strings.Join(r.From, " or "))
	case c.unmapped(r) != "":
		return c.unmapped(r)
	case !r.AllowAuthor && c.wrote(person) != "":
		return fmt.Sprintf("%s wrote %s (rule %q)", person, c.wrote(person), r.Name)
	case !r.AllowAuthor && person == c.AskedBy:
		return fmt.Sprintf("%s asked for the run (rule %q)", person, r.Name)
	}
	return c.ofDaemon(r, v)
}

// ofDaemon says that a vote does not count under a rule since it is of the user that the daemon runs
// as; "" for all others.
func (c Case) ofDaemon(r Rule, v Vote) string {
	if !c.People.isDaemon(v) {
		return ""
	}
	return fmt.Sprintf("%s runs tfops serve, and code that a plan runs may act as %[1]s (rule %q)", v.Voter, r.Name)
}

// asYourself is what to do about a vote that does not count because of the user who cast it.
const asYourself = "approve as a user of your own; server { socket_group = \"GROUP\" } in tfops.hcl lets the users " +
	"of a group use the socket"

// CheckVote says whether a vote may be cast now. A nil error means that it
// counts: a yes under at least one rule or as the confirmation, a no always.
func CheckVote(c Case, v Vote) error {
	if c.Digest == "" {
		return fault.New(fault.Conflict, "tfops wait "+c.Run, "run %s has no plan yet that could be voted on", c.Run)
	}
	if v.Digest != c.Digest || v.Commit != c.Commit || v.Run != c.Run {
		return fault.New(fault.Conflict, "tfops show "+c.Run,
			"the vote is for another plan than run %s has now: its digest is %s", c.Run, Short(c.Digest))
	}
	if !v.Yes {
		if strings.TrimSpace(v.Comment) == "" {
			return fault.New(fault.Invalid, "tfops reject "+c.Run+" -m REASON",
				"a rejection needs a comment that says why")
		}
		return nil
	}
	if c.Apply == workspace.Never {
		return fault.New(fault.Conflict, "", "%s", neverApplied)
	}
	if c.Unsigned != "" {
		return fault.New(fault.Conflict, "tfops show "+c.Run, "no approval helps: %s", c.Unsigned)
	}
	if slices.Contains(voters(c.yes()), v.Voter) {
		return fault.New(fault.Conflict, "tfops show "+c.Run,
			"%s has approved this plan already: one person counts once", v.Voter)
	}
	rules, _ := c.holding()
	if len(rules) == 0 {
		return nil
	}
	var reasons []string
	next := "tfops show " + c.Run
	for _, r := range rules {
		why := c.refusal(r, v)
		if why == "" {
			return nil
		}
		if why == c.ofDaemon(r, v) {
			next = asYourself
		}
		reasons = append(reasons, why)
	}
	return fault.New(fault.Forbidden, next, "%s cannot approve this plan: %s", v.Voter,
		strings.Join(reasons, "; "))
}

// Short is a digest as people compare it: the first twelve hex digits.
func Short(digest string) string {
	d := strings.TrimPrefix(digest, "sha256:")
	return d[:min(12, len(d))]
}
