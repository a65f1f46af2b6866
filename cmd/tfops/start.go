package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/api/lookup"
	"github.com/tfops/tfops/internal/follow"
	"github.com/tfops/tfops/internal/term/show"
	"github.com/tfops/tfops/internal/usage"
)

// The commands that ask for a run of one workspace.

func newPlanCommand(a *app) *cobra.Command {
	var o startOptions
	cmd := &cobra.Command{
		Use:   "plan WORKSPACE",
		Short: "Make a speculative plan, which is never applied",
		Long: `Make a speculative plan of a workspace: of its branch as it is now, or of --ref, a
branch, tag or commit of the repository. It is never applied and stands in
nobody's way. Without --wait, print the run's id and return; with it, follow
the run and print the plan.

` + planExitHelp,
		Example: `  tfops plan network-prod --wait
  tfops plan network-prod --ref feature/vpc --wait`,
		Args:              usage.Takes("WORKSPACE"),
		ValidArgsFunction: a.completeOne(a.workspaceNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := usage.CheckTimeout(cmd, o.timeout, o.wait); err != nil {
				return err
			}
			o.kind = "plan"
			return a.start(cmd.Context(), args[0], o)
		},
	}
	cmd.Flags().StringVar(&o.ref, "ref", "", "branch, tag or commit to plan, instead of the workspace's branch")
	debugFlag(cmd, &o.debug)
	cmd.Flags().BoolVar(&o.upgrade, "upgrade", false, upgradeHelp)
	cmd.Flags().BoolVar(&o.wait, "wait", false, "follow the run, print the plan, and exit by its outcome")
	usage.TimeoutFlag(cmd, &o.timeout)
	_ = cmd.RegisterFlagCompletionFunc("ref", cobra.NoFileCompletions)
	return cmd
}

func newSyncCommand(a *app) *cobra.Command {
	var o startOptions
	var refreshOnly bool
	cmd := &cobra.Command{
		Use:   "sync WORKSPACE",
		Short: "Plan now, and apply as the rules allow",
		Long: `Plan a workspace at the newest commit of its branch and apply the plan as its
rules allow: at once, or after the approvals that they ask for. An older run
of the workspace that has not begun to apply is superseded. With --wait, follow
the run until it needs somebody or has ended.

With --refresh-only, accept the world into the state instead: plan the applied
commit with -refresh-only and apply that plan, under the same rules. Nothing in
the world is changed; the state takes over what is there, and a drift check
follows. What the configuration sets still differs from it afterwards: change
the code, or sync to put it back. It is refused while another run that applies
is on its way, and superseded by one that comes before it has begun to apply.

` + syncExitHelp,
		Example: `  tfops sync network-prod
  tfops sync network-prod --wait
  tfops sync network-prod --refresh-only --wait`,
		Args:              usage.Takes("WORKSPACE"),
		ValidArgsFunction: a.completeOne(a.workspaceNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := usage.CheckTimeout(cmd, o.timeout, o.wait); err != nil {
				return err
			}
			o.kind = "sync"
			if refreshOnly {
				o.kind = "refresh"
			}
			return a.start(cmd.Context(), args[0], o)
		},
	}
	debugFlag(cmd, &o.debug)
	cmd.Flags().BoolVar(&o.upgrade, "upgrade", false, upgradeHelp)
	cmd.Flags().BoolVar(&refreshOnly, "refresh-only", false, "accept the world into the state, and change nothing else")
	cmd.MarkFlagsMutuallyExclusive("upgrade", "refresh-only")
	cmd.Flags().BoolVar(&o.wait, "wait", false, "follow the run, and exit by its outcome")
	usage.TimeoutFlag(cmd, &o.timeout)
	return cmd
}

const upgradeHelp = "choose provider versions anew, where no lock file is committed"

func newDestroyCommand(a *app) *cobra.Command {
	var o startOptions
	cmd := &cobra.Command{
		Use:   "destroy WORKSPACE",
		Short: "Plan to destroy everything of a workspace",
		Long: `Plan to destroy everything of a workspace, at its applied commit. The plan always
waits for an approval, whatever the workspace's apply says, and for those that
its rules ask for. With --wait, follow the run until it needs somebody or has
ended.

` + applyExitHelp,
		Example: `  tfops destroy sandbox
  tfops destroy sandbox --wait`,
		Args:              usage.Takes("WORKSPACE"),
		ValidArgsFunction: a.completeOne(a.workspaceNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := usage.CheckTimeout(cmd, o.timeout, o.wait); err != nil {
				return err
			}
			o.kind = "destroy"
			return a.start(cmd.Context(), args[0], o)
		},
	}
	cmd.Flags().BoolVar(&o.wait, "wait", false, "follow the run, and exit by its outcome")
	usage.TimeoutFlag(cmd, &o.timeout)
	return cmd
}

// debugFlag asks for the engine's own debug log of one run.
func debugFlag(cmd *cobra.Command, debug *bool) {
	cmd.Flags().BoolVar(debug, "debug", false, "keep the engine's own debug log, too (TF_LOG=DEBUG): tfops logs RUN --debug")
}

type startOptions struct {
	kind    string
	debug   bool
	ref     string // of a plan
	upgrade bool   // of a plan or a sync
	wait    bool
	timeout time.Duration // of the waiting; 0 for none
}

func (a *app) start(ctx context.Context, workspace string, o startOptions) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	r, err := c.StartRun(ctx, workspace, api.StartRun{Kind: o.kind, Ref: o.ref, Debug: o.debug, Upgrade: o.upgrade})
	if err != nil {
		return lookup.Workspace(ctx, c, workspace, err)
	}
	if o.wait {
		a.term().Notef("Run %s: %s of workspace %s at commit %s %s", r.ID, r.Kind, r.Workspace, show.ShortCommit(r.Commit.SHA), show.Subject(r.Commit.Message))
	}
	return a.goOn(ctx, c, r, o)
}

// goOn tells of a run that was started, or waits for it, as asked.
func (a *app) goOn(ctx context.Context, c *api.Client, r api.Run, o startOptions) error {
	if !o.wait {
		return a.started(r)
	}
	r, err := follow.Told(ctx, a.term(), c, r.ID, o.timeout)
	if err != nil {
		return err
	}
	return a.conclude(ctx, c, r)
}

// started tells of a run that nobody waits for: its id on stdout, for
// scripts, and what to do next on stderr, for people.
func (a *app) started(r api.Run) error {
	return a.print(r, func() {
		a.term().Printf("%s", r.ID)
		a.term().Notef("%s", follow.Next(r))
	})
}
