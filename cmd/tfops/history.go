package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/term"
	"github.com/tfops/tfops/internal/term/show"
	"github.com/tfops/tfops/internal/usage"
)

func newHistoryCommand(a *app) *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:   "history WORKSPACE",
		Short: "List what changed a workspace",
		Long: `List the applies of a workspace, newest first: the commit and its author, the run,
who approved, what changed and when.`,
		Example: `  tfops history network-prod
  tfops history network-prod --limit 3 -o json`,
		PreRunE: func(*cobra.Command, []string) error { return usage.AtLeastOne("limit", limit) },
	}
	cmd.Flags().IntVar(&limit, "limit", 20, "how many applies to list")
	var name string
	return ofWorkspace(a, cmd, func(ctx context.Context, c *api.Client, workspace string) ([]api.Run, error) {
		name = workspace
		return c.History(ctx, name, limit)
	}, func(p *term.Printer, list []api.Run) { show.History(p, name, list) })
}
