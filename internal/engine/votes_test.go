package engine

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/access"
	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/engine/acts"
	"github.com/tfops/tfops/internal/engine/settings"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/run"
)

func ruled(rules ...approvals.Rule) func(*fleet.Definition) {
	return func(d *fleet.Definition) { d.Rules = rules }
}

var twoPeople = approvals.Rule{Name: "two", Require: 2}

// halted has a run of workspace a await approval, and no loop that moves it on.
func (g *rig) halted() run.Run {
	g.t.Helper()
	g.start()
	g.commit("a/main.tf")
	r := g.want("a", run.AwaitingApproval)
	g.halt()
	return r
}

// stored is all that the store has of a run, its votes, its history, and of everything else.
func (g *rig) stored(id string) string {
	g.t.Helper()
	d, events, err := g.store.Load(g.t.Context(), id)
	audits, auditErr := g.store.Audits(g.t.Context(), 0)
	text, jsonErr := json.Marshal([]any{d.Run, d.Votes, d.Locks, events, audits})
	if err := errors.Join(err, auditErr, jsonErr); err != nil {
		g.t.Fatal(err)
	}
	return string(text) + g.whole()
}

// voters are who has voted on a run, each with yes or no.
func (g *rig) voters(id string) string {
	g.t.Helper()
	d, _, err := g.store.Load(g.t.Context(), id)
	if err != nil {
		g.t.Fatal(err)
	}
	var all []string
	for _, v := range d.Votes {
		all = append(all, v.Voter+map[bool]string{true: " yes", false: " no"}[v.Yes])
	}
	return strings.Join(all, ", ")
}

// outcomeOfVote is what a vote comes to: a refusal, or what the run is then and who has voted.
type outcomeOfVote struct {
	code       fault.Code
	says, next string // RUN stands for the id

	status run.Status
	reason run.Reason
	voters string
}

func refusal(code fault.Code, says, next string) outcomeOfVote {
	return outcomeOfVote{code: code, says: says, next: next}
}

// Of every status, what comes of a yes, of a no and of a withdrawal. What is refused changes
// nothing. A status that is new must be written here, too.
func TestVotesInEveryStatus(t *testing.T) {
	ended := func(s run.Status) [3]outcomeOfVote {
		o := refusal(fault.Conflict, "run RUN has ended: it is "+string(s), "tfops show RUN")
		return [3]outcomeOfVote{o, o, o}
	}
	early := func(s run.Status) [3]outcomeOfVote {
		o := refusal(fault.Conflict, "run RUN is "+string(s)+": there is nothing to vote on", "tfops wait RUN")
		return [3]outcomeOfVote{o, o, o}
	}
	rejected := outcomeOfVote{status: run.Discarded, reason: run.Rejected, voters: "li yes, eva no"}
	want := map[run.Status][3]outcomeOfVote{ // eva's yes, eva's no, and li's yes taken back
		run.Pending:            early(run.Pending),
		run.Planning:           early(run.Planning),
		run.Applying:           early(run.Applying),
		run.Interrupted:        early(run.Interrupted),
		run.PlannedAndFinished: ended(run.PlannedAndFinished),
		run.PolicyFailed:       ended(run.PolicyFailed),
		run.Applied:            ended(run.Applied),
		run.Errored:            ended(run.Errored),
		run.Discarded:          ended(run.Discarded),
		run.Canceled:           ended(run.Canceled),
		run.AwaitingApproval: {{status: run.ApplyQueued, voters: "li yes, eva yes"}, rejected,
			{status: run.AwaitingApproval, voters: ""}},
		run.ApplyQueued: {
			refusal(fault.Conflict, "run RUN has every approval that it needs already", "tfops show RUN"),
			rejected,
			{status: run.AwaitingApproval, voters: ""},
		},
	}
	if len(want) != len(run.Statuses) {
		t.Errorf("%d statuses are known here, and there are %d", len(want), len(run.Statuses))
	}
	for _, s := range run.Statuses {
		of, known := want[s]
		if !known {
			t.Errorf("nothing is said of votes on a run that is %s", s)
			continue
		}
		for i, act := range []string{"yes", "no", "withdraw"} {
			t.Run(string(s)+"/"+act, func(t *testing.T) {
				rule := twoPeople
				if s == run.ApplyQueued {
					rule.Require = 1 // li's
				}
				bubble(t, func(t *testing.T, g *rig) { g.votes(s, act, of[i]) }, define("a", ruled(rule)))
			})
		}
	}
}

// votes has eva vote on a run of a status, or li take the yes back.
func (g *rig) votes(s run.Status, act string, want outcomeOfVote) {
	g.t.Helper()
	r := g.halted()
	ctx := g.t.Context()
	if _, err := g.store.Change(ctx, r.ID, func(d *run.Tx) error {
		d.Run.Status = s
		d.Votes = []approvals.Vote{{Run: r.ID, Digest: r.Plan.Digest, Commit: r.Commit.SHA, Voter: "li", Yes: true}}
		return nil
	}); err != nil {
		g.t.Fatal(err)
	}
	before, may := g.stored(r.ID), g.engine.MayApprove(ctx, eva, r.ID)
	if g.stored(r.ID) != before {
		g.t.Error("asking who may vote has changed something")
	}
	var err error
	if act == "withdraw" {
		_, err = g.engine.Withdraw(ctx, li, r.ID)
	} else {
		err = g.vote(eva, r, act == "yes")
	}
	if want.code != "" {
		in := strings.NewReplacer("RUN", r.ID)
		g.wantRefused(err, want.code, in.Replace(want.says), in.Replace(want.next))
		if got := g.stored(r.ID); got != before {
			g.t.Errorf("it was refused; the store had\n%s\nand has\n%s", before, got)
		}
		if act == "yes" && s != run.ApplyQueued && (may == nil || may.Error() != err.Error()) {
			g.t.Errorf("a yes is refused with %v, and of eva it is said: %v", err, may)
		}
		return
	}
	if got := g.get(r.ID); err != nil || got.Status != want.status || got.Reason != want.reason ||
		g.voters(r.ID) != want.voters {
		g.t.Errorf("%v: it is %s (%s) with votes %q; want %s (%s), %q", err, got.Status, got.Reason, g.voters(r.ID),
			want.status, want.reason, want.voters)
	}
	if may != nil {
		g.t.Errorf("eva could not have voted: %v", may)
	}
	audits, err := g.store.Audits(ctx, 0)
	action := map[string]string{"yes": "approve", "no": "reject", "withdraw": "withdraw"}[act]
	if err != nil || len(audits) != 1 || audits[0].Action != action || audits[0].Run != r.ID {
		g.t.Errorf("the audit log has %+v, %v", audits, err)
	}
}

// Who may approve, and why not: the same is said when it is asked as when it is tried, and
// asking changes nothing.
func TestMayApprove(t *testing.T) {
	person := func(name string) access.Actor { return access.Actor{Name: name, Via: "socket"} }
	platform := approvals.Rule{Name: "platform", From: []string{"group:platform", "user:eva"}}
	declared := approvals.People{Groups: map[string][]string{"platform": {"li"}}}
	mapped := approvals.People{Emails: map[string][]string{"ann": {"ANA@example.com"}, "li": {"li@example.com"}}}
	for name, c := range map[string]struct {
		rules      []approvals.Rule
		people     approvals.People
		who        string
		then       func(*rig, run.Run) // what happens before they are asked
		code       fault.Code
		says, next string
	}{
		"anybody confirms":    {who: "bob"},
		"the author confirms": {who: "ana"},
		"somebody else":       {rules: []approvals.Rule{twoPeople}, who: "bob"},
		"the author, by name": {rules: []approvals.Rule{twoPeople}, who: "Ana",
			code: fault.Forbidden, says: `Ana cannot approve this plan: Ana wrote the commit (rule "two")`,
			next: "tfops show RUN"},
		"the author, by email": {rules: []approvals.Rule{twoPeople}, people: mapped, who: "ann",
			code: fault.Forbidden, says: `ann wrote the commit (rule "two")`, next: "tfops show RUN"},
		"beside a declared author": {rules: []approvals.Rule{twoPeople}, people: mapped, who: "li"},
		"beside an author whom nobody is": {rules: []approvals.Rule{twoPeople},
			people: approvals.People{Emails: map[string][]string{"li": {"li@example.com"}}}, who: "li",
			code: fault.Forbidden, says: "ana@example.com is the email of no declared user", next: "tfops show RUN"},
		"the author, where authors are let": {rules: []approvals.Rule{{Name: "any", AllowAuthor: true}}, who: "ana"},
		"a member of the group":             {rules: []approvals.Rule{platform}, people: declared, who: "li"},
		"a user who is named":               {rules: []approvals.Rule{platform}, people: declared, who: "eva"},
		"a user who is not": {rules: []approvals.Rule{platform}, people: declared, who: "bob",
			code: fault.Forbidden,
			says: `rule "platform" takes approvals of group:platform or user:eva only`, next: "tfops show RUN"},
		"under the other rule": {rules: []approvals.Rule{platform, twoPeople}, people: declared, who: "bob"},
		"under neither rule": {rules: []approvals.Rule{platform, twoPeople}, people: declared, who: "ana",
			code: fault.Forbidden, says: `only; ana wrote the commit (rule "two")`, next: "tfops show RUN"},
		"who has approved": {rules: []approvals.Rule{twoPeople}, who: "bob",
			then: func(g *rig, r run.Run) { g.approve(person("bob"), r) },
			code: fault.Conflict, says: "bob has approved this plan already: one person counts once",
			next: "tfops show RUN"},
		"after somebody else": {rules: []approvals.Rule{twoPeople}, who: "bob",
			then: func(g *rig, r run.Run) { g.approve(li, r) }},
		"too late": {who: "bob",
			then: func(g *rig, _ run.Run) { g.pass(25 * time.Hour) },
			code: fault.Conflict, says: "the plan of run RUN expired at ", next: "tfops sync a"},
		"where the workspace is gone": {who: "bob",
			then: func(g *rig, _ run.Run) { g.configure(define("b")) },
			code: fault.Conflict, says: "workspace a is not in the configuration any more", next: "tfops validate"},
		"where nothing may be applied by now": {who: "bob",
			then: func(g *rig, _ run.Run) { g.configure(define("a", never)) },
			code: fault.Conflict, says: `the workspace has apply = "never": its plans are not applied`},
		"under a rule that was written just now": {who: "ana",
			then: func(g *rig, _ run.Run) { g.configure(define("a", ruled(twoPeople))) },
			code: fault.Forbidden, says: "ana wrote the commit", next: "tfops show RUN"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, g *rig) {
				g.adjust = func(s *settings.Settings) { s.People = c.people }
				if err := g.engine.Configure(t.Context(), g.settings(define("a", ruled(c.rules...)))); err != nil {
					t.Fatal(err)
				}
				r := g.halted()
				if c.then != nil {
					c.then(g, r)
				}
				g.mayApprove(person(c.who), r, c.code, c.says, c.next)
			}, define("a"))
		})
	}
	t.Run("who asked for the run", func(t *testing.T) {
		bubble(t, func(t *testing.T, g *rig) {
			g.start()
			g.commit("a/main.tf")
			r, err := g.engine.Start(t.Context(), person("bob"), acts.Order{Workspace: "a", Kind: run.Sync})
			if err != nil {
				t.Fatal(err)
			}
			g.settle()
			g.halt()
			r = g.get(r.ID)
			g.mayApprove(person("bob"), r, fault.Forbidden, `bob asked for the run (rule "two")`, "tfops show RUN")
			g.mayApprove(li, r, "", "", "")
		}, define("a", ruled(twoPeople)))
	})
	t.Run("a run that nobody knows", func(t *testing.T) {
		bubble(t, func(t *testing.T, g *rig) {
			g.wantRefused(g.engine.MayApprove(t.Context(), li, "nope"), fault.NotFound, "nope", "tfops runs")
		}, define("a"))
	})
}

// mayApprove asserts what is said of a person's yes, and that the same comes of it.
func (g *rig) mayApprove(a access.Actor, r run.Run, code fault.Code, says, next string) {
	g.t.Helper()
	before := g.stored(r.ID)
	err := g.engine.MayApprove(g.t.Context(), a, r.ID)
	if got := g.stored(r.ID); got != before {
		g.t.Errorf("asking has changed something: the store had\n%s\nand has\n%s", before, got)
	}
	voted := g.vote(a, r, true)
	if code == "" {
		if err != nil || voted != nil || !strings.Contains(g.voters(r.ID), a.Name+" yes") {
			g.t.Errorf("%v, and the vote %v; voters %q", err, voted, g.voters(r.ID))
		}
		return
	}
	in := strings.NewReplacer("RUN", r.ID)
	g.wantRefused(err, code, in.Replace(says), in.Replace(next))
	if err == nil || voted == nil || voted.Error() != err.Error() || fault.Next(voted) != fault.Next(err) ||
		g.stored(r.ID) != before {
		g.t.Errorf("it was said %v, and the vote came to %v", err, voted)
	}
}
