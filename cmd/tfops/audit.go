package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/term/show"
	"github.com/tfops/tfops/internal/usage"
)

func newAuditCommand(a *app) *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "List decisions: who, when, what, why",
		Long: `List decisions, newest first: votes, locks, suspensions, cancellations and changes
of the configuration; who made each, through what, and why.`,
		Example: `  tfops audit
  tfops audit --limit 500 -o json | jq '.[] | select(.actor == "ana")'`,
		Args:    usage.Takes(),
		PreRunE: func(*cobra.Command, []string) error { return usage.AtLeastOne("limit", limit) },
		RunE: asks(a, func(c *api.Client, ctx context.Context) ([]api.Audit, error) { return c.Audit(ctx, limit) },
			show.Audit),
	}
	cmd.Flags().IntVar(&limit, "limit", 50, "how many decisions to list")
	return cmd
}
