package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/api/lookup"
	"github.com/tfops/tfops/internal/term"
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
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			list, err := c.Locks(cmd.Context())
			if err != nil {
				return err
			}
			return a.print(list, func() { a.tellLocks(list) })
		},
	}
}

func (a *app) tellLocks(list []api.Lock) {
	if len(list) == 0 {
		a.term().Notef("Nothing is locked.")
		return
	}
	var rows [][]term.Cell
	for _, l := range list {
		rows = append(rows, term.Cells(l.Workspace, l.Holder, a.ago(&l.Since), l.Reason, strings.Join(l.Waiting, ", "), l.State))
	}
	a.table([]string{"WORKSPACE", "HOLDER", "SINCE", "REASON", "WAITING", "STATE"}, rows)
	for _, l := range list {
		if l.Backend {
			a.term().Notef("%s: %s", l.Workspace, l.Next)
		}
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
		Example:           `  tfops lock network-prod -m "moving subnets by hand until 16:00"`,
		Args:              usage.Takes("WORKSPACE"),
		ValidArgsFunction: a.completeOne(a.workspaceNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := usage.NeedReason(cmd, args, reason); err != nil {
				return err
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			w, err := c.Lock(cmd.Context(), args[0], reason)
			if err != nil {
				return lookup.Workspace(cmd.Context(), c, args[0], err)
			}
			return a.print(w, func() {
				a.term().Printf("Locked the state of workspace %s.", w.Name)
				a.term().Notef("To give it up: tfops unlock %s", w.Name)
			})
		},
	}
	usage.ReasonFlag(cmd, &reason, "say `WHY`: needed, and kept with the decision")
	return cmd
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
		Args:              usage.Takes("WORKSPACE"),
		ValidArgsFunction: a.completeOne(a.workspaceNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			w, err := c.Unlock(cmd.Context(), args[0], reason)
			if err != nil {
				return lookup.Workspace(cmd.Context(), c, args[0], err)
			}
			return a.print(w, func() { a.term().Printf("Unlocked the state of workspace %s.", w.Name) })
		},
	}
	usage.ReasonFlag(cmd, &reason, "say `WHY`: needed for another person's hold, and kept with the decision")
	return cmd
}
