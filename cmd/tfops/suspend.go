package main

import (
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/api/lookup"
	"github.com/tfops/tfops/internal/moment"
	"github.com/tfops/tfops/internal/term"
	"github.com/tfops/tfops/internal/usage"
)

func newSuspendCommand(a *app) *cobra.Command {
	var reason, until string
	cmd := &cobra.Command{
		Use:   "suspend WORKSPACE",
		Short: "Pause the applies of a workspace",
		Long: `Pause the applies of a workspace, with a reason that others see, until it is
resumed or until a time: a duration from now (90m, 2h, 3d), a date (its
beginning), or a date with a time, in the local time zone unless it says
another. Plans and drift checks go on.`,
		Example: `  tfops suspend network-prod -m "freeze for the release" --until 2026-11-27
  tfops suspend network-prod -m "watching the migration" --until 2h`,
		Args:              usage.Takes("WORKSPACE"),
		ValidArgsFunction: a.completeOne(a.workspaceNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := usage.NeedReason(cmd, args, reason); err != nil {
				return err
			}
			end, err := moment.Until(until, a.now())
			if err != nil {
				return err
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			w, err := c.Suspend(cmd.Context(), args[0], api.Suspend{Reason: reason, Until: end})
			if err != nil {
				return lookup.Workspace(cmd.Context(), c, args[0], err)
			}
			return a.print(w, func() { a.tellSuspended(w) })
		},
	}
	usage.ReasonFlag(cmd, &reason, "say `WHY`: needed, and kept with the decision")
	cmd.Flags().StringVar(&until, "until", "", "when it ends by itself: a duration, a date, or a `TIME`")
	_ = cmd.RegisterFlagCompletionFunc("until", cobra.NoFileCompletions)
	return cmd
}

func (a *app) tellSuspended(w api.Workspace) {
	end := "until it is resumed"
	if w.Suspended != nil && w.Suspended.Until != nil {
		end = a.stretch(*w.Suspended.Until)
	}
	a.term().Printf("Suspended the applies of workspace %s %s.", w.Name, end)
	a.term().Notef("To let them go on: tfops resume %s", w.Name)
}

// stretch says how long something goes on, and until when: "for 2h, until
// 02:17 UTC", with the date unless that is today's.
func (a *app) stretch(until time.Time) string {
	now := a.now()
	form := "2006-01-02 15:04 MST"
	if until = until.In(now.Location()); until.Format(time.DateOnly) == now.Format(time.DateOnly) {
		form = "15:04 MST"
	}
	unit := time.Minute
	if until.Sub(now) < 2*time.Minute {
		unit = time.Second
		form = strings.Replace(form, "15:04", "15:04:05", 1)
	}
	left := term.Duration(max(until.Sub(now).Round(unit), time.Second))
	for _, none := range []string{"00s", "00m", "00h"} {
		left = strings.TrimSuffix(left, none)
	}
	return "for " + left + ", until " + until.Format(form)
}

func newResumeCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:               "resume WORKSPACE",
		Short:             "Let the applies of a workspace go on",
		Long:              `Let the applies of a suspended workspace go on.`,
		Example:           `  tfops resume network-prod`,
		Args:              usage.Takes("WORKSPACE"),
		ValidArgsFunction: a.completeOne(a.workspaceNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			w, err := c.Resume(cmd.Context(), args[0])
			if err != nil {
				return lookup.Workspace(cmd.Context(), c, args[0], err)
			}
			return a.print(w, func() { a.term().Printf("The applies of workspace %s go on.", w.Name) })
		},
	}
}
