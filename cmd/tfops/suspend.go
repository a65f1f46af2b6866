package main

import (
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/term"
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
		Args:              takes("WORKSPACE"),
		ValidArgsFunction: a.completeOne(a.workspaceNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := needReason(cmd, args, reason); err != nil {
				return err
			}
			end, err := parseUntil(until, a.now())
			if err != nil {
				return err
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			w, err := c.Suspend(cmd.Context(), args[0], api.Suspend{Reason: reason, Until: end})
			if err != nil {
				return a.meant(cmd.Context(), c, args[0], err)
			}
			return a.print(w, func() { a.tellSuspended(w) })
		},
	}
	reasonFlag(cmd, &reason, "say `WHY`: needed, and kept with the decision")
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

// untilForms are the forms of a time, besides a duration.
var untilForms = []string{time.RFC3339, "2006-01-02", "2006-01-02 15:04", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02T15:04:05"}

// parseUntil reads a time in the future; nil for "".
func parseUntil(s string, now time.Time) (*time.Time, error) {
	if s == "" {
		return nil, nil
	}
	end, ok := moment(s, now)
	switch {
	case !ok:
		return nil, fault.New(fault.Invalid, `write it as 90m, 2h, 3d, 2026-11-27, "2026-11-27 18:00" or 2026-11-27T18:00:00Z`, "--until %q is not a time", s)
	case !end.After(now):
		return nil, fault.New(fault.Invalid, "name a time in the future", "--until %q is over already", s)
	}
	end = end.UTC()
	return &end, nil
}

// moment reads a time as people write it: a stretch from now, or a time.
func moment(s string, now time.Time) (time.Time, bool) {
	if at, ok := away(s, now, 1); ok {
		return at, true
	}
	return exactly(s, now)
}

// away reads a stretch of time, and goes it from now: forwards for 1, back for -1.
func away(s string, now time.Time, sign int) (time.Time, bool) {
	if d, err := time.ParseDuration(s); err == nil {
		return now.Add(time.Duration(sign) * d), true
	}
	if number, ok := strings.CutSuffix(s, "d"); ok {
		if days, err := strconv.Atoi(number); err == nil {
			return now.AddDate(0, 0, sign*days), true
		}
	}
	return time.Time{}, false
}

// exactly reads a time that is no stretch from now; without a zone it is one of
// the person's clock.
func exactly(s string, now time.Time) (time.Time, bool) {
	for _, form := range untilForms {
		if t, err := time.ParseInLocation(form, s, now.Location()); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

func newResumeCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:               "resume WORKSPACE",
		Short:             "Let the applies of a workspace go on",
		Long:              `Let the applies of a suspended workspace go on.`,
		Example:           `  tfops resume network-prod`,
		Args:              takes("WORKSPACE"),
		ValidArgsFunction: a.completeOne(a.workspaceNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			w, err := c.Resume(cmd.Context(), args[0])
			if err != nil {
				return a.meant(cmd.Context(), c, args[0], err)
			}
			return a.print(w, func() { a.term().Printf("The applies of workspace %s go on.", w.Name) })
		},
	}
}
