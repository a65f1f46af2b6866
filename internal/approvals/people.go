package approvals

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/workspace"
)

// People ties votes to persons: which emails are whose, who is in a group.
type People struct {
	Emails map[string][]string // user name to emails
	Groups map[string][]string // group name to user names
}

// mapped reports whether the email belongs to a user.
func (p People) mapped(email string) bool {
	for _, emails := range p.Emails {
		if slices.ContainsFunc(emails, func(e string) bool { return sameEmail(e, email) }) {
			return true
		}
	}
	return false
}

// sameEmail compares without case: mail servers do, and Git does not care.
func sameEmail(a, b string) bool {
	return strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(b))
}

// named reports whether from names the person, directly or by a group.
func (p People) named(from []string, person string) bool {
	if len(from) == 0 {
		return true
	}
	for _, f := range from {
		if group, ok := strings.CutPrefix(f, "group:"); ok {
			if slices.Contains(p.Groups[group], person) {
				return true
			}
			continue
		}
		if strings.TrimPrefix(f, "user:") == person {
			return true
		}
	}
	return false
}

// unmapped says that the commit has an email that no user has, when users are
// declared and the rule keeps authors out; otherwise it is "".
func (c Case) unmapped(r Rule) string {
	if r.AllowAuthor || len(c.People.Emails) == 0 {
		return ""
	}
	for _, a := range c.Authors {
		if !c.People.mapped(a.Email) {
			return fmt.Sprintf("rule %q cannot tell who wrote the commit: %s is the email of no declared user; add it to the emails of a user block in tfops.hcl",
				r.Name, cmp.Or(a.Email, `""`))
		}
	}
	return ""
}

// wrote reports whether the person is among the commit's authors. Without
// declared users a person is known only by name, so the author's name and the
// part of the email before the @ are compared: better too strict than blind.
func (c Case) wrote(person string) bool {
	for _, a := range c.Authors {
		if len(c.People.Emails) == 0 {
			local, _, _ := strings.Cut(a.Email, "@")
			if strings.EqualFold(a.Name, person) || strings.EqualFold(local, person) {
				return true
			}
			continue
		}
		if slices.ContainsFunc(c.People.Emails[person], func(e string) bool { return sameEmail(e, a.Email) }) {
			return true
		}
	}
	return false
}

// refusal says why a person's yes does not count under a rule; "" if it does.
func (c Case) refusal(r Rule, person string) string {
	switch {
	case !c.People.named(r.From, person):
		return fmt.Sprintf("rule %q takes approvals of %s only", r.Name, strings.Join(r.From, " or "))
	case r.AllowAuthor:
		return ""
	case c.unmapped(r) != "":
		return c.unmapped(r)
	case c.wrote(person):
		return fmt.Sprintf("%s wrote the commit (rule %q)", person, r.Name)
	case person == c.AskedBy:
		return fmt.Sprintf("%s asked for the run (rule %q)", person, r.Name)
	}
	return ""
}

// CheckVote says whether a vote may be cast now. A nil error means that it
// counts: a yes under at least one rule or as the confirmation, a no always.
func CheckVote(c Case, v Vote) error {
	if c.Digest == "" {
		return fault.New(fault.Conflict, "tfops wait "+c.Run, "run %s has no plan yet that could be voted on", c.Run)
	}
	if v.Digest != c.Digest || v.Commit != c.Commit || v.Run != c.Run {
		return fault.New(fault.Conflict, "tfops show "+c.Run, "the vote is for another plan than run %s has now: its digest is %s", c.Run, Short(c.Digest))
	}
	if !v.Yes {
		if strings.TrimSpace(v.Comment) == "" {
			return fault.New(fault.Invalid, "tfops reject "+c.Run+" -m REASON", "a rejection needs a comment that says why")
		}
		return nil
	}
	if c.Apply == workspace.Never {
		return fault.New(fault.Conflict, "", "%s", neverApplied)
	}
	if slices.Contains(c.yes(), v.Voter) {
		return fault.New(fault.Conflict, "tfops show "+c.Run, "%s has approved this plan already: one person counts once", v.Voter)
	}
	rules, _ := c.holding()
	if len(rules) == 0 {
		return nil
	}
	var reasons []string
	for _, r := range rules {
		why := c.refusal(r, v.Voter)
		if why == "" {
			return nil
		}
		reasons = append(reasons, why)
	}
	return fault.New(fault.Forbidden, "tfops show "+c.Run, "%s cannot approve this plan: %s", v.Voter, strings.Join(reasons, "; "))
}

// Short is a digest as people compare it: the first twelve hex digits.
func Short(digest string) string {
	d := strings.TrimPrefix(digest, "sha256:")
	return d[:min(12, len(d))]
}
