package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/term/show"
	"github.com/tfops/tfops/internal/usage"
)

func newLocksCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "locks",
		Short: "List holds on states, and who waits for them",
		Long: `List the locks: which state is held, by which run or person, since when and why,
and which runs wait for it, the next one first.

Below them are the locks in backends that runs met: who holds each, as far as
the backend says, its ID, the run that met it, and what to do. One is listed
until a run of the workspace has had the lock itself.`,
		Example: `  tfops locks
  tfops locks -o json`,
		Args: usage.Takes(),
		RunE: asks(a, (*api.Client).Locks, show.Locks),
	}
}

func newLockCommand(a *app) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:   "lock WORKSPACE",
		Short: "Hold a workspace's state: applies wait",
		Long: `Hold the state of a workspace, with a reason that others see, for work that you
do on it by hand. All applies wait until it is given up, those that you approve
yourself as well, and those of every workspace that shares the state; plans and
drift checks go on.`,
		Example: `  tfops lock network-prod -m "moving subnets by hand until 16:00"`,
	}
	reasonNeeded(cmd, &reason, "say `WHY`: needed, and kept with the decision")
	return ofWorkspace(a, cmd, func(ctx context.Context, c *api.Client, name string) (api.Workspace, error) {
		return c.Lock(ctx, name, reason)
	}, show.Locked)
}

func newUnlockCommand(a *app) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:   "unlock WORKSPACE",
		Short: "Give up a hold on a workspace's state",
		Long: `Give up a person's hold on the state of a workspace. For somebody else's a reason
is needed, and recorded. A run's hold ends with the run: see "tfops cancel" and
"tfops resolve".`,
		Example: `  tfops unlock network-prod
  tfops unlock network-prod -m "li is on holiday, the work is done"`,
	}
	usage.ReasonFlag(cmd, &reason, "say `WHY`: needed for another person's hold, and kept with the decision")
	return ofWorkspace(a, cmd, func(ctx context.Context, c *api.Client, name string) (api.Workspace, error) {
		return c.Unlock(ctx, name, reason)
	}, show.Unlocked)
}
