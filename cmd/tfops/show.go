package main

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/spf13/cobra"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/term/document"
	"github.com/tfops/tfops/internal/term/show"
)

func newShowCommand(a *app) *cobra.Command {
	var events bool
	cmd := &cobra.Command{
		Use:   "show RUN",
		Short: "Show a run with its plan and approvals",
		Long: `Show a run: what it is about, where it stands, who approved and what is missing,
why it failed, and its plan as Terraform prints plans. Sensitive values are
never in it.

With -o json or yaml, it is the run with the whole plan under "changes"; that
key is absent as long as there is no plan.`,
		Example: `  tfops show 0k1v8m3pq4rs
  tfops show 0k1v8m3pq4rs -o json | jq '.changes.changes[].address'`,
	}
	cmd.Flags().BoolVar(&events, "events", false, "show everything that happened to the run as well")
	return a.ofRun(cmd, func(ctx context.Context, c *api.Client, id string) error { return a.show(ctx, c, id, events) })
}

func (a *app) show(ctx context.Context, c *api.Client, id string, events bool) error {
	r, err := c.Run(ctx, id)
	if err != nil {
		return err
	}
	s, err := a.withPlan(ctx, c, r)
	if err != nil {
		return err
	}
	pl, err := s.plan()
	if err != nil && a.output == document.Table {
		return err
	}
	return a.print(s, func() { show.Run(a.term(), s.Run, pl, events) })
}

// shown is a run with its whole plan.
type shown struct {
	api.Run
	Changes json.RawMessage `json:"changes,omitempty"`
}

// withPlan adds the whole plan to a run that has one.
func (a *app) withPlan(ctx context.Context, c *api.Client, r api.Run) (shown, error) {
	if r.Plan == nil {
		return shown{Run: r}, nil
	}
	p, err := c.Plan(ctx, r.ID)
	if fault.Is(err, fault.NotFound) { // the run remembers a plan whose file is gone
		a.term().Warning(err.Error(), fault.Next(err))
		return shown{Run: r}, nil
	}
	return shown{Run: r, Changes: p}, err
}

// plan is the plan to be printed; nil when there is none.
func (s shown) plan() (*plan.Plan, error) {
	if s.Changes == nil {
		return nil, nil
	}
	var p plan.Plan
	err := json.Unmarshal(s.Changes, &p)
	var f *fault.Error
	if err != nil && !errors.As(err, &f) {
		err = fault.New(fault.Internal, "see it as it is: tfops show "+s.ID+" -o json",
			"the plan of run %s cannot be read: %w", s.ID, err)
	}
	return &p, err
}
