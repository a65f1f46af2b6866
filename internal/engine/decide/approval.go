package decide

import (
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
			Drifted: p.Drifted, Complete: p.Complete, Destroy: r.Kind == run.Destroy, Refresh: r.Kind == run.Refresh}
	}
	whoWrote(&c, r)
	return c
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
	c.Commits = map[approvals.Identity]string{}
	for _, p := range a.People {
		who := approvals.Identity{Name: p.Name, Email: p.Email}
		c.Authors = append(c.Authors, who)
		c.Commits[who] = p.Commit
	}
}
