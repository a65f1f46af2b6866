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
	for _, p := range append([]run.Person{r.Commit.Author, r.Commit.Committer}, r.Commit.CoAuthors...) {
		c.Authors = append(c.Authors, approvals.Identity{Name: p.Name, Email: p.Email})
	}
	return c
}
