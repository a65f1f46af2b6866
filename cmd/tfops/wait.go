package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/exit"
	"github.com/tfops/tfops/internal/follow"
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
		PreRunE: func(cmd *cobra.Command, _ []string) error { return usage.CheckTimeout(cmd, timeout, true) },
	}
	usage.TimeoutFlag(cmd, &timeout)
	return a.ofRun(cmd, func(ctx context.Context, c *api.Client, id string) error {
		r, err := follow.Told(ctx, a.term(), c, id, timeout)
		if err := printed(a, r, err, follow.Ending); err != nil {
			return err
		}
		return exit.With(follow.Outcome(r))
	}, activeStatuses...)
}
