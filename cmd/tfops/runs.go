package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/term/show"
	"github.com/tfops/tfops/internal/usage"
)

var kindWords = []string{string(run.Sync), string(run.Plan), string(run.Drift), string(run.Destroy),
	string(run.Refresh), string(run.Move)}

func statusWords() []string {
	var words []string
	for _, s := range run.Statuses {
		words = append(words, string(s))
	}
	return words
}

func newRunsCommand(a *app) *cobra.Command {
	var q api.RunsQuery
	cmd := &cobra.Command{
		Use:   "runs",
		Short: "List runs, newest first",
		Long: `List runs, newest first. Filters can be combined, and --status and --kind
repeated. For older ones than those shown, use --before with the last id.`,
		Example: `  tfops runs
  tfops runs --workspace network-prod --limit 5
  tfops runs --status awaiting_approval --status interrupted -o json`,
		Args:    usage.Takes(),
		PreRunE: func(*cobra.Command, []string) error { return checkRuns(q) },
		RunE: asks(a, func(c *api.Client, ctx context.Context) ([]api.Run, error) { return c.Runs(ctx, q) },
			show.Runs),
	}
	f := cmd.Flags()
	f.StringVarP(&q.Workspace, "workspace", "w", "", "only runs of this `WORKSPACE`")
	f.StringSliceVar(&q.Statuses, "status", nil, "only runs of this `STATUS`: "+strings.Join(statusWords(), ", "))
	f.StringSliceVar(&q.Kinds, "kind", nil, "only runs of this `KIND`: sync, plan, drift, destroy, refresh or move")
	f.IntVar(&q.Limit, "limit", 20, "how many runs to list")
	f.StringVar(&q.Before, "before", "", "only runs older than this `RUN`")
	_ = cmd.RegisterFlagCompletionFunc("workspace", a.complete(workspaceNames))
	_ = cmd.RegisterFlagCompletionFunc("status", usage.Words(statusWords()))
	_ = cmd.RegisterFlagCompletionFunc("kind", usage.Words(kindWords))
	_ = cmd.RegisterFlagCompletionFunc("before", a.complete(runIDs()))
	return cmd
}

func checkRuns(q api.RunsQuery) error {
	for _, s := range q.Statuses {
		if err := usage.OneOf("status", s, statusWords()); err != nil {
			return err
		}
	}
	for _, k := range q.Kinds {
		if err := usage.OneOf("kind", k, kindWords); err != nil {
			return err
		}
	}
	return usage.AtLeastOne("limit", q.Limit)
}
