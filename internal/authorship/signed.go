package authorship

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/gitrepo/history"
	"github.com/tfops/tfops/internal/gitrepo/signatures"
	"github.com/tfops/tfops/internal/workspace"
)

// Signer is a user whose key signed commits. Whoever has the key is the author of them,
// whatever names and emails they have.
type Signer struct {
	User    string `json:"user"`
	Commit  string `json:"commit"`  // the newest
	Commits int    `json:"commits"` // how many
}

// Unverified is a commit of which no signature proves who made it.
type Unverified struct {
	Commit string `json:"commit"`
	Why    string `json:"why"`
	Next   string `json:"next"`
}

// MaxUnverified is how many of them are kept.
const MaxUnverified = 8

// verify holds the signatures of commits, newest first, against the keys: it tells who signed
// them, and whom of the people they prove.
func (a *Authors) verify(ctx context.Context, g Git, q Question, touching []history.Commit, now time.Time) error {
	if q.Keys == nil {
		return nil
	}
	old, err := q.exempt(ctx, g)
	if fault.Is(err, fault.Invalid) || fault.Is(err, fault.NotFound) {
		a.Unknown = fmt.Sprintf("what has to be signed since commit %s (signed_since) is not known: %v",
			workspace.ShortCommit(q.SignedSince), err)
		a.Next = "correct signed_since of repository " + q.Repository + " in tfops.hcl"
		return nil
	}
	if err != nil {
		return err
	}
	proved := make([]proof, 0, len(touching))
	for _, c := range touching {
		if old(c.SHA) {
			a.Exempt++
			proved = append(proved, proof{Result: signatures.Result{Why: "it need not be signed"}})
			continue
		}
		s, err := g.Signed(ctx, c.SHA)
		if err != nil {
			return err
		}
		p := prove(q.Keys, c, q.Keys.Verify(s, now))
		proved = append(proved, p)
		a.signed(c.SHA, p)
	}
	for i := range a.People {
		a.People[i].prove(q.Keys, touching, proved)
	}
	return nil
}

// exempt tells which commits need not be signed: those in the history of one that the configuration names.
func (q Question) exempt(ctx context.Context, g Git) (func(sha string) bool, error) {
	if q.SignedSince == "" {
		return func(string) bool { return false }, nil
	}
	between, err := g.Range(ctx, q.SignedSince, q.Head)
	newer := map[string]bool{}
	for _, c := range between.Commits {
		newer[c.SHA] = true
	}
	return func(sha string) bool { return !newer[sha] }, err
}

// proof is what the signature of a commit says.
type proof struct {
	signatures.Result
	forge bool // it is a merge by a forge
}

// prove holds what a signature proves against what the commit says of itself.
func prove(keys *signatures.Ring, c history.Commit, r signatures.Result) proof {
	p := proof{Result: r, forge: r.Forge}
	short := workspace.ShortCommit
	switch {
	case !r.Good():
	case r.Forge && c.Parents != 2:
		p.Why, p.Next = "it is signed with a merge key, and is no merge of two commits: a forge's key proves "+
			"nothing of what is written on its pages", "have somebody with a key of their own sign it"
	case r.Forge && (c.Unread != "" || c.Slipped != ""):
		p.Why = fmt.Sprintf("it is signed with a merge key, and changes %s, which merging its parents does not ask for",
			c.Slipped+c.Unread)
		p.Next = "merge " + short(c.SHA) + "'s parents again without that, or sign the merge with a key of a user"
	case !r.Forge && !keys.Owns(r.User, c.Committer.Email):
		p.Why = fmt.Sprintf("it is signed by %s, and committed as %s <%s>", r.User, c.Committer.Name, c.Committer.Email)
		p.Next = fmt.Sprintf("add %s to the emails of user %q in tfops.hcl if it is theirs, or commit it as %[2]s",
			c.Committer.Email, r.User)
	}
	return p
}

// signed counts what the signature of a commit says.
func (a *Authors) signed(sha string, p proof) {
	if p.User != "" {
		i := slices.IndexFunc(a.Signers, func(s Signer) bool { return s.User == p.User })
		if i < 0 {
			i = len(a.Signers)
			a.Signers = append(a.Signers, Signer{User: p.User, Commit: sha})
		}
		a.Signers[i].Commits++
	}
	if p.Good() {
		a.Verified++
		return
	}
	if len(a.Unverified) < MaxUnverified {
		a.Unverified = append(a.Unverified, Unverified{Commit: sha, Why: p.Why, Next: p.Next})
	}
}

// prove says of a person whether signatures prove all their commits, and who signed the newest.
// The signer of a commit proves who they are, and vouches for no other author of it.
func (p *Person) prove(keys *signatures.Ring, touching []history.Commit, proved []proof) {
	p.Verified = true
	for i, c := range touching {
		if !slices.ContainsFunc(people(c), func(o Identity) bool { return o.Name == p.Name && o.Email == p.Email }) {
			continue
		}
		if p.Signer == "" {
			p.Signer = proved[i].User
		}
		p.Verified = p.Verified && proved[i].Good() && keys.Owns(proved[i].User, p.Email)
	}
}

// Proof says in short how far signatures prove who wrote it.
func (a *Authors) Proof() string {
	switch {
	case a.Unknown != "":
		return "not known"
	case a.Exempt > 0 && a.Verified+a.Exempt == a.Commits:
		return fmt.Sprintf("all of %d verified, and %d older ones", a.Verified, a.Exempt)
	case a.Verified == a.Commits && a.Commits > 0:
		return fmt.Sprintf("all of %d verified", a.Commits)
	}
	return fmt.Sprintf("%d of %d verified", a.Verified, a.Commits)
}
