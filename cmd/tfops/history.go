package main

import (
	"github.com/spf13/cobra"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/api/lookup"
	"github.com/tfops/tfops/internal/term"
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
		Args:              usage.Takes("WORKSPACE"),
		ValidArgsFunction: a.completeOne(a.workspaceNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := usage.AtLeastOne("limit", limit); err != nil {
				return err
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			list, err := c.History(cmd.Context(), args[0], limit)
			if err != nil {
				return lookup.Workspace(cmd.Context(), c, args[0], err)
			}
			return a.print(list, func() { a.tellHistory(args[0], list) })
		},
	}
	cmd.Flags().IntVar(&limit, "limit", 20, "how many applies to list")
	return cmd
}

func (a *app) tellHistory(name string, list []api.Run) {
	if len(list) == 0 {
		a.term().Notef("Nothing has been applied to workspace %s yet.", name)
		return
	}
	var rows [][]term.Cell
	for _, r := range list {
		at := r.FinishedAt
		if at == nil {
			at = r.ApplyStartedAt
		}
		rows = append(rows, []term.Cell{{Text: a.ago(at)}, {Text: r.ID}, {Text: kindText(r)}, {Text: statusText(r), Tone: toneOf(r.Status)},
			{Text: changesText(r.Plan)}, {Text: short(r.Commit.SHA)}, {Text: r.Commit.Author}, {Text: subject(r.Commit.Message)}, {Text: approvers(r)}})
	}
	a.table([]string{"WHEN", "RUN", "KIND", "STATUS", "PLAN", "COMMIT", "AUTHOR", "SUBJECT", "APPROVED BY"}, rows)
}
