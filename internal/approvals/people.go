package approvals

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/tfops/tfops/internal/workspace"
)

// People ties votes to persons: which emails are whose, who is in a group.
type People struct {
	Emails map[string][]string // user name to emails
	Groups map[string][]string // group name to user names
	// Signed are the repositories that take signed commits only, with the digest of the keys that count.
	Signed map[string]string `json:",omitempty"`
	// Keys is the digest of all keys of users; it tells configurations apart.
	Keys string `json:",omitempty"`
	// Daemon is the user that the daemon runs as; empty where that is not known. It is no part of a
	// configuration.
	Daemon string `json:"-"`
}

// isDaemon reports whether a vote is of the user that the daemon runs as. Of votes that an earlier
// tfops took the name alone tells.
func (p People) isDaemon(v Vote) bool { return v.Daemon || v.Voter == p.Daemon && v.Voter != "" }

// daemonAlone says that a rule names the user that the daemon runs as, and nobody else; otherwise
// it is "".
func (p People) daemonAlone(r Rule) string {
	if p.Daemon == "" || !p.named(r.From, p.Daemon) {
		return ""
	}
	if people := p.NamedBy(r.From); len(people) != 1 {
		return ""
	}
	return fmt.Sprintf("rule %q names nobody but %s, who runs tfops serve and does not count: name other users in "+
		"its from", r.Name, p.Daemon)
}

// NamedBy lists the people whom from names, each once.
func (p People) NamedBy(from []string) (people []string) {
	for _, f := range from {
		if group, ok := strings.CutPrefix(f, "group:"); ok {
			people = append(people, p.Groups[group]...)
		} else {
			people = append(people, strings.TrimPrefix(f, "user:"))
		}
	}
	slices.Sort(people)
	return slices.Compact(people)
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

// unmapped says that it is not known who the authors are, when the rule keeps them out, or,
// where users are declared, that one of them has an email that no user has; otherwise it is "".
func (c Case) unmapped(r Rule) string {
	if r.AllowAuthor {
		return ""
	}
	if c.Unknown != "" {
		return fmt.Sprintf("rule %q cannot tell who wrote what this applies: %s", r.Name, c.Unknown)
	}
	if len(c.People.Emails) == 0 {
		return ""
	}
	for _, a := range c.Authors {
		if !c.People.mapped(a.Email) {
			return fmt.Sprintf("rule %q cannot tell who wrote %s: %s is the email of no declared user; add "+
				"it to the emails of a user block in tfops.hcl",
				r.Name, c.commitOf(a), cmp.Or(a.Email, `""`))
		}
	}
	return ""
}

// commitOf names a commit of one of the authors.
func (c Case) commitOf(a Identity) string {
	return c.part(c.Commits[a])
}

func (c Case) part(sha string) string {
	if sha != "" && sha != c.Commit {
		return "commit " + workspace.ShortCommit(sha) + ", which is part of this"
	}
	return "the commit"
}

// wrote is what the person has a part in, of all that the plan applies; "" for nothing. Without
// declared users a person is known only by name, so the author's name and the
// part of the email before the @ are compared: better too strict than blind.
func (c Case) wrote(person string) string {
	if sha, signed := c.Signers[person]; signed {
		return c.part(sha)
	}
	for _, a := range c.Authors {
		if len(c.People.Emails) == 0 {
			local, _, _ := strings.Cut(a.Email, "@")
			if strings.EqualFold(a.Name, person) || strings.EqualFold(local, person) {
				return c.commitOf(a)
			}
			continue
		}
		if slices.ContainsFunc(c.People.Emails[person], func(e string) bool { return sameEmail(e, a.Email) }) {
			return c.commitOf(a)
		}
	}
	return ""
}
