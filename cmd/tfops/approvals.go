package main

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/term/show"
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
		RunE: asks(a, func(c *api.Client, ctx context.Context) ([]api.Run, error) {
			list, err := c.Approvals(ctx)
			slices.SortStableFunc(list, mineFirst)
			return list, err
		}, show.Approvals),
	}
}

// mineFirst sorts runs by whether the asker's approval would count, then by age.
func mineFirst(x, y api.Run) int {
	if mine := show.Mine(x); mine != show.Mine(y) {
		if mine {
			return -1
		}
		return 1
	}
	return strings.Compare(x.ID, y.ID)
}
