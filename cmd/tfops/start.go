package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/api/lookup"
	"github.com/tfops/tfops/internal/exit"
	"github.com/tfops/tfops/internal/follow"
	"github.com/tfops/tfops/internal/term"
	"github.com/tfops/tfops/internal/term/document"
	"github.com/tfops/tfops/internal/term/show"
	"github.com/tfops/tfops/internal/usage"
)

// The commands that ask for a run of one workspace.

func newPlanCommand(a *app) *cobra.Command {
	var o api.StartRun
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
	}
	cmd.Flags().StringVar(&o.Ref, "ref", "", "branch, tag or commit to plan, instead of the workspace's branch")
	debugFlag(cmd, &o.Debug)
	cmd.Flags().BoolVar(&o.Upgrade, "upgrade", false, upgradeHelp)
	_ = cmd.RegisterFlagCompletionFunc("ref", cobra.NoFileCompletions)
	return a.starts(cmd, "follow the run, print the plan, and exit by its outcome", func() api.StartRun {
		o.Kind = "plan"
		return o
	})
}

func newSyncCommand(a *app) *cobra.Command {
	var o api.StartRun
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
	}
	debugFlag(cmd, &o.Debug)
	cmd.Flags().BoolVar(&o.Upgrade, "upgrade", false, upgradeHelp)
	cmd.Flags().BoolVar(&refreshOnly, "refresh-only", false, "accept the world into the state, and change nothing else")
	cmd.MarkFlagsMutuallyExclusive("upgrade", "refresh-only")
	return a.starts(cmd, "follow the run, and exit by its outcome", func() api.StartRun {
		o.Kind = "sync"
		if refreshOnly {
			o.Kind = "refresh"
		}
		return o
	})
}

const upgradeHelp = "choose provider versions anew, where no lock file is committed"

func newDestroyCommand(a *app) *cobra.Command {
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
	}
	return a.starts(cmd, "follow the run, and exit by its outcome",
		func() api.StartRun { return api.StartRun{Kind: "destroy"} })
}

// debugFlag asks for the engine's own debug log of one run.
func debugFlag(cmd *cobra.Command, debug *bool) {
	cmd.Flags().BoolVar(debug, "debug", false,
		"keep the engine's own debug log, too (TF_LOG=DEBUG): tfops logs RUN --debug")
}

// starts gives a command the workspace that is its argument, and has it start a run there.
func (a *app) starts(cmd *cobra.Command, waitText string, order func() api.StartRun) *cobra.Command {
	a.takesWorkspace(cmd)
	w := waitFlags(cmd, waitText)
	cmd.RunE = a.talks(func(ctx context.Context, c *api.Client, args []string) error {
		r, err := c.StartRun(ctx, args[0], order())
		if err == nil && w.wait {
			a.term().Notef("Run %s: %s of workspace %s at commit %s %s", r.ID, r.Kind, r.Workspace,
				show.ShortCommit(r.Commit.SHA), show.Subject(r.Commit.Message))
		}
		return a.goOn(ctx, c, r, lookup.Workspace(ctx, c, args[0], err), w)
	})
	return cmd
}

// waiting is whether something is waited for, and how long; 0 is as long as it takes.
type waiting struct {
	wait    bool
	timeout time.Duration
}

// waitFlags adds --wait and --timeout.
func waitFlags(cmd *cobra.Command, text string) *waiting {
	var w waiting
	cmd.Flags().BoolVar(&w.wait, "wait", false, text)
	usage.TimeoutFlag(cmd, &w.timeout)
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error { return usage.CheckTimeout(cmd, w.timeout, w.wait) }
	return &w
}

// goOn tells of a run that was started, unless that failed, or waits for it. Without
// waiting its id goes to stdout, for scripts, and what to do next to stderr, for people.
func (a *app) goOn(ctx context.Context, c *api.Client, r api.Run, err error, w *waiting) error {
	if err != nil || !w.wait {
		return printed(a, r, err, func(p *term.Printer, r api.Run) {
			p.Printf("%s", r.ID)
			p.Notef("%s", follow.Next(r))
		})
	}
	if r, err = follow.Told(ctx, a.term(), c, r.ID, w.timeout); err != nil {
		return err
	}
	return a.conclude(ctx, c, r)
}

// conclude prints how a run that was waited for ended: the plan of a
// speculative one, what is missing, or why it failed.
func (a *app) conclude(ctx context.Context, c *api.Client, r api.Run) error {
	result := shown{Run: r}
	if r.Kind == "plan" {
		var err error
		if result, err = a.withPlan(ctx, c, r); err != nil {
			return err
		}
	}
	pl, err := result.plan()
	if err != nil && a.output == document.Table {
		return err
	}
	err = a.print(result, func() {
		if pl != nil {
			a.term().Plan(nil, pl)
		}
		follow.Ending(a.term(), r)
	})
	if err != nil {
		return err
	}
	return exit.With(follow.Outcome(r))
}
