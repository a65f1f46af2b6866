// Package authorship tells who wrote what a plan applies.
//
// These are the authors, committers and co-authors of all commits between the applied one
// and that of the plan which touch the workspace: both parents of merges, and the merge
// itself where it is more than its parents (package history).
//
// A commit touches a workspace if one of its paths does, by what the workspace reads at the
// applied commit and at the new one. A file that was moved has the history of both names:
// where a commit adds a file that the workspace reads, who changed what this commit removes
// counts, too. One person too many only costs an approval; one too few approves their own work.
//
// Where that cannot be told, Authors says why and what to do, and nobody's approval counts
// under a rule that keeps authors out.
package authorship

import (
	"context"
	"fmt"
	"path"
	"slices"
	"time"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/gitrepo/commits"
	"github.com/tfops/tfops/internal/gitrepo/history"
	"github.com/tfops/tfops/internal/gitrepo/signatures"
	"github.com/tfops/tfops/internal/workspace"
)

// Authors are the people who wrote what a plan applies, as far as that is known.
type Authors struct {
	Since   string   `json:"since,omitempty"` // the applied commit; empty: nothing is applied
	Until   string   `json:"until,omitempty"` // the commit whose history was read
	Commits int      `json:"commits"`         // that touch the workspace
	People  []Person `json:"people,omitempty"`
	Unknown string   `json:"unknown,omitempty"` // why it is not known who they are; empty: it is
	Next    string   `json:"next,omitempty"`    // what to do about that

	Keys       string       `json:"keys,omitempty"`       // the digest of those that signatures were held against
	Verified   int          `json:"verified,omitempty"`   // of Commits: those whose signature proves who made them
	Signers    []Signer     `json:"signers,omitempty"`    // in the order of their newest commits
	Unverified []Unverified `json:"unverified,omitempty"` // the newest of the other commits
	Exempt     int          `json:"exempt,omitempty"`     // of Commits: those that are too old to have to be signed
}

// Person is one of the authors, as Git records them.
type Person struct {
	Name    string `json:"name"`
	Email   string `json:"email"`
	Commit  string `json:"commit"`  // the newest that they have a part in
	Commits int    `json:"commits"` // how many

	Verified bool   `json:"verified,omitempty"` // a signature of their own proves each of their commits
	Signer   string `json:"signer,omitempty"`   // the user who signed the newest one that is signed
}

// Identity is a person as Git records one.
type Identity = commits.Person

// MaxPeople is how many people are kept of one plan.
const MaxPeople = 512

// Git reads what lies between two commits; see gitrepo.Mirror.
type Git interface {
	Range(ctx context.Context, base, head string) (history.Range, error)
	Signed(ctx context.Context, sha string) (signatures.Signed, error)
}

// Question is what is asked about a plan.
type Question struct {
	Base, Head string           // the applied commit, empty for none, and that of the plan
	Repository string           // its name
	Retry      string           // the command that plans anew
	Keys       *signatures.Ring // that count; nil: signatures are not looked at
	// SignedSince is a commit whose history need not be signed; empty: all that counts has to be.
	SignedSince string

	// Touches says whether a path touches the workspace: one for each tree that was asked.
	Touches []func(path string) bool
	// Every says that it is not known what the workspace reads: every commit counts.
	Every bool
	// Reconfigured says that the configuration gives the workspace other inputs than those
	// that were applied: who changed a file tfops.hcl counts.
	Reconfigured bool
}

// configFile is what a configuration is called.
const configFile = "tfops.hcl"

// touches reports whether a path touches the workspace.
func (q Question) touches(p string) bool {
	return q.Every || q.Reconfigured && path.Base(p) == configFile ||
		slices.ContainsFunc(q.Touches, func(t func(string) bool) bool { return t(p) })
}

// Unknown are authors of whom nothing is known.
func Unknown(why, next string) Authors { return Authors{Unknown: why, Next: next} }

// Find reads the history, as of now. An error is one of reading it, and may pass.
func Find(ctx context.Context, g Git, q Question, now time.Time) (Authors, error) {
	out := Authors{Since: q.Base, Until: q.Head}
	between, err := g.Range(ctx, q.Base, q.Head)
	switch {
	case fault.Is(err, fault.Invalid), fault.Is(err, fault.NotFound):
		out.Unknown, out.Next = q.unread(err)
		return out, nil
	case err != nil:
		return out, err
	case between.Cut != "":
		out.Unknown = fmt.Sprintf("the history of repository %s ends at commit %s: its remote is a shallow clone",
			q.Repository, workspace.ShortCommit(between.Cut))
		out.Next = "git fetch --unshallow in the remote, then: " + q.Retry
		return out, nil
	}
	if lost := q.touching(between.Lost); len(lost) > 0 {
		out.Unknown = fmt.Sprintf("commit %s is applied and not in the history of %s: a forced push, or a step back, "+
			"took %s of %s away, and Git does not say whose it was", workspace.ShortCommit(q.Base),
			workspace.ShortCommit(q.Head), workspace.ShortCommit(lost[0].SHA), name(lost[0].Author))
		out.Next = fmt.Sprintf("push a merge of the applied commit, which says who: git merge -s ours %s",
			workspace.ShortCommit(q.Base))
		return out, nil
	}
	touching := q.touching(between.Commits)
	out.Commits = len(touching)
	out.add(touching)
	return out, out.verify(ctx, g, q, touching, now)
}

// unread is why a history cannot be read, and what to do.
func (q Question) unread(err error) (why, next string) {
	from := "the beginning"
	if q.Base != "" {
		from = "the applied commit " + workspace.ShortCommit(q.Base)
	}
	why = fmt.Sprintf("what lies between %s and %s cannot be read: %v", from, workspace.ShortCommit(q.Head), err)
	if next = fault.Next(err); next == "" {
		next = "apply an earlier commit first, by commit = \"…\" in the workspace's block, or write allow_author = " +
			"true into the rule for this once"
	}
	return why, next
}

// add counts the people of commits.
func (a *Authors) add(touching []history.Commit) {
	at := map[commits.Person]int{}
	for _, c := range touching {
		if c.MoreCoAuthors {
			a.Unknown = fmt.Sprintf("commit %s names more than %d co-authors", workspace.ShortCommit(c.SHA),
				commits.MaxCoAuthors)
			a.Next = "write allow_author = true into the rule for this once, if that commit is meant"
			return
		}
		for _, p := range people(c) {
			i, ok := at[p]
			if !ok {
				i = len(a.People)
				at[p] = i
				a.People = append(a.People, Person{Name: p.Name, Email: p.Email, Commit: c.SHA})
			}
			a.People[i].Commits++
		}
	}
	if len(a.People) > MaxPeople {
		a.Unknown = fmt.Sprintf("more than %d people wrote it", MaxPeople)
		a.Next = "apply an earlier commit first, by commit = \"…\" in the workspace's block"
		a.People = a.People[:MaxPeople]
	}
}

// people are those of one commit, each once.
func people(c history.Commit) []commits.Person {
	all := []commits.Person{c.Author}
	if !ByForge(c.Committer) {
		all = append(all, c.Committer)
	}
	all = append(all, c.CoAuthors...)
	var found []commits.Person
	for _, p := range all {
		if !slices.Contains(found, p) {
			found = append(found, p)
		}
	}
	return found
}

// ByForge reports whether a committer is a forge, which commits for whoever merges on its
// pages, and so nobody.
func ByForge(p commits.Person) bool {
	return p.Name == "GitHub" && p.Email == "noreply@github.com"
}

func name(p commits.Person) string {
	if p.Name != "" {
		return p.Name
	}
	return p.Email
}
