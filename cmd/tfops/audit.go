package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/moment"
	"github.com/tfops/tfops/internal/term/show"
	"github.com/tfops/tfops/internal/usage"
)

func newAuditCommand(a *app) *cobra.Command {
	var q api.AuditQuery
	var since string
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "List what was done: who, when, what, why",
		Long: `List what was done, newest first: runs that people asked for, votes, locks,
suspensions, cancellations, polls, backups, changes of states and of the
configuration; who did each, through what, and why. So is what was refused.

With -o json each record has its number: each has 1 more than the one before, and
--before N lists the page before. Records are kept for audit_keep of tfops.hcl,
400 days without it.`,
		Example: `  tfops audit
  tfops audit --workspace network --since 7d
  tfops audit --actor ana --verb approve -o json`,
		Args: usage.Takes(),
		PreRunE: func(*cobra.Command, []string) (err error) {
			if q.Since, err = moment.Since(since, a.now()); err != nil {
				return err
			}
			return usage.AtLeastOne("limit", q.Limit)
		},
		RunE: asks(a, func(c *api.Client, ctx context.Context) ([]api.Audit, error) { return c.AuditLog(ctx, q) },
			show.Audit),
	}
	f := cmd.Flags()
	f.IntVar(&q.Limit, "limit", 50, "how many records to list, 1000 at most")
	f.StringVarP(&q.Workspace, "workspace", "w", "", "only what was done to this workspace, or to a run of it")
	f.StringVar(&q.Actor, "actor", "", "only what this user did; tfops is the daemon itself")
	f.StringVar(&q.Verb, "verb", "", "only what is called so: approve, sync, lock, …")
	f.StringVar(&since, "since", "", "only what is newer: a duration back (24h, 7d), a date, or a date and time")
	f.Uint64Var(&q.Before, "before", 0, "only records with a lower number than this")
	return cmd
}
