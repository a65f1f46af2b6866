package main

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/api/lookup"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/term/show"
	"github.com/tfops/tfops/internal/usage"
)

var driftWords = []string{"none", "drifted", "unknown"}

// fleetFilter selects workspaces.
type fleetFilter struct {
	labels []string // "key=value", all must hold
	sync   string
	drift  string
}

func newStatusCommand(a *app) *cobra.Command {
	var f fleetFilter
	cmd := &cobra.Command{
		Use:   "status [WORKSPACE]",
		Short: "Show the fleet, or one workspace",
		Long: `Show the fleet: how far each workspace is from what Git says, what is known of
its drift, and what it waits for. Repositories that cannot be read, a
configuration that is not in force, workspaces that it has no more though what
they applied is still there, and notifications that do not arrive are named above
it. With a WORKSPACE, show all about that one, and the command that moves it
on.

SYNC is synced, pending (a run is on its way), out_of_sync (not applied and
nothing is on its way), errored, unknown or orphaned (what a workspaces block
made it of is gone); DRIFT is none, drifted or unknown
(never checked, or the last check failed).`,
		Example: `  tfops status
  tfops status network-prod
  tfops status --label team=network --sync errored
  tfops status -o json`,
		Args:              usage.TakesUpTo(1),
		ValidArgsFunction: a.completeOne(workspaceNames),
		PreRunE:           func(*cobra.Command, []string) error { return f.check() },
		RunE: a.talks(func(ctx context.Context, c *api.Client, args []string) error {
			if len(args) == 0 {
				return a.fleet(ctx, c, f)
			}
			if f.given() {
				return fault.New(fault.Invalid, "leave out the filters or the workspace",
					"filters are for the whole fleet")
			}
			w, err := c.Workspace(ctx, args[0])
			return printed(a, w, lookup.Workspace(ctx, c, args[0], err), show.Workspace)
		}),
	}
	cmd.Flags().StringArrayVar(&f.labels, "label", nil,
		"only workspaces with this label, `KEY=VALUE`; repeat it for more, all must hold")
	cmd.Flags().StringVar(&f.sync, "sync", "", "only workspaces whose sync is `STATUS`: "+strings.Join(show.SyncWords,
		", "))
	cmd.Flags().StringVar(&f.drift, "drift", "", "only workspaces whose drift is `STATUS`: "+strings.Join(driftWords,
		", "))
	_ = cmd.RegisterFlagCompletionFunc("sync", usage.Words(show.SyncWords))
	_ = cmd.RegisterFlagCompletionFunc("drift", usage.Words(driftWords))
	_ = cmd.RegisterFlagCompletionFunc("label", a.complete(labels))
	return cmd
}

func (f fleetFilter) given() bool { return len(f.labels) > 0 || f.sync != "" || f.drift != "" }

func (f fleetFilter) check() error {
	if err := usage.OneOf("sync", f.sync, show.SyncWords); err != nil {
		return err
	}
	for _, l := range f.labels {
		if k, _, ok := strings.Cut(l, "="); !ok || k == "" {
			return fault.New(fault.Invalid, "write --label KEY=VALUE", "--label %q has no value", l)
		}
	}
	return usage.OneOf("drift", f.drift, driftWords)
}

func (f fleetFilter) matches(w api.Workspace) bool {
	for _, l := range f.labels {
		key, value, _ := strings.Cut(l, "=")
		if have, ok := w.Labels[key]; !ok || have != value {
			return false
		}
	}
	return (f.sync == "" || f.sync == w.Sync) && (f.drift == "" || f.drift == w.Drift)
}

func (a *app) fleet(ctx context.Context, c *api.Client, f fleetFilter) error {
	s, err := c.Status(ctx)
	if err != nil {
		return err
	}
	all := len(s.Workspaces)
	s.Workspaces = slices.DeleteFunc(s.Workspaces, func(w api.Workspace) bool { return !f.matches(w) })
	return a.print(s, func() { show.Fleet(a.term(), s, all) })
}
