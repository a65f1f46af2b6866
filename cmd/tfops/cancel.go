package main

import (
	"github.com/spf13/cobra"

	"github.com/tfops/tfops/internal/api/lookup"
	"github.com/tfops/tfops/internal/usage"
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
		Args:              usage.Takes("RUN"),
		ValidArgsFunction: a.completeOne(a.runIDs("pending", "planning", "awaiting_approval", "apply_queued", "applying")),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			return lookup.Run(cmd.Context(), c, args[0], func(id string) error {
				r, err := c.Cancel(cmd.Context(), id, force)
				if err != nil {
					return err
				}
				return a.print(r, func() { a.tellDecided("Asked for the end", r) })
			})
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "kill the engine; the outcome of an apply is then unknown")
	return cmd
}

func newResolveCommand(a *app) *cobra.Command {
	var found string
	cmd := &cobra.Command{
		Use:   "resolve RUN",
		Short: "Close an interrupted run",
		Long: `Close a run whose apply was interrupted, after you have looked at what it left:
its log, the state, the real world. Say with -m what you found. The lock is
given back and a fresh plan is made, which shows what is still to be done.`,
		Example:           `  tfops resolve 0k1v8m3pq4rs -m "the subnet was made and is in the state, nothing is half-way"`,
		Args:              usage.Takes("RUN"),
		ValidArgsFunction: a.completeOne(a.runIDs("interrupted")),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := usage.NeedReason(cmd, args, found); err != nil {
				return err
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			return lookup.Run(cmd.Context(), c, args[0], func(id string) error {
				r, err := c.Resolve(cmd.Context(), id, found)
				if err != nil {
					return err
				}
				return a.print(r, func() {
					a.term().Printf("Closed run %s; the lock on the state of workspace %s is given back, and a fresh plan was asked for.", r.ID, r.Workspace)
					a.term().Notef("Next: tfops status %s", r.Workspace)
				})
			})
		},
	}
	usage.ReasonFlag(cmd, &found, "say `WHAT` you found: needed, and kept with the run")
	return cmd
}
