package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/moment"
	"github.com/tfops/tfops/internal/term/show"
	"github.com/tfops/tfops/internal/usage"
)

func newSuspendCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "suspend WORKSPACE",
		Short: "Pause the applies of a workspace",
		Long: `Pause the applies of a workspace, with a reason that others see, until it is
resumed or until a time: a duration from now (90m, 2h, 3d), a date (its
beginning), or a date with a time, in the local time zone unless it says
another. Plans and drift checks go on.`,
		Example: `  tfops suspend network-prod -m "freeze for the release" --until 2026-11-27
  tfops suspend network-prod -m "watching the migration" --until 2h`,
	}
	hold := a.holdFlags(cmd, "say `WHY`: needed, and kept with the decision")
	return ofWorkspace(a, cmd, func(ctx context.Context, c *api.Client, name string) (api.Workspace, error) {
		return c.Suspend(ctx, name, api.Suspend{Reason: hold.reason, Until: hold.until})
	}, show.Suspended)
}

// hold is why something is left as it is, and until when; nil is without an end.
type hold struct {
	reason string
	until  *time.Time
}

// holdFlags adds -m, which is needed, and --until.
func (a *app) holdFlags(cmd *cobra.Command, text string) *hold {
	var h hold
	var until string
	usage.ReasonFlag(cmd, &h.reason, text)
	cmd.Flags().StringVar(&until, "until", "", "when it ends by itself: a duration, a date, or a `TIME`")
	_ = cmd.RegisterFlagCompletionFunc("until", cobra.NoFileCompletions)
	cmd.PreRunE = func(cmd *cobra.Command, args []string) (err error) {
		if err := usage.NeedReason(cmd, args, h.reason); err != nil {
			return err
		}
		h.until, err = moment.Until(until, a.now())
		return err
	}
	return &h
}

func newResumeCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "resume WORKSPACE",
		Short:   "Let the applies of a workspace go on",
		Long:    `Let the applies of a suspended workspace go on.`,
		Example: `  tfops resume network-prod`,
	}
	return ofWorkspace(a, cmd, func(ctx context.Context, c *api.Client, name string) (api.Workspace, error) {
		return c.Resume(ctx, name)
	}, show.Resumed)
}
