package main

import (
	"context"
	"errors"
	"slices"

	"github.com/spf13/cobra"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/api/lookup"
	"github.com/tfops/tfops/internal/exit"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/follow"
	"github.com/tfops/tfops/internal/usage"
	"github.com/tfops/tfops/internal/workspace"
)

func newDriftCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "drift [WORKSPACE...]",
		Short: "Check workspaces for drift now",
		Long: `Check workspaces for drift now: those named, or all that have something applied.
A check is a full plan at the applied commit; what it would change, no commit
explains. It changes nothing and takes no lock. Without --wait, print the ids
of the runs and return; with it, wait for all of them and sum up.

Exit status with --wait: 0 no drift; 1 the command itself failed, or --timeout
is over; 2 wrong usage; 11 drift was found; 12 at least one check failed or
waits for somebody, so that it is not known whether there is more.`,
		Example: `  tfops drift network-prod --wait
  tfops drift
  tfops drift --wait -o json | jq -r '.[] | select(.drift == "drifted") | .workspace'`,
		ValidArgsFunction: a.completeMany(workspaceNames),
	}
	w := waitFlags(cmd, "wait for all checks, sum up, and exit by what they found")
	cmd.RunE = a.talks(func(ctx context.Context, c *api.Client, args []string) error {
		return orBeneath(cmd, args, a.drift(ctx, c, args, w))
	})
	cmd.AddCommand(newReportCommand(a), newReportsCommand(a), newFindingsCommand(a), newFindingCommand(a),
		newAckCommand(a), newUnackCommand(a), newCodifyCommand(a))
	return cmd
}

// orBeneath tells of what was taken for a name of something which command
// beneath cmd was probably meant.
func orBeneath(cmd *cobra.Command, args []string, err error) error {
	if len(args) != 1 || !fault.Is(err, fault.NotFound) || fault.Near(err) != "" {
		return err
	}
	if near := workspace.Nearest(args[0], usage.CommandNames(cmd)); near != "" {
		return lookup.Suggest(err, cmd.CommandPath()+" "+near)
	}
	return err
}

func (a *app) drift(ctx context.Context, c *api.Client, names []string, w *waiting) error {
	names, err := a.driftTargets(ctx, c, names)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		a.term().Notef("No workspace has anything applied that could be checked.")
		return a.print([]follow.Check{}, func() {})
	}
	runs, failed := a.startChecks(ctx, c, names)
	if !w.wait {
		printed := a.print(runs, func() {
			for _, r := range runs {
				a.term().Printf("%s", r.ID)
			}
			if len(runs) > 0 {
				a.term().Notef("Follow them: tfops runs --kind drift --limit %d", len(runs))
			}
		})
		return errors.Join(failed, printed)
	}
	waiting, cancel := follow.Within(ctx, w.timeout) // for all of them together
	defer cancel()
	results := []follow.Check{}
	for _, r := range runs {
		found, err := follow.DriftCheck(waiting, a.term(), c, r)
		if err != nil {
			return errors.Join(failed, follow.GaveUp(ctx, err, r.ID, w.timeout))
		}
		results = append(results, found)
	}
	if err := a.print(results, func() { follow.Checks(a.term(), results) }); err != nil {
		return err
	}
	if failed != nil {
		return failed
	}
	return exit.With(follow.ChecksOutcome(results))
}

// driftTargets is every workspace that was named, once, or else all that have
// something applied.
func (a *app) driftTargets(ctx context.Context, c *api.Client, named []string) ([]string, error) {
	if len(named) > 0 {
		var once []string
		for _, n := range named {
			if !slices.Contains(once, n) {
				once = append(once, n)
			}
		}
		return once, nil
	}
	all, err := c.Workspaces(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, w := range all {
		if w.AppliedCommit != "" {
			names = append(names, w.Name)
		}
	}
	return names, nil
}

// startChecks starts as many as it can; the error joins those that it could not.
func (a *app) startChecks(ctx context.Context, c *api.Client, names []string) ([]api.Run, error) {
	runs, failed := []api.Run{}, []error{}
	for _, name := range names {
		r, err := c.StartRun(ctx, name, api.StartRun{Kind: "drift"})
		if err != nil {
			failed = append(failed, lookup.Workspace(ctx, c, name, err))
			continue
		}
		runs = append(runs, r)
	}
	return runs, errors.Join(failed...)
}
