package approvals

import (
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/workspace"
)

func TestCheckVote(t *testing.T) {
	four := []Rule{{Name: "four", Require: 2}}
	change := func(fn func(*Case)) func(*Case) { return fn }
	vote := func(fn func(*Vote)) Vote {
		v := by("li")
		fn(&v)
		return v
	}
	for _, c := range []struct {
		name string
		with func(*Case)
		vote Vote
		code fault.Code // "" when it counts
		says string
		next string
	}{
		{name: "a confirmation", vote: by("li")},
		{name: "a confirmation by the author", vote: by("ana")},
		{name: "under a rule", with: func(c *Case) { c.Rules = four }, vote: by("li")},
		{name: "under auto without a rule", with: func(c *Case) { c.Apply = workspace.Auto }, vote: by("li")},
		{name: "another digest", vote: vote(func(v *Vote) { v.Digest = other }), code: fault.Conflict,
			says: "its digest is 0123456789ab", next: "tfops show r1"},
		{name: "another commit", vote: vote(func(v *Vote) { v.Commit = "dead" }), code: fault.Conflict, says: "r1",
			next: "tfops show r1"},
		{name: "another run", vote: vote(func(v *Vote) { v.Run = "r2" }), code: fault.Conflict, says: "r1",
			next: "tfops show r1"},
		{name: "a no for another digest", vote: vote(func(v *Vote) { v.Digest, v.Yes, v.Comment = other, false, "x" }),
			code: fault.Conflict, next: "tfops show r1"},
		{name: "no plan yet", with: func(c *Case) { c.Digest = "" }, vote: vote(func(v *Vote) { v.Digest = "" }),
			code: fault.Conflict, says: "no plan", next: "tfops wait r1"},
		{name: "a reject with a comment", vote: no("li", "not on a Friday")},
		{name: "a reject of the author", with: func(c *Case) { c.Rules = four }, vote: no("ana", "my mistake")},
		{name: "a reject of somebody whom no rule names",
			with: func(c *Case) { c.Rules = []Rule{{Name: "r", From: []string{"user:li"}}} }, vote: no("eve", "stop")},
		{name: "a reject under never", with: func(c *Case) { c.Apply = workspace.Never }, vote: no("li", "x")},
		{name: "a reject without a comment", vote: no("li", ""), code: fault.Invalid, says: "needs a comment",
			next: "tfops reject r1 -m REASON"},
		{name: "a reject with a blank comment", vote: no("li", " \t\n"), code: fault.Invalid, says: "needs a comment",
			next: "tfops reject r1 -m REASON"},
		{name: "never", with: func(c *Case) { c.Apply = workspace.Never }, vote: by("li"), code: fault.Conflict,
			says: `apply = "never"`},
		{name: "a second vote", with: func(c *Case) { c.Rules, c.Votes = four, []Vote{by("li")} }, vote: by("li"),
			code: fault.Conflict, says: "li has approved this plan already", next: "tfops show r1"},
		{name: "a second vote, the first for another plan",
			with: func(c *Case) { c.Votes = []Vote{vote(func(v *Vote) { v.Digest = other })} }, vote: by("li")},
		{name: "a reject after one's own yes", with: func(c *Case) { c.Rules, c.Votes = four, []Vote{by("li")} },
			vote: no("li", "I was wrong")},
		{name: "the author", with: func(c *Case) { c.Rules = four }, vote: by("ana"), code: fault.Forbidden,
			says: `ana wrote the commit (rule "four")`, next: "tfops show r1"},
		{name: "who asked", with: func(c *Case) { c.Rules, c.AskedBy = four, "li" }, vote: by("li"),
			code: fault.Forbidden, says: `li asked for the run (rule "four")`, next: "tfops show r1"},
		{name: "not named", with: func(c *Case) {
			c.Rules = []Rule{{Name: "r", From: []string{"group:platform",
				"user:eve"}}}
		}, vote: by("bo"), code: fault.Forbidden, says: `rule "r" takes approvals of group:platform or user:eve only`, next: "tfops show r1"},
		{name: "an unmapped author", with: func(c *Case) {
			c.Rules, c.Authors = four,
				[]Identity{{"X", "x@example.com"}}
		}, vote: by("li"), code: fault.Forbidden, says: "x@example.com", next: "tfops show r1"},
		{name: "counts under one rule of two", with: func(c *Case) {
			c.Rules = []Rule{{Name: "a", From: []string{"user:bo"}}, {Name: "b", AllowAuthor: true}}
		}, vote: by("ana")},
		{name: "counts under none of two: both are named",
			with: func(c *Case) { c.Rules = []Rule{{Name: "a", From: []string{"user:bo"}}, {Name: "b"}} },
			vote: by("ana"), code: fault.Forbidden, says: `rule "a" takes approvals of user:bo only; ana wrote the commit (rule "b")`, next: "tfops show r1"},
		{name: "the daemon's user", with: func(c *Case) { c.Rules = four },
			vote: vote(func(v *Vote) { v.Voter, v.Daemon = "root", true }), code: fault.Forbidden,
			says: `root cannot approve this plan: root runs tfops serve, and code that a plan runs may act as root ` +
				`(rule "four")`, next: asYourself},
		{name: "the daemon's user, who wrote the commit, too", with: func(c *Case) { c.Rules = four },
			vote: vote(func(v *Vote) { v.Voter, v.Daemon = "ana", true }), code: fault.Forbidden,
			says: `ana wrote the commit`, next: "tfops show r1"},
		{name: "a confirmation of the daemon's user", vote: vote(func(v *Vote) { v.Daemon = true })},
		{name: "a rule that does not hold does not forbid", with: change(func(c *Case) {
			c.Rules = []Rule{{Name: "r", When: when(t, "plan.add > 100"), From: []string{"user:bo"}}}
		}), vote: by("ana")},
		{name: "a rule that cannot be evaluated forbids",
			with: func(c *Case) { c.Rules = []Rule{{Name: "r", When: when(t, "workspace.labels.x == 1")}} },
			vote: by("ana"), code: fault.Forbidden, says: `rule "r"`, next: "tfops show r1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := base()
			if c.with != nil {
				c.with(&in)
			}
			err := CheckVote(in, c.vote)
			if c.code == "" {
				if err != nil {
					t.Fatalf("refused: %v", err)
				}
				mustCount(t, in, c.vote)
				return
			}
			if err == nil {
				t.Fatal("taken")
			}
			if fault.CodeOf(err) != c.code || fault.Next(err) != c.next || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s, next %q: %v", fault.CodeOf(err), fault.Next(err), err)
			}
		})
	}
}

// mustCount holds what CheckVote promises: a vote that it lets through is one
// that Decide counts.
func mustCount(t *testing.T, c Case, v Vote) {
	t.Helper()
	c.Votes = append(c.Votes, v)
	d := Decide(c)
	if !v.Yes {
		if d.Rejected == nil || d.Approved {
			t.Errorf("a reject did not reject: %+v", d)
		}
		return
	}
	for _, n := range d.Needs {
		for _, voter := range n.Voters {
			if voter == v.Voter {
				return
			}
		}
	}
	if len(d.Needs) > 0 {
		t.Errorf("the vote was taken and counts under nothing: %+v", d)
	}
}

func TestShort(t *testing.T) {
	for in, want := range map[string]string{digest: "0123456789ab", "0123456789abcdef": "0123456789ab",
		"sha256:abc": "abc", "": "", "sha256:": ""} {
		if got := Short(in); got != want {
			t.Errorf("Short(%q) is %q, want %q", in, got, want)
		}
	}
}
