package approvals

import (
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/workspace"
)

const (
	digest = "sha256:0123456789abcdef0123456789abcdef"
	other  = "sha256:fedcba9876543210fedcba9876543210"
	sha    = "c0ffee"
)

var t0 = time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)

// when parses a condition that must be right.
func when(t testing.TB, src string) Condition {
	t.Helper()
	c, diags := parse(t, src)
	if diags.HasErrors() {
		t.Fatalf("%s: %s", src, diags)
	}
	return c
}

func parse(t testing.TB, src string) (Condition, hcl.Diagnostics) {
	t.Helper()
	expr, diags := hclsyntax.ParseExpression([]byte(src), "tfops.hcl", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatalf("%s is not an expression: %s", src, diags)
	}
	return ParseCondition(expr, []byte(src))
}

// people: ana, li and bo are declared; eve is not.
func people() People {
	return People{
		Emails: map[string][]string{"ana": {"ana@example.com", "Ana.Work@example.com"}, "li": {"li@example.com"},
			"bo": {"bo@example.com"}},
		Groups: map[string][]string{"platform": {"ana", "li"}, "empty": nil},
	}
}

// base is a plan of a commit that ana wrote, asked for by nobody, under
// apply = "manual" and no rule.
func base() Case {
	return Case{Run: "r1", Digest: digest, Commit: sha, Apply: workspace.Manual, People: people(),
		Authors: []Identity{{"Ana", "ana@example.com"}, {"Ana", "ana@example.com"}},
		Facts: Facts{Workspace: workspace.Workspace{Name: "net", Labels: map[string]string{"tier": "prod"}},
			Plan: PlanFacts{Counts: plan.Counts{Add: 1, Delete: 2}, Types: []string{"aws_iam_role", "aws_vpc"},
				Addresses: []string{"aws_vpc.a", "aws_iam_role.b"}, Complete: true},
			Commit: CommitFacts{SHA: sha, Message: "a change"}}}
}

// by is a vote of this person for the plan of base.
func by(voter string) Vote {
	return Vote{Run: "r1", Digest: digest, Commit: sha, Voter: voter, Yes: true, At: t0}
}

func no(voter, comment string) Vote {
	v := by(voter)
	v.Yes, v.Comment = false, comment
	return v
}

func signed(user string) func(*Case) {
	return func(c *Case) { c.Signers = map[string]string{user: c.Commit} }
}

func unsigned(c *Case) { c.Unsigned = "the commit is not signed" }
