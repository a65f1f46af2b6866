package wire

import (
	"testing"

	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/run"
)

func TestOnlyVotesOnThePresentPlanAreShown(t *testing.T) {
	votes := []approvals.Vote{{Voter: "ana", Digest: "old"}, {Voter: "li", Digest: "new"}}
	if got := votesOn(run.Run{Plan: &run.PlanSummary{Digest: "new"}}, votes); len(got) != 1 || got[0].Voter != "li" {
		t.Errorf("got %+v", got)
	}
	if got := votesOn(run.Run{}, votes); got == nil || len(got) != 0 {
		t.Errorf("without a plan: %#v", got)
	}
}
