package decide

import (
	"fmt"

	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// CaseOf gathers what a decision about a run's plan depends on. Destroying
// everything is never automatic: there, apply = "auto" reads as "manual".
func CaseOf(def *fleet.Definition, people approvals.People, r *run.Run, votes []approvals.Vote) approvals.Case {
	c := approvals.Case{Run: r.ID, Commit: r.Commit.SHA, Apply: def.Apply, Rules: def.Rules, Held: r.Confirm,
		AskedBy: r.Trigger.Actor, Votes: votes, People: people,
		Facts: approvals.Facts{Workspace: def.Workspace, Commit: approvals.CommitFacts{
			SHA: r.Commit.SHA, Message: r.Commit.Message,
			Author: r.Commit.Author.Name, AuthorEmail: r.Commit.Author.Email,
			Committer: r.Commit.Committer.Name, CommitterEmail: r.Commit.Committer.Email,
		}},
	}
	if r.Kind == run.Destroy && c.Apply == workspace.Auto {
		c.Apply = workspace.Manual
	}
	if p := r.Plan; p != nil {
		c.Digest = p.Digest
		c.Facts.Plan = approvals.PlanFacts{Counts: p.Counts, Types: p.Types, Addresses: p.Addresses,
			NewHosts: p.NewHosts, Drifted: p.Drifted, Complete: p.Complete, Destroy: r.Kind == run.Destroy,
			Refresh: r.Kind == run.Refresh}
	}
	whoWrote(&c, r)
	c.Unsigned = unsigned(people, def, r)
	return c
}

// unsigned is why a run's plan is not applied where only signed commits are, and what to do.
func unsigned(people approvals.People, def *fleet.Definition, r *run.Run) string {
	a := r.Authors
	if _, must := people.Signed[def.Repository]; !must || !r.Kind.Applies() || a == nil {
		return ""
	}
	takes := fmt.Sprintf("repository %q takes signed commits only (require_signed)", def.Repository)
	switch {
	case a.Unknown != "":
		return fmt.Sprintf("%s, and it is not known which these are: %s; %s", takes, a.Unknown, a.Next)
	case a.Verified+a.Exempt == a.Commits:
		return ""
	case len(a.Unverified) == 0:
		return takes + ", and the signatures were not looked at; " + RetryCommand(*r)
	}
	first, more := a.Unverified[0], ""
	if n := a.Commits - a.Verified - a.Exempt - 1; n > 0 {
		more = fmt.Sprintf(" (and %d more: tfops show %s)", n, r.ID)
	}
	text := fmt.Sprintf("%s, and commit %s does not prove who made it: %s%s; %s", takes,
		workspace.ShortCommit(first.Commit), first.Why, more, first.Next)
	if a.Since == "" { // the whole history counts
		text += "; or name the commit up to which none has to be, by signed_since of the repository"
	}
	return text
}

// otherKeys reports whether the keys that count are not those that the signatures of a run's commits
// were held against: a new key may prove one, and one that was taken out proves none.
func otherKeys(people approvals.People, def *fleet.Definition, r *run.Run) bool {
	keys, must := people.Signed[def.Repository]
	return must && r.Kind.Applies() && (r.Authors == nil || r.Authors.Keys != keys)
}

// whoWrote has a case know who wrote what a run's plan applies.
func whoWrote(c *approvals.Case, r *run.Run) {
	a := r.Authors
	switch {
	case a == nil && r.Plan == nil: // nothing to vote on yet
		return
	case a == nil:
		c.Unknown = "it was planned by a tfops that did not ask; " + RetryCommand(*r)
		return
	case a.Unknown != "":
		c.Unknown = a.Unknown + "; " + a.Next
	}
	c.Signers = map[string]string{}
	for _, s := range a.Signers {
		c.Signers[s.User] = s.Commit
	}
	c.Commits = map[approvals.Identity]string{}
	for _, p := range a.People {
		who := approvals.Identity{Name: p.Name, Email: p.Email}
		c.Authors = append(c.Authors, who)
		c.Commits[who] = p.Commit
	}
}
