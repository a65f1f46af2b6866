package server

import (
	"context"
	"testing"

	"github.com/tfops/tfops/internal/access"
	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/testrig"
)

// TestARefusedStartKeepsItsCodeAndNextStep asks for runs that are refused, with the client
// and as curl would.
func TestARefusedStartKeepsItsCodeAndNextStep(t *testing.T) {
	r := newRig(t, []fleet.Definition{define("a"), define("b")})
	waiting := r.awaiting("a")
	r.awaiting("b")
	ballot := api.Ballot{Yes: true, Digest: waiting.Plan.Digest}
	if _, err := r.client.Vote(t.Context(), waiting.ID, ballot); err != nil {
		t.Fatal(err)
	}
	r.until("a", "applied")
	again, err := r.client.StartRun(t.Context(), "a", api.StartRun{Kind: "sync"})
	if err != nil {
		t.Fatal(err)
	}
	r.awaiting("a")
	runs := r.count()
	for _, c := range []struct {
		workspace, body string
		start           api.StartRun
		code            fault.Code
		status          int
		says, next      string
	}{
		{"nope", `{"kind":"sync"}`, api.StartRun{Kind: "sync"}, fault.NotFound, 404, `there is no workspace "nope"`,
			"tfops status"},
		{"a", `{"kind":"sync","ref":"x"}`, api.StartRun{Kind: "sync", Ref: "x"}, fault.Invalid, 422,
			"only a speculative plan can be of another ref than the workspace's branch", "tfops plan a --ref x"},
		{"a", `{"kind":"drift","upgrade":true}`, api.StartRun{Kind: "drift", Upgrade: true}, fault.Invalid, 422,
			"only a plan or a sync can choose provider versions anew", "tfops sync a --upgrade"},
		{"a", `{"kind":"plan","ref":"x"}`, api.StartRun{Kind: "plan", Ref: "x"}, fault.NotFound, 404, "there is no x",
			"push it"},
		{"a", `{"kind":"refresh"}`, api.StartRun{Kind: "refresh"}, fault.Conflict, 409,
			"the state of workspace a is not refreshed while run " + again.ID + " (sync) is on its way: it is " +
				"awaiting approval", "tfops approve " + again.ID},
		{"b", `{"kind":"destroy"}`, api.StartRun{Kind: "destroy"}, fault.Conflict, 409,
			"workspace b has nothing applied that could be destroyed", "tfops status b"},
		{"b", `{"kind":"refresh"}`, api.StartRun{Kind: "refresh"}, fault.Conflict, 409,
			"workspace b has nothing applied, so there is no state to accept anything into", "tfops status b"},
	} {
		_, err := r.client.StartRun(t.Context(), c.workspace, c.start)
		if fault.CodeOf(err) != c.code || err.Error() != c.says || fault.Next(err) != c.next {
			t.Errorf("%s: the client got %v (%s), next %q", c.body, err, fault.CodeOf(err), fault.Next(err))
		}
		resp, b := r.ask("POST", "/api/v1/workspaces/"+c.workspace+"/runs", c.body, "Content-Type", "application/json")
		if p := wantProblem(t, resp, b, c.status, c.code); p.Detail != c.says || p.Next != c.next ||
			resp.Header.Get("Location") != "" {
			t.Errorf("%s: the answer is %s", c.body, b)
		}
	}
	if n := r.count(); n != runs {
		t.Errorf("%d runs were made of what was refused", n-runs)
	}
}

// TestApprovalsThatCannotBeTold asks who may approve where that cannot be found out: that is no
// word on the person.
func TestApprovalsThatCannotBeTold(t *testing.T) {
	r := newRig(t, []fleet.Definition{define("a")}, func(_ *rig, o *Options) {
		o.MayApprove = func(context.Context, access.Actor, string) error {
			return fault.New(fault.Internal, "report it", "the votes cannot be read")
		}
	})
	r.awaiting("a")
	list, err := r.client.Approvals(t.Context())
	testrig.WantFault(t, err, fault.Internal, "the votes cannot be read", "report it")
	if len(list) != 0 {
		t.Errorf("%+v", list)
	}
}
