package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/api/lookup"
	"github.com/tfops/tfops/internal/exit"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/term"
	"github.com/tfops/tfops/internal/usage"
)

func newStateCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "state",
		Short: "Move, import or restore a workspace's state",
		Long: `What can be done about a state that moved, is somewhere else or was lost. tfops
remembers which state a workspace was applied to, and of one that it keeps, which
version. A run that stands on another one waits for a person, and says why.`,
		Example: `  tfops state move network-prod
  tfops state import network-prod network.tfstate
  tfops state restore network-prod`,
		Args: usage.NoCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newStateMoveCommand(a), newStateImportCommand(a), newStateRestoreCommand(a))
	return cmd
}

func newStateMoveCommand(a *app) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "move WORKSPACE",
		Short: "Copy the state to where the configuration wants it",
		Long: `Copy the state of a workspace from where it was applied to where its
configuration wants it now: out of a backend or of tfops into another backend, or
back. The old state is read with the code of the applied commit, the new one
written with the newest commit's, under the locks of both. A state there that
holds resources of another lineage is not overwritten. Both are read again
afterwards, a plan is made on the new one, and the old one is kept as it is.
Then a sync follows.

On a terminal the workspace's name is asked back. Without one, --yes is needed.

` + planExitHelp,
		Example: `  tfops state move network-prod --wait
  tfops state move network-prod --yes`,
	}
	a.takesWorkspace(cmd)
	cmd.Flags().BoolVar(&yes, "yes", false, "move it without asking")
	w := waitFlags(cmd, "follow the run, print the plan, and exit by its outcome")
	cmd.RunE = a.talks(func(ctx context.Context, c *api.Client, args []string) error {
		name := args[0]
		if err := a.askName(ctx, yes, "move the", name, "tfops state move "+name+" --yes"); err != nil {
			return err
		}
		r, err := c.MoveState(ctx, name)
		return a.goOn(ctx, c, r, lookup.Workspace(ctx, c, name, err), w)
	})
	return cmd
}

// askName has a person type the name of the workspace whose state something is done to,
// unless --yes was given; instead is the command that does without.
func (a *app) askName(ctx context.Context, yes bool, do, name, instead string) error {
	if yes {
		return nil
	}
	given, err := a.term().Ask(ctx, "To "+do+" state of workspace "+name+", type its name:", instead)
	switch {
	case ctx.Err() != nil:
		return exit.With(exit.Signal)
	case errors.Is(err, term.ErrNoAnswer):
		return exit.With(exit.Failed)
	case err != nil:
		return err
	case given != name:
		return fault.New(fault.Conflict, instead, "that is not the name of the workspace: nothing was done")
	}
	return nil
}
