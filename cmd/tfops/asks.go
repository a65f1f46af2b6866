package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/api/lookup"
	"github.com/tfops/tfops/internal/term"
	"github.com/tfops/tfops/internal/usage"
)

// The forms of commands that talk to the daemon.

// talks has a command talk to the daemon.
func (a *app) talks(do func(context.Context, *api.Client, []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		c, err := a.client()
		if err != nil {
			return err
		}
		return do(cmd.Context(), c, args)
	}
}

// asks has a command ask for something, and print the answer.
func asks[T any](a *app, ask func(*api.Client, context.Context) (T, error), tell func(*term.Printer, T),
) func(*cobra.Command, []string) error {
	return a.talks(func(ctx context.Context, c *api.Client, _ []string) error {
		v, err := ask(c, ctx)
		return printed(a, v, err, tell)
	})
}

// printed prints an answer, unless asking for it failed.
func printed[T any](a *app, v T, err error, tell func(*term.Printer, T)) error {
	if err != nil {
		return err
	}
	return a.print(v, func() { tell(a.term(), v) })
}

// ofWorkspace gives a command that prints an answer the workspace that is its argument.
func ofWorkspace[T any](a *app, cmd *cobra.Command, ask func(ctx context.Context, c *api.Client, name string) (T,
	error),
	tell func(*term.Printer, T),
) *cobra.Command {
	a.takesWorkspace(cmd)
	cmd.RunE = a.talks(func(ctx context.Context, c *api.Client, args []string) error {
		v, err := ask(ctx, c, args[0])
		return printed(a, v, lookup.Workspace(ctx, c, args[0], err), tell)
	})
	return cmd
}

// takesWorkspace says that the only argument of a command is a workspace.
func (a *app) takesWorkspace(cmd *cobra.Command) {
	cmd.Args, cmd.ValidArgsFunction = usage.Takes("WORKSPACE"), a.completeOne(workspaceNames)
}

// ofRun gives a command the run that is its argument; those of the statuses are offered
// to a shell.
func (a *app) ofRun(cmd *cobra.Command, do func(ctx context.Context, c *api.Client, id string) error,
	statuses ...string) *cobra.Command {
	cmd.Args, cmd.ValidArgsFunction = usage.Takes("RUN"), a.completeOne(runIDs(statuses...))
	cmd.RunE = a.talks(func(ctx context.Context, c *api.Client, args []string) error {
		return lookup.Run(ctx, c, args[0], func(id string) error { return do(ctx, c, id) })
	})
	return cmd
}

// ofFinding gives a command the finding that is its argument.
func (a *app) ofFinding(cmd *cobra.Command, do func(ctx context.Context, c *api.Client,
	id string) error) *cobra.Command {
	cmd.Args, cmd.ValidArgsFunction = usage.Takes("FINDING"), a.completeOne(findingIDs)
	cmd.RunE = a.talks(func(ctx context.Context, c *api.Client, args []string) error {
		return lookup.Finding(ctx, c, args[0], func(id string) error { return do(ctx, c, id) })
	})
	return cmd
}

// reasonNeeded adds -m, without which a command refuses.
func reasonNeeded(cmd *cobra.Command, into *string, text string) {
	usage.ReasonFlag(cmd, into, text)
	cmd.PreRunE = func(cmd *cobra.Command, args []string) error { return usage.NeedReason(cmd, args, *into) }
}
