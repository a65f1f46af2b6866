package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/api/lookup"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/offline"
	"github.com/tfops/tfops/internal/term/show"
	"github.com/tfops/tfops/internal/usage"
)

func newStateRestoreCommand(a *app) *cobra.Command {
	var in api.RestoreState
	var yes bool
	cmd := &cobra.Command{
		Use:   "restore WORKSPACE",
		Short: "Put a snapshot in the place of a managed state",
		Long: `Restore the state that tfops keeps of a workspace, from the newest snapshot that
is whole or from the one that --snapshot names. What is there now is kept
beside it. Then the workspace is planned. A snapshot that is older than what was
applied does not hold all of it: that plan waits for a person, whatever apply
says.

With --empty, begin with nothing: what was applied is given up, for a reason that
is kept, and the plan waits for a person.

While no daemon runs it works on the data directory itself; the next daemon plans.
On a terminal the workspace's name is asked back. Without one, --yes is needed.`,
		Example: `  tfops state restore network-prod
  tfops state restore network-prod --snapshot 00000007-0k1v8m3pq4rs.tfstate.age --yes
  tfops state restore sandbox --empty -m "all of it was deleted by hand"`,
		Args:              usage.Takes("WORKSPACE"),
		ValidArgsFunction: a.completeOne(workspaceNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			if in.Empty && in.Snapshot != "" {
				return fault.New(fault.Invalid, "leave one of them out", "--empty and --snapshot exclude each other")
			}
			if in.Empty {
				if err := usage.NeedReason(cmd, args, in.Reason); err != nil {
					return err
				}
			}
			name := args[0]
			if err := a.askName(cmd.Context(), yes, "restore the", name,
				"tfops state restore "+name+" --yes"); err != nil {
				return err
			}
			return a.restoreState(cmd.Context(), name, in)
		},
	}
	cmd.Flags().StringVar(&in.Snapshot, "snapshot", "", "`NAME` of the snapshot (default: the newest that is whole)")
	cmd.Flags().BoolVar(&in.Empty, "empty", false, "begin with nothing; needs -m")
	cmd.Flags().BoolVar(&yes, "yes", false, "restore it without asking")
	_ = cmd.RegisterFlagCompletionFunc("snapshot", cobra.NoFileCompletions)
	usage.ReasonFlag(cmd, &in.Reason, "say `WHY`: kept with the decision")
	return cmd
}

func (a *app) restoreState(ctx context.Context, name string, in api.RestoreState) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	out, err := c.RestoreState(ctx, name, in)
	if fault.Is(err, fault.Unavailable) && a.server == "" && a.getenv("TFOPS_SERVER") == "" {
		dir, found := a.dataDir()
		if found != nil {
			return found
		}
		var failed error
		if out, failed = offline.RestoreState(ctx, dir, name, in); errors.Is(failed, offline.ErrDaemonRuns) {
			return err
		}
		err = failed
	} else {
		err = lookup.Workspace(ctx, c, name, err)
	}
	if err != nil {
		return err
	}
	return a.print(out, func() { a.tellRestored(name, out) })
}

func (a *app) tellRestored(name string, out api.RestoredState) {
	if out.Snapshot == "" {
		a.term().Printf("The state of workspace %s begins with nothing.", name)
	} else {
		a.term().Printf("Restored the state of workspace %s from snapshot %s: serial %d, %s.", name, out.Snapshot,
			out.Serial, show.Counted(out.Resources, "resource"))
	}
	if out.Kept != "" {
		a.term().Notef("What was there is kept in %s.", out.Kept)
	}
	if out.Behind != "" {
		a.term().Warning("The next plan waits for a person: "+out.Behind, "")
	}
	a.term().Notef("It is planned next: tfops status %s", name)
}
