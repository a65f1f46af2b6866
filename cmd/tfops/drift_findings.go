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
	var group string
	cmd := &cobra.Command{
		Use:   "ack {FINDING | --group GROUP}",
		Short: "Say that a finding is known, or all of one cause",
		Long: `Say that a finding is known, with a reason that others see, until a time (see
suspend) or, without one, until it is resolved. It stays in the report, marked;
it comes back when the time is over or when another attribute of the resource
differs. A finding that is acknowledged is not healed.

A report names groups: findings of several workspaces that differ in the same way.
All of a group are acknowledged at once with --group.`,
		Example: `  tfops drift ack 3f2a9c41d07b -m "larger for the migration" --until 7d
  tfops drift ack --group g41d07b9c2a -m "the new base image" --until 14d`,
	}
	hold := a.holdFlags(cmd, "say `WHY`: needed, and kept with the finding")
	cmd.Flags().StringVar(&group, "group", "", "all findings of a `GROUP`")
	acknowledge := func(ctx context.Context, c *api.Client, id string) error {
		f, err := c.Acknowledge(ctx, id, api.Acknowledge{Reason: hold.reason, Until: hold.until})
		return printed(a, f, err, func(p *term.Printer, f api.Finding) { show.Acknowledged(p, f, hold.until) })
	}
	cmd = a.ofFinding(cmd, acknowledge)
	one := cmd.RunE
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if group != "" {
			return usage.Takes()(cmd, args)
		}
		return usage.Takes("FINDING")(cmd, args)
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if group == "" {
			return one(cmd, args)
		}
		return a.talks(func(ctx context.Context, c *api.Client, _ []string) error {
			all, err := lookup.AcknowledgeGroup(ctx, c, group, api.Acknowledge{Reason: hold.reason, Until: hold.until})
			return printed(a, all, err, show.GroupAcknowledged)
		})(cmd, args)
	}
	return cmd
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
