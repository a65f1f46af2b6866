package approvals

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/workspace"
)

// Each case is a sentence of the rules.
func TestDecide(t *testing.T) {
	rule := func(r Rule) func(*Case) { return func(c *Case) { c.Rules = append(c.Rules, r) } }
	apply := func(a workspace.Apply) func(*Case) { return func(c *Case) { c.Apply = a } }
	votes := func(v ...Vote) func(*Case) { return func(c *Case) { c.Votes = append(c.Votes, v...) } }
	authors := func(a ...Identity) func(*Case) { return func(c *Case) { c.Authors = a } }
	asked := func(p string) func(*Case) { return func(c *Case) { c.AskedBy = p } }
	held := func(why ...string) func(*Case) { return func(c *Case) { c.Held = why } }
	byDaemon := func(name string) Vote {
		v := by(name)
		v.Daemon = true
		return v
	}
	daemon := func(name string) func(*Case) { return func(c *Case) { c.People.Daemon = name } }
	nobody := func(c *Case) { c.People = People{} }
	strangers := authors(Identity{"Bo", "bo@example.com"})
	four := Rule{Name: "four", Require: 1}

	for _, c := range []struct {
		name     string
		with     []func(*Case)
		approved bool
		missing  string // part of it; "" means that nothing is missing
	}{
		{name: "manual without a rule waits", missing: "1 approval"},
		{"manual without a rule: one vote of anybody", []func(*Case){votes(by("li"))}, true, ""},
		{"manual without a rule: the author included", []func(*Case){votes(by("ana"))}, true, ""},
		{"manual without a rule: of somebody who is no declared user too", []func(*Case){votes(by("eve"))}, true, ""},
		{"manual without a rule: of who asked for the run too", []func(*Case){asked("li"), votes(by("li"))}, true, ""},
		{"an unmapped author does not stop a confirmation", []func(*Case){authors(Identity{"X", "x@example.com"}),
			votes(by("li"))}, true, ""},
		{"auto without a rule asks for nothing", []func(*Case){apply(workspace.Auto)}, true, ""},
		{"auto that is held asks for the confirmation", []func(*Case){apply(workspace.Auto), held("the state moved")},
			false, "1 approval, because the state moved"},
		{"auto that is held twice names both reasons", []func(*Case){apply(workspace.Auto), held("a", "b")}, false,
			"1 approval, because a, and because b"},
		{"auto that is held: one vote of anybody", []func(*Case){apply(workspace.Auto), held("a", "b"),
			votes(by("ana"))}, true, ""},
		{"manual that is held asks for one vote, not for two", []func(*Case){held("a"), votes(by("ana"))}, true, ""},
		{"held, with a rule: the rule's people are enough", []func(*Case){apply(workspace.Auto), held("a"), rule(four),
			votes(by("li"))}, true, ""},
		{"held, with a rule: it is no way round the rule", []func(*Case){apply(workspace.Auto), held("a"), rule(four),
			votes(by("ana"))}, false, `rule "four"`},
		{"held and never: a vote does not help", []func(*Case){apply(workspace.Never), held("a"), votes(by("li"))},
			false, `apply = "never"`},
		{"never is never approved", []func(*Case){apply(workspace.Never), votes(by("ana"), by("li"))}, false, `apply = "never"`},
		{"never with a rule that is met", []func(*Case){apply(workspace.Never), rule(four), votes(by("li"))}, false, `apply = "never"`},
		{"auto never switches a rule off", []func(*Case){apply(workspace.Auto), rule(four)}, false, `1 approval (rule "four")`},
		{"auto with a rule that does not hold asks for nothing",
			[]func(*Case){apply(workspace.Auto), rule(Rule{Name: "big", When: when(t, "plan.add > 100")})}, true, ""},
		{"manual with a rule that does not hold is a confirmation",
			[]func(*Case){rule(Rule{Name: "big", When: when(t, "plan.add > 100")}), votes(by("ana"))}, true, ""},
		{"a rule takes the confirmation's place", []func(*Case){rule(four), votes(by("ana"))}, false, `rule "four"`},
		{"a rule does not count the authors: another person", []func(*Case){rule(four), votes(by("li"))}, true, ""},
		{"a rule whose condition holds", []func(*Case){rule(Rule{Name: "destructive", When: when(t, "plan.delete > 0"),
			Require: 2}), votes(by("li"))}, false, `1 more of 2 approvals (rule "destructive")`},
		{"require 2 with two people", []func(*Case){rule(Rule{Name: "r", Require: 2}), votes(by("li"), by("bo"))}, true,
			""},
		{"require 0 is 1", []func(*Case){rule(Rule{Name: "r", Require: 0})}, false, "1 approval"},
		{"require -1 is 1", []func(*Case){rule(Rule{Name: "r", Require: -1})}, false, "1 approval"},
		{"one person counts once", []func(*Case){rule(Rule{Name: "r", Require: 2}),
			votes(by("li"), by("li"), by("li"))}, false, "1 more of 2"},
		{"one person counts under several rules", []func(*Case){rule(four), rule(Rule{Name: "too", Require: 1}),
			votes(by("li"))}, true, ""},
		{"all rules whose condition holds must be met", []func(*Case){rule(four), rule(Rule{Name: "two", Require: 2}),
			votes(by("li"))}, false, `1 more of 2 approvals (rule "two")`},
		{"several rules, none met: both are named", []func(*Case){rule(four), rule(Rule{Name: "two", Require: 2})},
			false, `1 approval (rule "four"), and 2 more of 2 approvals (rule "two")`},
		{"a condition that fails to evaluate holds", []func(*Case){rule(Rule{Name: "r", When: when(t, `workspace.labels.team == "x"`)})}, false, `rule "r"`},
		{"a condition that is null holds", []func(*Case){rule(Rule{Name: "r", When: when(t, `plan.add > 0 ? null : true`)})}, false, `rule "r"`},

		{"from a group", []func(*Case){strangers, rule(Rule{Name: "r", From: []string{"group:platform"}}),
			votes(by("li"))}, true, ""},
		{"from a group, of somebody else", []func(*Case){authors(),
			rule(Rule{Name: "r", From: []string{"group:platform"}}), votes(by("bo"))}, false, `1 approval of group:platform (rule "r")`},
		{"from a group that is empty", []func(*Case){rule(Rule{Name: "r", From: []string{"group:empty"}}),
			votes(by("li"))}, false, "group:empty"},
		{"from a group that does not exist", []func(*Case){rule(Rule{Name: "r", From: []string{"group:ghosts"}}),
			votes(by("li"))}, false, "group:ghosts"},
		{"from a user", []func(*Case){rule(Rule{Name: "r", From: []string{"user:li"}}), votes(by("li"))}, true, ""},
		{"from a user without the prefix", []func(*Case){rule(Rule{Name: "r", From: []string{"li"}}), votes(by("li"))},
			true, ""},
		{"from a user or a group", []func(*Case){strangers,
			rule(Rule{Name: "r", From: []string{"group:ghosts", "user:li"}}), votes(by("li"))}, true, ""},
		{"a user called as a group is not its members",
			[]func(*Case){strangers, rule(Rule{Name: "r", From: []string{"platform"}}), votes(by("li"))}, false,
			"of platform"},
		{"from does not let the author in", []func(*Case){rule(Rule{Name: "r", From: []string{"user:ana"}}),
			votes(by("ana"))}, false, "of user:ana"},

		{"the author does not count", []func(*Case){authors(Identity{"Li", "li@example.com"}), rule(four),
			votes(by("li"))}, false, `rule "four"`},
		{"the committer does not count", []func(*Case){authors(Identity{"Bo", "bo@example.com"},
			Identity{"Li", "li@example.com"}), rule(four), votes(by("li"))}, false, `rule "four"`},
		{"a co-author does not count", []func(*Case){authors(Identity{"Bo", "bo@example.com"},
			Identity{"Bo", "bo@example.com"}, Identity{"", "li@example.com"}), rule(four), votes(by("li"))}, false, `rule "four"`},
		{"by another email of the same person", []func(*Case){authors(Identity{"A", "ana.work@example.com"}),
			rule(four), votes(by("ana"))}, false, `rule "four"`},
		{"emails compare without case", []func(*Case){authors(Identity{"A", "LI@Example.COM"}), rule(four),
			votes(by("li"))}, false, `rule "four"`},
		{"emails compare without spaces", []func(*Case){authors(Identity{"A", " li@example.com "}), rule(four),
			votes(by("li"))}, false, `rule "four"`},
		{"who asked for the run does not count", []func(*Case){asked("li"), rule(four), votes(by("li"))}, false, `rule "four"`},
		{"the rest counts beside them", []func(*Case){asked("li"), rule(Rule{Name: "r", Require: 1}),
			votes(by("ana"), by("li"), by("bo"))}, true, ""},
		{"allow_author lets the author count", []func(*Case){rule(Rule{Name: "r", AllowAuthor: true}),
			votes(by("ana"))}, true, ""},
		{"allow_author lets the asker count", []func(*Case){asked("li"), rule(Rule{Name: "r", AllowAuthor: true}),
			votes(by("li"))}, true, ""},
		{"allow_author is of one rule only", []func(*Case){rule(Rule{Name: "r", AllowAuthor: true}), rule(four),
			votes(by("ana"))}, false, `rule "four"`},

		{"the daemon's user does not count under a rule", []func(*Case){rule(four), votes(byDaemon("tfops"))}, false,
			`rule "four"`},
		{"nor under allow_author", []func(*Case){rule(Rule{Name: "r", AllowAuthor: true}), votes(byDaemon("tfops"))},
			false, `rule "r"`},
		{"nor by name, in a vote that does not say", []func(*Case){daemon("li"), rule(four), votes(by("li"))},
			false, `rule "four"`},
		{"nor as one of two", []func(*Case){rule(Rule{Name: "r", Require: 2}), votes(byDaemon("tfops"), by("li"))},
			false, "1 more of 2"},
		{"beside it others count", []func(*Case){daemon("tfops"), rule(four), votes(byDaemon("tfops"), by("li"))}, true,
			""},
		{"for a confirmation the daemon's user counts", []func(*Case){daemon("li"), votes(byDaemon("li"))}, true, ""},
		{"its no counts", []func(*Case){func(c *Case) {
			v := no("tfops", "not now")
			v.Daemon = true
			c.Votes = append(c.Votes, v)
		}, rule(four), votes(by("li"))}, false, ""},
		{"a rule that names nobody else is blocked", []func(*Case){daemon("li"),
			rule(Rule{Name: "r", From: []string{"user:li", "li"}})}, false, `names nobody but li, who runs tfops serve`},
		{"a group of more is not", []func(*Case){daemon("li"), strangers,
			rule(Rule{Name: "r", From: []string{"group:platform"}}), votes(by("ana"))}, true, ""},

		{"an unmapped email blocks and is named", []func(*Case){authors(Identity{"X", "x@example.com"}), rule(four),
			votes(by("li"))}, false, "x@example.com is the email of no declared user"},
		{"an unmapped co-author blocks too", []func(*Case){authors(Identity{"Ana", "ana@example.com"},
			Identity{"X", "x@example.com"}), rule(four), votes(by("li"))}, false, "x@example.com"},
		{"no email at all blocks", []func(*Case){authors(Identity{"X", ""}), rule(four), votes(by("li"))}, false, `"" is the email of no declared user`},
		{"an unmapped email under allow_author", []func(*Case){authors(Identity{"X", "x@example.com"}),
			rule(Rule{Name: "r", AllowAuthor: true}), votes(by("li"))}, true, ""},
		{"no users declared: nothing is unmapped", []func(*Case){nobody, authors(Identity{"X", "x@example.com"}),
			rule(four), votes(by("li"))}, true, ""},
		{"no users declared: the author by name", []func(*Case){nobody, authors(Identity{"LI", "x@example.com"}),
			rule(four), votes(by("li"))}, false, `rule "four"`},
		{"no users declared: the author by email",
			[]func(*Case){nobody, authors(Identity{"Li Wei", "li@elsewhere.org"}), rule(four), votes(by("li"))}, false,
			`rule "four"`},
		{"no users declared: who asked", []func(*Case){nobody, asked("li"), rule(four), votes(by("li"))}, false, `rule "four"`},
		{"users without emails are declared users",
			[]func(*Case){func(c *Case) { c.People = People{Emails: map[string][]string{"li": nil}} }, rule(four),
				votes(by("li"))}, false, "ana@example.com"},

		{"who signed a commit is its author", []func(*Case){signed("li"), rule(four), votes(by("li"))}, false,
			`rule "four"`},
		{"somebody else signed it", []func(*Case){signed("bo"), rule(four), votes(by("li"))}, true, ""},
		{"allow_author lets the signer count", []func(*Case){signed("li"), rule(Rule{Name: "r", AllowAuthor: true}),
			votes(by("li"))}, true, ""},
		{"what has to be signed and is not: no vote helps", []func(*Case){unsigned, votes(by("li"), by("bo"))}, false,
			"not signed"},
		{"nor apply = auto", []func(*Case){unsigned, apply(workspace.Auto)}, false, "not signed"},
		{"nor a rule that is met", []func(*Case){unsigned, rule(Rule{Name: "r", AllowAuthor: true}), votes(by("li"))},
			false, "not signed"},

		{"a vote for another digest counts nothing",
			[]func(*Case){votes(Vote{Run: "r1", Digest: other, Commit: sha, Voter: "li", Yes: true})}, false,
			"1 approval"},
		{"a vote for another commit counts nothing",
			[]func(*Case){votes(Vote{Run: "r1", Digest: digest, Commit: "dead", Voter: "li", Yes: true})}, false,
			"1 approval"},
		{"a vote for another run counts nothing",
			[]func(*Case){votes(Vote{Run: "r2", Digest: digest, Commit: sha, Voter: "li", Yes: true})}, false,
			"1 approval"},
		{"a no for another plan rejects nothing",
			[]func(*Case){votes(Vote{Run: "r1", Digest: other, Commit: sha, Voter: "li"}, by("bo"))}, true, ""},
		{"without a plan no vote counts", []func(*Case){func(c *Case) { c.Digest = "" },
			votes(Vote{Run: "r1", Commit: sha, Voter: "li", Yes: true})}, false, "1 approval"},
		{"a no is stronger than any yes", []func(*Case){votes(by("li"), no("bo", "not now"), by("ana"))}, false, ""},
		{"a no rejects under auto too", []func(*Case){apply(workspace.Auto), votes(no("bo", "not now"))}, false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := base()
			for _, w := range c.with {
				w(&in)
			}
			d := Decide(in)
			if d.Approved != c.approved {
				t.Errorf("approved is %v: %+v", d.Approved, d)
			}
			if m := d.Missing(); c.missing == "" && m != "" || !strings.Contains(m, c.missing) {
				t.Errorf("missing is %q, want %q", m, c.missing)
			}
			if d.Approved && (d.Missing() != "" || d.Rejected != nil) {
				t.Errorf("approved, and yet: %q, %v", d.Missing(), d.Rejected)
			}
			if rejected := slices.ContainsFunc(in.Votes,
				func(v Vote) bool { return !v.Yes && v.Digest == digest }); rejected != (d.Rejected != nil) {
				t.Errorf("rejected by %v", d.Rejected)
			}
		})
	}
}

func TestNeedsNameWhoCounts(t *testing.T) {
	c := base()
	c.Rules = []Rule{{Name: "own", AllowAuthor: true, Require: 3}, {Name: "four", From: []string{"group:platform"}},
		{Name: "odd", When: when(t, `workspace.labels.team == "x"`)}}
	c.Votes = []Vote{by("bo"), by("ana"), by("li"), by("ana"), no("eve", "no")}
	d := Decide(c)
	if len(d.Needs) != 3 || d.Rejected == nil || d.Rejected.Voter != "eve" {
		t.Fatalf("%+v", d)
	}
	for i, want := range [][]string{{"bo", "ana", "li"}, {"li"}, {"bo", "li"}} {
		if !slices.Equal(d.Needs[i].Voters, want) {
			t.Errorf("under %q count %q, want %q", d.Needs[i].Rule, d.Needs[i].Voters, want)
		}
	}
	if d.Needs[0].Note != "" || !strings.Contains(d.Needs[2].Note, "could not be evaluated") ||
		!strings.Contains(d.Needs[2].Note, "team") {
		t.Errorf("notes %q and %q", d.Needs[0].Note, d.Needs[2].Note)
	}
}

// Two users may have been given one email: then a commit is of both.
func TestSharedEmailBlocksBoth(t *testing.T) {
	for range 20 { // maps have no order
		c := base()
		c.People.Emails["bo"] = []string{"ana@example.com"}
		c.Rules = []Rule{{Name: "four"}}
		c.Votes = []Vote{by("ana"), by("bo")}
		if d := Decide(c); d.Approved {
			t.Fatalf("approved by %q", d.Needs[0].Voters)
		}
	}
}

func TestExpiry(t *testing.T) {
	hour := func(n int) Rule { return Rule{Expire: time.Duration(n) * time.Hour} }
	off := Rule{When: when(t, "plan.add > 100"), Expire: time.Minute}
	odd := Rule{When: when(t, `workspace.labels.team == "x"`), Expire: 2 * time.Hour}
	for _, c := range []struct {
		name  string
		rules []Rule
		want  time.Duration
	}{
		{"no rule", nil, 24 * time.Hour},
		{"a rule that does not say", []Rule{{}}, 24 * time.Hour},
		{"a rule that says", []Rule{hour(2)}, 2 * time.Hour},
		{"longer than the default", []Rule{hour(72)}, 72 * time.Hour},
		{"the shortest of several", []Rule{hour(72), hour(3), hour(5)}, 3 * time.Hour},
		{"the default is one of several", []Rule{hour(72), {}}, 24 * time.Hour},
		{"a rule that does not hold does not shorten", []Rule{off, hour(3)}, 3 * time.Hour},
		{"only a rule that does not hold", []Rule{off}, 24 * time.Hour},
		{"a rule that cannot be evaluated holds", []Rule{odd, hour(3)}, 2 * time.Hour},
		{"negative is the default", []Rule{{Expire: -time.Hour}}, 24 * time.Hour},
	} {
		in := base()
		in.Rules = c.rules
		if got := Expiry(in, t0).Sub(t0); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestNeedString(t *testing.T) {
	for _, c := range []struct {
		need Need
		want string
	}{
		{Need{Require: 1}, "1 approval"},
		{Need{Rule: "r", Require: 1, From: []string{"group:a", "user:b"}}, `1 approval of group:a or user:b (rule "r")`},
		{Need{Rule: "r", Require: 3, Voters: []string{"x"}}, `2 more of 3 approvals (rule "r")`},
		{Need{Rule: "r", Require: 2, Voters: []string{"x", "y", "z"}}, `0 more of 2 approvals (rule "r")`},
		{Need{Rule: "r", Require: 2, Blocked: "because"}, "because"},
	} {
		if got := c.need.String(); got != c.want {
			t.Errorf("%+v reads %q, want %q", c.need, got, c.want)
		}
	}
	if (Need{Require: 1, Voters: []string{"x"}, Blocked: "because"}).Met() {
		t.Error("a blocked need is met")
	}
}
