package config

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/tfops/tfops/internal/lazily"
)

// personName tells what users and groups may be called: what Unix allows, and
// what directories use.
var personName = lazily.Pattern(`^[A-Za-z0-9_][A-Za-z0-9._@+-]{0,127}$`)

// names keeps the labels of one kind of block apart.
type names struct {
	r     *reader
	what  string
	valid *regexp.Regexp
	seen  map[string]taken
}

type taken struct {
	name string
	rng  hcl.Range
}

// add reports whether the block's name is valid and new. Names that differ in
// case only count as the same: they may become names of files.
func (n *names) add(b block) bool {
	if b.name == "" {
		if b.label != b.header {
			n.r.errorAt(b.label, "empty name", "Give the %s a name.", n.what)
		}
		return false
	}
	if n.valid != nil && !n.valid.MatchString(b.name) {
		n.r.errorAt(b.label, "invalid name", "The name of %s has letters, digits, %s, begins with a letter or a digit and is at most 128 long.", article(n.what), n.also())
	}
	if n.seen == nil {
		n.seen = map[string]taken{}
	}
	key := strings.ToLower(b.name)
	if t, ok := n.seen[key]; ok {
		same := "has this name already"
		if t.name != b.name {
			same = fmt.Sprintf("is called %q, and names must differ in more than case", t.name)
		}
		n.r.errorAt(b.label, "duplicate "+n.what+" "+quote(b.name), "The one at line %d %s.", t.rng.Start.Line, same)
		return false
	}
	n.seen[key] = taken{b.name, b.label}
	return true
}

func (n *names) also() string {
	if n.valid == personName() {
		return "dots, underscores, hyphens, @ and +"
	}
	return "dots, underscores and hyphens"
}

func quote(s string) string { return fmt.Sprintf("%q", s) }

// people reads users and groups.
func (r *reader) people(c *Config, users, groups []block) {
	seen := names{r: r, what: "user", valid: personName()}
	owner := map[string]string{}
	for _, b := range users {
		u := User{Name: b.name}
		for _, e := range b.list("emails").val {
			key := strings.ToLower(strings.TrimSpace(e.val))
			local, domain, ok := strings.Cut(key, "@")
			switch {
			case !ok || local == "" || domain == "" || strings.ContainsAny(key, " \t\n<>,") || strings.Contains(domain, "@"):
				r.errorAt(e.rng, "not an email address", "Write the address alone as commits have it, for example \"ana@example.com\".")
			case owner[key] != "" && owner[key] != b.name:
				r.errorAt(e.rng, "email of two users", "User %q has this email, too. A commit's author must be one person.", owner[key])
			}
			owner[key] = b.name
			u.Emails = append(u.Emails, strings.TrimSpace(e.val))
		}
		if seen.add(b) {
			c.Users = append(c.Users, u)
		}
	}
	r.groups(c, groups)
}

func (r *reader) groups(c *Config, groups []block) {
	seen := names{r: r, what: "group", valid: personName()}
	for _, b := range groups {
		g := Group{Name: b.name}
		members := b.list("members")
		if members.absent() {
			r.missingAt(b.header, "group without members", "Write who is in it: members = [\"ana\"]")
		}
		for _, m := range members.val {
			g.Members = append(g.Members, m.val)
			if strings.HasPrefix(m.val, "group:") {
				r.errorAt(m.rng, "group in a group", "The members of a group are users. Name the users of that group here.")
				continue
			}
			r.checkUser(c, m.val, m.rng)
		}
		if seen.add(b) {
			c.Groups = append(c.Groups, g)
		}
	}
}

// checkUser reports a name that is no user's. Where no user is declared, any
// Unix user of the machine may be meant.
func (r *reader) checkUser(c *Config, name string, rng hcl.Range) {
	if !personName().MatchString(name) {
		r.errorAt(rng, "invalid name of a user", "Write the name as its user block or the machine has it, for example \"ana\".")
		return
	}
	if len(c.Users) == 0 {
		return
	}
	var known []string
	for _, u := range c.Users {
		if u.Name == name {
			return
		}
		known = append(known, u.Name)
	}
	r.missingAt(rng, "unknown user "+quote(name), "No user block has this name, and once one is declared all must be.%s", didYouMean(name, known))
}

// checkFrom checks one entry of a rule's from.
func (r *reader) checkFrom(c *Config, from item) {
	kind, name, has := strings.Cut(from.val, ":")
	switch {
	case !has:
		r.checkUser(c, from.val, from.rng)
	case kind == "user":
		r.checkUser(c, name, from.rng)
	case kind != "group":
		r.errorAt(from.rng, "neither a user nor a group", "Write \"user:NAME\" or \"group:NAME\"; a name alone is a user's.")
	default:
		var known []string
		for _, g := range c.Groups {
			if g.Name == name {
				return
			}
			known = append(known, g.Name)
		}
		r.missingAt(from.rng, "unknown group "+quote(name), "No group block has this name, so nobody could approve.%s", didYouMean(name, known))
	}
}

// reach counts the people that the entries of a from name.
func (c *Config) reach(from []string) int {
	people := map[string]bool{}
	for _, f := range from {
		group, ok := strings.CutPrefix(f, "group:")
		if !ok {
			people[strings.TrimPrefix(f, "user:")] = true
			continue
		}
		for _, g := range c.Groups {
			if g.Name == group {
				for _, m := range g.Members {
					people[m] = true
				}
			}
		}
	}
	return len(people)
}
