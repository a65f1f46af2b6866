package main

import (
	"github.com/spf13/cobra"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/term"
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
		Args: usage.Takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := usage.AtLeastOne("limit", limit); err != nil {
				return err
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			list, err := c.Audit(cmd.Context(), limit)
			if err != nil {
				return err
			}
			return a.print(list, func() { a.tellAudit(list) })
		},
	}
	cmd.Flags().IntVar(&limit, "limit", 50, "how many decisions to list")
	return cmd
}

func (a *app) tellAudit(list []api.Audit) {
	if len(list) == 0 {
		a.term().Notef("No decision was made yet.")
		return
	}
	var rows [][]term.Cell
	for _, d := range list {
		rows = append(rows, term.Cells(when(d.At), d.Actor, d.Via, d.Action, d.Workspace, d.Run, d.Reason))
	}
	a.table([]string{"TIME", "WHO", "VIA", "WHAT", "WORKSPACE", "RUN", "WHY"}, rows)
}
