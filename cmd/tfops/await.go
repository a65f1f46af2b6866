package main

import (
	"context"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/exit"
	"github.com/tfops/tfops/internal/follow"
	"github.com/tfops/tfops/internal/term/document"
)

// conclude prints how a run that was waited for ended: the plan of a
// speculative one, what is missing, or why it failed.
func (a *app) conclude(ctx context.Context, c *api.Client, r api.Run) error {
	result := shown{Run: r}
	if r.Kind == "plan" {
		var err error
		if result, err = a.withPlan(ctx, c, r); err != nil {
			return err
		}
	}
	pl, err := result.plan()
	if err != nil && a.output == document.Table {
		return err
	}
	err = a.print(result, func() {
		if pl != nil {
			a.term().Plan(nil, pl)
		}
		follow.Ending(a.term(), r)
	})
	if err != nil {
		return err
	}
	return exit.With(follow.Outcome(r))
}
