package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/fault"
)

func newWaitCommand(a *app) *cobra.Command {
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "wait RUN",
		Short: "Wait until a run needs somebody or has ended",
		Long: `Wait until a run awaits approval, was interrupted or has ended, and tell on
stderr what happens to it in the meantime. Ctrl-C stops the waiting, not the
run.

` + exitHelp,
		Example: `  tfops wait 0k1v8m3pq4rs
  tfops wait 0k1v8m3pq4rs --timeout 10m -o json`,
		Args:              takes("RUN"),
		ValidArgsFunction: a.completeOne(a.runIDs(activeStatuses...)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if timeout < 0 {
				return fault.New(fault.Invalid, "write it as 90s, 10m or 2h", "--timeout %s is below zero", timeout)
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			return a.wait(cmd.Context(), c, args[0], timeout)
		},
	}
	cmd.Flags().DurationVar(&timeout, "timeout", 0, "give up after this `TIME`, e.g. 10m; 0 waits as long as it takes")
	_ = cmd.RegisterFlagCompletionFunc("timeout", cobra.NoFileCompletions)
	return cmd
}

func (a *app) wait(ctx context.Context, c *api.Client, id string, timeout time.Duration) error {
	waiting, cancel := ctx, context.CancelFunc(func() {})
	if timeout > 0 {
		waiting, cancel = context.WithTimeout(ctx, timeout)
	}
	defer cancel()
	r, err := a.await(waiting, c, id)
	if err != nil && ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		return fault.New(fault.Unavailable, "go on waiting: tfops wait "+id, "run %s neither needs anybody nor has ended after %s", id, timeout)
	}
	if err != nil {
		return err
	}
	if err := a.print(r, func() { a.tellOutcome(r) }); err != nil {
		return err
	}
	return asEnded(outcome(r))
}
