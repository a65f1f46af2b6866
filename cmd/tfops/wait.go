package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/api/lookup"
	"github.com/tfops/tfops/internal/exit"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/usage"
)

func newWaitCommand(a *app) *cobra.Command {
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "wait RUN",
		Short: "Follow a run until it ends or needs a person",
		Long: `Follow a run until it ends or needs a person: for an approval, after an
interrupted apply, or for anything else that only a person moves on. What happens
to it is told on stderr. Ctrl-C stops the waiting, not the run.

` + waitExitHelp,
		Example: `  tfops wait 0k1v8m3pq4rs
  tfops wait 0k1v8m3pq4rs --timeout 10m -o json`,
		Args:              usage.Takes("RUN"),
		ValidArgsFunction: a.completeOne(a.runIDs(activeStatuses...)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := usage.CheckTimeout(cmd, timeout, true); err != nil {
				return err
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			return lookup.Run(cmd.Context(), c, args[0], func(id string) error { return a.wait(cmd.Context(), c, id, timeout) })
		},
	}
	usage.TimeoutFlag(cmd, &timeout)
	return cmd
}

// within limits waiting to a time; 0 is as long as it takes.
func within(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	if timeout > 0 {
		return context.WithTimeout(ctx, timeout)
	}
	return ctx, func() {}
}

// awaitTold awaits a run for a time at most, and tells on stderr of everything
// that happens to it.
func (a *app) awaitTold(ctx context.Context, c *api.Client, id string, timeout time.Duration) (api.Run, error) {
	waiting, cancel := within(ctx, timeout)
	defer cancel()
	p := progress{app: a}
	r, err := a.await(waiting, c, id, p.tell)
	return r, gaveUp(ctx, err, id, timeout)
}

// gaveUp makes a fault of the end of --timeout, and leaves every other error.
func gaveUp(ctx context.Context, err error, id string, timeout time.Duration) error {
	if err == nil || ctx.Err() != nil || timeout == 0 || !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fault.New(fault.Unavailable, "go on waiting: tfops wait "+id, "run %s neither needs anybody nor has ended after %s", id, timeout)
}

func (a *app) wait(ctx context.Context, c *api.Client, id string, timeout time.Duration) error {
	r, err := a.awaitTold(ctx, c, id, timeout)
	if err != nil {
		return err
	}
	if err := a.print(r, func() { a.tellOutcome(r) }); err != nil {
		return err
	}
	return exit.With(outcome(r))
}
