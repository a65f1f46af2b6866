package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/term"
)

// activeStatuses are those of runs that have not ended.
var activeStatuses = []string{"pending", "planning", "awaiting_approval", "apply_queued", "applying", "interrupted"}

func newCancelCommand(a *app) *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "cancel RUN",
		Short: "Stop a run",
		Long: `Stop a run. One that has not begun to apply is canceled at once. A running apply
is asked to stop: the engine finishes what it is at, saves the state and says
how far it came. With --force the engine is killed: what it did is then not
known, the run is interrupted and its state stays locked until somebody has
looked ("tfops resolve").`,
		Example: `  tfops cancel 0k1v8m3pq4rs
  tfops cancel 0k1v8m3pq4rs --force`,
	}
	cmd.Flags().BoolVar(&force, "force", false, "kill the engine; the outcome of an apply is then unknown")
	return a.ofRun(cmd, func(ctx context.Context, c *api.Client, id string) error {
		r, err := c.Cancel(ctx, id, force)
		return printed(a, r, err, func(p *term.Printer, r api.Run) { decided(p, "Asked for the end", r) })
	}, "pending", "planning", "awaiting_approval", "apply_queued", "applying")
}

func newResolveCommand(a *app) *cobra.Command {
	var found string
	cmd := &cobra.Command{
		Use:   "resolve RUN",
		Short: "Close an interrupted run",
		Long: `Close a run whose apply was interrupted, after you have looked at what it left:
its log, the state, the real world. Say with -m what you found. The lock is
given back and a fresh plan is made, which shows what is still to be done.`,
		Example: `  tfops resolve 0k1v8m3pq4rs -m "the subnet was made and is in the state, nothing is half-way"`,
	}
	reasonNeeded(cmd, &found, "say `WHAT` you found: needed, and kept with the run")
	return a.ofRun(cmd, func(ctx context.Context, c *api.Client, id string) error {
		r, err := c.Resolve(ctx, id, found)
		return printed(a, r, err, func(p *term.Printer, r api.Run) {
			p.Printf("Closed run %s; the lock on the state of workspace %s is given back, and a fresh plan was asked "+
				"for.", r.ID, r.Workspace)
			p.Notef("Next: tfops status %s", r.Workspace)
		})
	}, "interrupted")
}
