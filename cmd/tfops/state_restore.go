package main

import (
	"context"
	"errors"
	"os/user"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/tfops/tfops/internal/access"
	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/api/lookup"
	"github.com/tfops/tfops/internal/artifacts"
	"github.com/tfops/tfops/internal/engine/managed"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/seal"
	"github.com/tfops/tfops/internal/store"
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
		ValidArgsFunction: a.completeOne(a.workspaceNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			if in.Empty && in.Snapshot != "" {
				return fault.New(fault.Invalid, "leave one of them out", "--empty and --snapshot exclude each other")
			}
			if in.Empty {
				if err := usage.NeedReason(cmd, args, in.Reason); err != nil {
					return err
				}
			}
			if !yes {
				name := args[0]
				if err := a.askName(cmd.Context(), name, "To restore the state of workspace "+name+", type its name:", "tfops state restore "+name+" --yes"); err != nil {
					return err
				}
			}
			return a.restoreState(cmd.Context(), args[0], in)
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
		var offlineErr error
		if out, offlineErr = a.restoreOffline(ctx, name, in); errors.Is(offlineErr, errDaemonRuns) {
			return err
		}
		err = offlineErr
	} else if err != nil {
		return lookup.Workspace(ctx, c, name, err)
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
		a.term().Printf("Restored the state of workspace %s from snapshot %s: serial %d, %s.", name, out.Snapshot, out.Serial, show.Counted(out.Resources, "resource"))
	}
	if out.Kept != "" {
		a.term().Notef("What was there is kept in %s.", out.Kept)
	}
	if out.Behind != "" {
		a.term().Warning("The next plan waits for a person: "+out.Behind, "")
	}
	a.term().Notef("It is planned next: tfops status %s", name)
}

// errDaemonRuns says that the data directory is in use.
var errDaemonRuns = errors.New("a daemon holds the data directory")

// restoreOffline restores while no daemon runs.
func (a *app) restoreOffline(ctx context.Context, name string, in api.RestoreState) (api.RestoredState, error) {
	dir, err := a.dataDir()
	if err != nil {
		return api.RestoredState{}, err
	}
	lock, err := lockDataDir(dir)
	if err != nil {
		return api.RestoredState{}, errors.Join(errDaemonRuns, err)
	}
	defer lock.Close()
	key, err := seal.Load(filepath.Join(dir, "key"))
	if err != nil {
		return api.RestoredState{}, err
	}
	s, err := store.Open(filepath.Join(dir, "tfops.db"), store.Options{})
	if err != nil {
		return api.RestoredState{}, err
	}
	defer s.Close()
	who := "unknown"
	if u, err := user.Current(); err == nil {
		who = u.Username
	}
	r, err := managed.Restorer{Store: s, States: managed.States{Files: artifacts.Open(dir), Vault: key}}.Restore(ctx, access.Actor{Name: who, Via: "offline"}, name,
		managed.Restoration{Snapshot: in.Snapshot, Empty: in.Empty, Reason: in.Reason})
	return api.RestoredState{Snapshot: r.Snapshot, Serial: r.Serial, Resources: r.Resources, Kept: r.Kept, Behind: r.Behind}, err
}
