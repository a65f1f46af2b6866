package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/api/lookup"
	"github.com/tfops/tfops/internal/term"
	"github.com/tfops/tfops/internal/term/show"
	"github.com/tfops/tfops/internal/usage"
)

func newFindingsCommand(a *app) *cobra.Command {
	var lives []string
	cmd := &cobra.Command{
		Use:   "findings [WORKSPACE]",
		Short: "List what drifted, worst first",
		Long: `List the findings of drift checks, worst first: of a workspace, or of all. A
finding is a difference that is followed from check to check; its id stays the
same. Those that are resolved are left out unless --life asks for them.`,
		Example: `  tfops drift findings
  tfops drift findings network-prod --life new --life recurring
  tfops drift findings -o json | jq '.[] | select(.severity == "critical")'`,
		Args:              usage.TakesUpTo(1),
		ValidArgsFunction: a.completeOne(workspaceNames),
		PreRunE: func(*cobra.Command, []string) error {
			for _, l := range lives {
				if err := usage.OneOf("life", l, lookup.Lives); err != nil {
					return err
				}
			}
			return nil
		},
		RunE: a.talks(func(ctx context.Context, c *api.Client, args []string) error {
			name := append(args, "")[0]
			found, err := c.Findings(ctx, name, lives)
			return printed(a, found, lookup.Workspace(ctx, c, name, err), show.Findings)
		}),
	}
	cmd.Flags().StringArrayVar(&lives, "life", nil, "only findings whose life is `LIFE`: "+strings.Join(lookup.Lives,
		", ")+"; may be repeated")
	_ = cmd.RegisterFlagCompletionFunc("life", usage.Words(lookup.Lives))
	return cmd
}

func newFindingCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show FINDING",
		Short: "Show a finding and the ways out of it",
		Long: `Show a finding: what differs, since when, who owns it, which apply touched it
last, and the commands that revert, codify, accept or ignore it. Sensitive
values are never in it.`,
		Example: `  tfops drift show 3f2a9c41d07b`,
	}
	return a.ofFinding(cmd, func(ctx context.Context, c *api.Client, id string) error {
		f, err := c.Finding(ctx, id)
		return printed(a, f, err, show.Finding)
	})
}

func newAckCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ack FINDING",
		Short: "Say that a finding is known",
		Long: `Say that a finding is known, with a reason that others see, until a time (see
suspend) or, without one, until it is resolved. It stays in the report, marked;
it comes back when the time is over or when another attribute of the resource
differs. A finding that is acknowledged is not healed.`,
		Example: `  tfops drift ack 3f2a9c41d07b -m "larger for the migration" --until 7d`,
	}
	hold := a.holdFlags(cmd, "say `WHY`: needed, and kept with the finding")
	return a.ofFinding(cmd, func(ctx context.Context, c *api.Client, id string) error {
		f, err := c.Acknowledge(ctx, id, api.Acknowledge{Reason: hold.reason, Until: hold.until})
		return printed(a, f, err, func(p *term.Printer, f api.Finding) { show.Acknowledged(p, f, hold.until) })
	})
}

func newUnackCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "unack FINDING",
		Short:   "Take an acknowledgement back",
		Long:    `Take the acknowledgement of a finding back: it counts as open again.`,
		Example: `  tfops drift unack 3f2a9c41d07b`,
	}
	return a.ofFinding(cmd, func(ctx context.Context, c *api.Client, id string) error {
		f, err := c.Unacknowledge(ctx, id)
		return printed(a, f, err, show.Reopened)
	})
}
