package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/term"
	"github.com/tfops/tfops/internal/usage"
)

type runsOptions struct {
	workspace string
	statuses  []string
	kinds     []string
	limit     int
	before    string
}

var kindWords = []string{string(run.Sync), string(run.Plan), string(run.Drift), string(run.Destroy), string(run.Refresh), string(run.Move)}

func statusWords() []string {
	var words []string
	for _, s := range run.Statuses {
		words = append(words, string(s))
	}
	return words
}

func newRunsCommand(a *app) *cobra.Command {
	var o runsOptions
	cmd := &cobra.Command{
		Use:   "runs",
		Short: "List runs, newest first",
		Long: `List runs, newest first. Filters can be combined, and --status and --kind
repeated. For older ones than those shown, use --before with the last id.`,
		Example: `  tfops runs
  tfops runs --workspace network-prod --limit 5
  tfops runs --status awaiting_approval --status interrupted -o json`,
		Args: usage.Takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return err
			}
			return a.runs(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&o.workspace, "workspace", "w", "", "only runs of this `WORKSPACE`")
	f.StringSliceVar(&o.statuses, "status", nil, "only runs of this `STATUS`: "+strings.Join(statusWords(), ", "))
	f.StringSliceVar(&o.kinds, "kind", nil, "only runs of this `KIND`: sync, plan, drift, destroy, refresh or move")
	f.IntVar(&o.limit, "limit", 20, "how many runs to list")
	f.StringVar(&o.before, "before", "", "only runs older than this `RUN`")
	_ = cmd.RegisterFlagCompletionFunc("workspace", a.complete(a.workspaceNames))
	_ = cmd.RegisterFlagCompletionFunc("status", usage.Words(statusWords()))
	_ = cmd.RegisterFlagCompletionFunc("kind", usage.Words(kindWords))
	_ = cmd.RegisterFlagCompletionFunc("before", a.complete(a.runIDs()))
	return cmd
}

func (o runsOptions) check() error {
	for _, s := range o.statuses {
		if err := usage.OneOf("status", s, statusWords()); err != nil {
			return err
		}
	}
	for _, k := range o.kinds {
		if err := usage.OneOf("kind", k, kindWords); err != nil {
			return err
		}
	}
	return usage.AtLeastOne("limit", o.limit)
}

func (a *app) runs(ctx context.Context, o runsOptions) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	list, err := c.Runs(ctx, api.RunsQuery{Workspace: o.workspace, Statuses: o.statuses, Kinds: o.kinds, Limit: o.limit, Before: o.before})
	if err != nil {
		return err
	}
	return a.print(list, func() {
		if len(list) == 0 {
			a.term().Notef("There are no such runs.")
			return
		}
		var rows [][]term.Cell
		for _, r := range list {
			rows = append(rows, []term.Cell{{Text: r.ID}, {Text: r.Workspace}, {Text: kindText(r)}, {Text: statusText(r), Tone: toneOf(r.Status)},
				{Text: changesText(r.Plan)}, {Text: short(r.Commit.SHA)}, {Text: subject(r.Commit.Message)}, {Text: a.ago(&r.CreatedAt)}, {Text: took(r)}})
		}
		a.table([]string{"RUN", "WORKSPACE", "KIND", "STATUS", "PLAN", "COMMIT", "SUBJECT", "CREATED", "TOOK"}, rows)
	})
}

// took is how long a run that has ended was worked on.
func took(r api.Run) string {
	if r.StartedAt == nil || r.FinishedAt == nil {
		return ""
	}
	worked := r.FinishedAt.Sub(*r.StartedAt)
	if r.PlannedAt != nil { // waiting for people is no work
		worked = r.PlannedAt.Sub(*r.StartedAt)
		if r.ApplyStartedAt != nil {
			worked += r.FinishedAt.Sub(*r.ApplyStartedAt)
		}
	}
	return term.Duration(worked.Round(time.Millisecond))
}
