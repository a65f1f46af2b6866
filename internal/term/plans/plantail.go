package plans

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/plan/diff"
	"github.com/tfops/tfops/internal/term/page"
)

// deferred lists what the engine puts off to a later plan.
func (s *sheet) deferred(pl *plan.Plan) {
	if len(pl.Deferred) == 0 {
		return
	}
	s.linef("\n%s This is a partial plan: the following can only be planned after it was applied.",
		s.Paint(page.Bold, "Note:"))
	for _, c := range pl.Deferred {
		s.linef("  # %s is deferred (%s)", page.CleanLine(c.Address),
			page.CleanLine(strings.ReplaceAll(cmp.Or(c.Reason, "unknown"), "_", " ")))
	}
}

func (s *sheet) invocations(pl *plan.Plan) {
	if len(pl.Invocations) == 0 {
		return
	}
	s.linef("\nProvider actions that will be invoked:")
	for _, v := range pl.Invocations {
		line := "  # " + page.CleanLine(v.Address)
		if v.Trigger != "" {
			line += " (triggered by " + page.CleanLine(v.Trigger) + ")"
		}
		s.linef("%s", line)
	}
}

// summary is the line that counts. As the engine does, it counts a
// replacement as one to add and one to destroy.
func (s *sheet) summary(pl *plan.Plan) {
	c := pl.Counts
	if len(pl.Changes) == 0 || pl.Errored {
		return
	}
	line := s.Paint(page.Bold, "Plan:") + " "
	if c.Import > 0 {
		line += fmt.Sprintf("%d to import, ", c.Import)
	}
	line += fmt.Sprintf("%d to add, %d to change, %d to destroy", c.Add+c.Replace, c.Change, c.Delete+c.Replace)
	if c.Forget > 0 {
		line += fmt.Sprintf(", %d to forget", c.Forget)
	}
	s.linef("\n%s.", line)
}

func (s *sheet) outputs(pl *plan.Plan, engine string) {
	if len(pl.Outputs) == 0 {
		return
	}
	s.linef("\nChanges to Outputs:")
	list, width := make([]diff.Attr, len(pl.Outputs)), 0
	for i, o := range pl.Outputs {
		list[i] = diff.OfOutput(o)
		width = max(width, len(attributeName(list[i])))
	}
	for _, a := range list {
		s.linef("%s%-*s = %s", s.at(0, marks[a.Kind]), width, attributeName(a), s.value(0, a, look{}))
	}
	if !slices.ContainsFunc(pl.Changes, func(c plan.Change) bool { return c.Action != plan.NoOp }) {
		s.linef("")
		s.prose("You can apply this plan to save these new output values to the " + strings.TrimSpace(engine+" state") +
			", without changing any real infrastructure.")
	}
}

// checks lists the checks that do not pass.
func (s *sheet) checks(pl *plan.Plan) {
	for _, c := range pl.Checks {
		switch c.Status {
		case "fail":
			s.linef("\n%s %s failed", s.Paint(page.YellowBold, "Check:"), page.CleanLine(c.Address))
		case "error":
			s.linef("\n%s %s could not be evaluated", s.Paint(page.RedBold, "Check:"), page.CleanLine(c.Address))
		default:
			continue
		}
		for _, p := range c.Problems {
			for l := range strings.SplitSeq(strings.TrimRight(page.CleanText(p), "\n"), "\n") {
				s.linef("  %s", l)
			}
		}
	}
}

func (s *sheet) incomplete(pl *plan.Plan) {
	if !pl.Complete && !pl.Errored {
		s.linef("\n%s The plan is not complete: another plan will be needed after it was applied.",
			s.Paint(page.YellowBold, "Note:"))
	}
}
