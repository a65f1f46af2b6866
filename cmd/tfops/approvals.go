package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/term"
	"github.com/tfops/tfops/internal/usage"
)

func newApprovalsCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "approvals",
		Short: "List what waits for an approval, yours first",
		Long: `List the plans that wait for an approval: first those that yours would count
for, oldest first; then the others, with the reason why it would not.`,
		Example: `  tfops approvals
  tfops approvals -o json | jq -r '.[] | select(.can_approve) | .id'`,
		Args: usage.Takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			list, err := c.Approvals(cmd.Context())
			if err != nil {
				return err
			}
			slices.SortStableFunc(list, func(x, y api.Run) int {
				if mineX, mineY := mine(x), mine(y); mineX != mineY {
					if mineX {
						return -1
					}
					return 1
				}
				return strings.Compare(x.ID, y.ID)
			})
			return a.print(list, func() { a.tellApprovals(list) })
		},
	}
}

// mine reports whether the asker's approval would count. A daemon that does
// not tell is taken to let everybody approve; it judges the vote anyway.
func mine(r api.Run) bool { return r.CanApprove == nil || *r.CanApprove }

func (a *app) tellApprovals(list []api.Run) {
	p := a.term()
	others := slices.IndexFunc(list, func(r api.Run) bool { return !mine(r) })
	if others < 0 {
		others = len(list)
	}
	if others == 0 {
		p.Notef("Nothing waits for your approval.")
	} else {
		a.approvalTable(list[:others], "WAITING FOR", func(r api.Run) string { return r.WaitingFor })
		p.Notef("Look at one: tfops show %[1]s\nApprove it:  tfops approve %[1]s", list[0].ID)
	}
	if others < len(list) {
		p.Printf("")
		p.Heading("Waiting for others")
		a.approvalTable(list[others:], "WHY NOT YOU", func(r api.Run) string { return r.CannotApproveBecause })
	}
}

func (a *app) approvalTable(list []api.Run, column string, value func(api.Run) string) {
	var rows [][]term.Cell
	for _, r := range list {
		rows = append(rows, term.Cells(r.ID, r.Workspace, kindText(r), changesText(r.Plan), short(r.Commit.SHA), r.Commit.Author, subject(r.Commit.Message),
			a.ago(r.PlannedAt), a.ago(r.ExpiresAt), value(r)))
	}
	a.table([]string{"RUN", "WORKSPACE", "KIND", "PLAN", "COMMIT", "AUTHOR", "SUBJECT", "PLANNED", "EXPIRES", column}, rows)
}
