// Package people reads who there is, users and groups, and the rules that say
// who approves what.
package people

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/tfops/tfops/internal/config/decode"
	"github.com/tfops/tfops/internal/config/problems"
	"github.com/tfops/tfops/internal/config/schema"
	"github.com/tfops/tfops/internal/config/signing"
	"github.com/tfops/tfops/internal/gitrepo/signatures"
	"github.com/tfops/tfops/internal/lazyregexp"
)

// User ties a person to the emails in commits.
type User struct {
	Name   string
	Emails []string
	Keys   []signatures.Key // that sign the person's commits
}

// Group is a set of people that an approval rule can name.
type Group struct {
	Name    string
	Members []string
}

// People are those that a configuration names.
type People struct {
	Users  []User
	Groups []Group
}

// Name is what users and groups may be called: what Unix allows, and what
// directories use.
var Name = lazyregexp.New(`^[A-Za-z0-9_][A-Za-z0-9._@+-]{0,127}$`)

func names(what string) *decode.Names {
	return &decode.Names{What: what, Valid: Name(), Also: "dots, underscores, hyphens, @ and +"}
}

// Read reads users and groups.
func Read(r *decode.Reader, top decode.Block) (p People) {
	owner := map[string]string{}
	keys := signing.Keys{}
	p.Users = decode.Each(top.Blocks(schema.User), names("user"), func(b decode.Block) User {
		u := User{Name: b.Name, Emails: emails(r, b, owner)}
		u.Keys = keys.Read(r, b, "keys", fmt.Sprintf("user %q", b.Name))
		if len(u.Keys) > 0 && len(u.Emails) == 0 {
			r.Warnf(b.Header, "keys without emails",
				"What the keys sign is verified only if its committer's email is one of the person's.")
		}
		return u
	})
	p.Groups = decode.Each(top.Blocks(schema.Group), names("group"), func(b decode.Block) Group {
		return Group{Name: b.Name, Members: p.members(r, b)}
	})
	return p
}

// emails reads those of a user. owner has whose those are that were read.
func emails(r *decode.Reader, b decode.Block, owner map[string]string) (out []string) {
	for _, e := range b.List("emails").Val {
		key := strings.ToLower(strings.TrimSpace(e.Val))
		local, domain, ok := strings.Cut(key, "@")
		switch {
		case !ok, local == "", domain == "", strings.ContainsAny(key, " \t\n<>,"), strings.Contains(domain, "@"):
			r.Errorf(e.Range, "not an email address",
				"Write the address alone as commits have it, for example \"ana@example.com\".")
		case owner[key] != "" && owner[key] != b.Name:
			r.Errorf(e.Range, "email of two users",
				"User %q has this email, too. A commit's author must be one person.", owner[key])
		}
		owner[key] = b.Name
		out = append(out, strings.TrimSpace(e.Val))
	}
	return out
}

func (p People) members(r *decode.Reader, b decode.Block) []string {
	members := b.List("members")
	if members.Absent() {
		r.Missingf(b.Header, "group without members", "Write who is in it: members = [\"ana\"]")
	}
	for _, m := range members.Val {
		if strings.HasPrefix(m.Val, "group:") {
			r.Errorf(m.Range, "group in a group",
				"The members of a group are users. Name the users of that group here.")
			continue
		}
		p.checkUser(r, m.Val, m.Range)
	}
	return decode.Values[string](members.Val)
}

// checkUser reports a name that is no user's. Where no user is declared, any
// Unix user of the machine may be meant.
func (p People) checkUser(r *decode.Reader, name string, rng hcl.Range) {
	var known []string
	for _, u := range p.Users {
		known = append(known, u.Name)
	}
	switch {
	case !Name().MatchString(name):
		r.Errorf(rng, "invalid name of a user",
			"Write the name as its user block or the machine has it, for example \"ana\".")
	case len(known) > 0 && !slices.Contains(known, name):
		r.Missingf(rng, "unknown user "+strconv.Quote(name), "No user block has this name, "+
			"and once one is declared all must be.%s", problems.DidYouMean(name, known))
	}
}

// checkApprover checks one entry of a rule's from.
func (p People) checkApprover(r *decode.Reader, from decode.Item) {
	kind, name, has := strings.Cut(from.Val, ":")
	switch {
	case !has:
		p.checkUser(r, from.Val, from.Range)
	case kind == "user":
		p.checkUser(r, name, from.Range)
	case kind != "group":
		r.Errorf(from.Range, "neither a user nor a group",
			"Write \"user:NAME\" or \"group:NAME\"; a name alone is a user's.")
	default:
		var known []string
		for _, g := range p.Groups {
			known = append(known, g.Name)
		}
		if !slices.Contains(known, name) {
			r.Missingf(from.Range, "unknown group "+strconv.Quote(name),
				"No group block has this name, so nobody could approve.%s", problems.DidYouMean(name, known))
		}
	}
}

// count is how many people the entries of a rule's from name.
func (p People) count(from []string) int {
	named := map[string]bool{}
	for _, f := range from {
		group, ok := strings.CutPrefix(f, "group:")
		if !ok {
			named[strings.TrimPrefix(f, "user:")] = true
		}
		for _, g := range p.Groups {
			if ok && g.Name == group {
				for _, m := range g.Members {
					named[m] = true
				}
			}
		}
	}
	return len(named)
}
