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
		Short: "Follow a run until it ends or needs a person",
		Long: `Follow a run until it ends or needs a person: for an approval, after an
interrupted apply, or for anything else that only a person moves on. What happens
to it is told on stderr. Ctrl-C stops the waiting, not the run.

` + waitExitHelp,
		Example: `  tfops wait 0k1v8m3pq4rs
  tfops wait 0k1v8m3pq4rs --timeout 10m -o json`,
		Args:              takes("RUN"),
		ValidArgsFunction: a.completeOne(a.runIDs(activeStatuses...)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkTimeout(cmd, timeout, true); err != nil {
				return err
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			return a.onRun(cmd.Context(), c, args[0], func(id string) error { return a.wait(cmd.Context(), c, id, timeout) })
		},
	}
	timeoutFlag(cmd, &timeout)
	return cmd
}

func timeoutFlag(cmd *cobra.Command, into *time.Duration) {
	cmd.Flags().DurationVar(into, "timeout", 0, "give up waiting after this `TIME`, e.g. 10m; 0 waits as long as it takes")
	_ = cmd.RegisterFlagCompletionFunc("timeout", cobra.NoFileCompletions)
}

// checkTimeout refuses a --timeout that makes no sense.
func checkTimeout(cmd *cobra.Command, timeout time.Duration, waits bool) error {
	switch {
	case timeout < 0:
		return fault.New(fault.Invalid, "write it as 90s, 10m or 2h", "--timeout %s is below zero", timeout)
	case !waits && cmd.Flags().Changed("timeout"):
		return fault.New(fault.Invalid, "add --wait, or leave out --timeout", "--timeout is for waiting, and nothing is waited for")
	}
	return nil
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
	return asEnded(outcome(r))
}
