package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/api/lookup"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/term"
	"github.com/tfops/tfops/internal/term/document"
	"github.com/tfops/tfops/internal/usage"
)

func newShowCommand(a *app) *cobra.Command {
	var events bool
	cmd := &cobra.Command{
		Use:   "show RUN",
		Short: "Show a run with its plan and approvals",
		Long: `Show a run: what it is about, where it stands, who approved and what is missing,
why it failed, and its plan as Terraform prints plans. Sensitive values are
never in it.

With -o json or yaml, it is the run with the whole plan under "changes"; that
key is absent as long as there is no plan.`,
		Example: `  tfops show 0k1v8m3pq4rs
  tfops show 0k1v8m3pq4rs -o json | jq '.changes.changes[].address'`,
		Args:              usage.Takes("RUN"),
		ValidArgsFunction: a.completeOne(a.runIDs()),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			return lookup.Run(cmd.Context(), c, args[0], func(id string) error { return a.show(cmd.Context(), c, id, events) })
		},
	}
	cmd.Flags().BoolVar(&events, "events", false, "show everything that happened to the run as well")
	return cmd
}

func (a *app) show(ctx context.Context, c *api.Client, id string, events bool) error {
	s, err := a.look(ctx, c, id)
	if err != nil {
		return err
	}
	pl, err := s.plan()
	if err != nil && a.output == document.Table {
		return err
	}
	return a.print(s, func() { a.tellRun(s.Run, pl, events) })
}

// shown is a run with its whole plan.
type shown struct {
	api.Run
	Changes json.RawMessage `json:"changes,omitempty"`
}

// look reads a run and, if there is one, its plan.
func (a *app) look(ctx context.Context, c *api.Client, id string) (shown, error) {
	r, err := c.Run(ctx, id)
	if err != nil {
		return shown{}, err
	}
	return a.withPlan(ctx, c, r)
}

// withPlan adds the whole plan to a run that has one.
func (a *app) withPlan(ctx context.Context, c *api.Client, r api.Run) (shown, error) {
	if r.Plan == nil {
		return shown{Run: r}, nil
	}
	p, err := c.Plan(ctx, r.ID)
	if fault.Is(err, fault.NotFound) { // the run remembers a plan whose file is gone
		a.term().Warning(err.Error(), fault.Next(err))
		return shown{Run: r}, nil
	}
	return shown{Run: r, Changes: p}, err
}

// plan is the plan to be printed; nil when there is none.
func (s shown) plan() (*plan.Plan, error) {
	if s.Changes == nil {
		return nil, nil
	}
	var p plan.Plan
	err := json.Unmarshal(s.Changes, &p)
	var f *fault.Error
	if err != nil && !errors.As(err, &f) {
		err = fault.New(fault.Internal, "see it as it is: tfops show "+s.ID+" -o json", "the plan of run %s cannot be read: %w", s.ID, err)
	}
	return &p, err
}

func (a *app) tellRun(r api.Run, pl *plan.Plan, events bool) {
	p := a.term()
	r = once(r)
	p.KeyValues(a.runFacts(r))
	if r.Error != nil {
		p.Printf("")
		a.tellFailure(*r.Error)
	}
	if events && len(r.Events) > 0 {
		p.Printf("")
		var rows [][]term.Cell
		for _, e := range r.Events {
			rows = append(rows, []term.Cell{{Text: when(e.At)}, {Text: e.To, Tone: toneOf(e.To)}, {Text: e.Actor}, {Text: e.Text}})
		}
		a.table([]string{"TIME", "STATUS", "WHO", "WHAT"}, rows)
	}
	if lines := warningLines(r); len(lines) > 0 {
		p.Printf("")
		p.KeyValues(lines)
	}
	if pl != nil {
		p.Printf("")
		p.Plan(nil, pl)
	}
}

// warningLines are what stands above the plan of a run.
func warningLines(r api.Run) []term.KeyValue {
	var lines []term.KeyValue
	for _, w := range r.Warnings {
		lines = append(lines, term.KeyValue{Key: "Warning", Value: w, Tone: term.Busy})
	}
	for _, why := range r.Confirm {
		lines = append(lines, term.KeyValue{Key: "To confirm", Value: why, Tone: term.Busy})
	}
	return lines
}

// tellFailure prints why a run failed, as a part of what was asked for.
func (a *app) tellFailure(f api.Failure) {
	p := a.term()
	p.KeyValues([]term.KeyValue{{Key: "Error", Value: f.Message, Tone: term.Bad}, {Key: "Next", Value: f.Next}})
	if f.Detail != "" {
		p.Printf("\n%s", f.Detail)
	}
}

// patchText tells that a plan is not of the commit as it is.
func patchText(finding string) string {
	if finding == "" {
		return ""
	}
	return "that codifies finding " + finding + ": the code is the commit with that patch"
}

// once is a run with each reason in the one place where it is told: what a state is, beside its
// ways out, and what is to be confirmed, above the plan. Others repeat it, for who reads one of them.
func once(r api.Run) api.Run {
	told := slices.Clone(r.Confirm)
	if n := r.NewState; n != nil {
		told = append(told, n.Text)
		r.WaitingFor = strings.TrimSuffix(r.WaitingFor, ": "+n.Text)
		r.Confirm = slices.DeleteFunc(slices.Clone(r.Confirm), func(why string) bool { return why == n.Text })
	}
	r.Needs = slices.Clone(r.Needs)
	for i := range r.Needs {
		r.Needs[i].Because = slices.DeleteFunc(slices.Clone(r.Needs[i].Because), func(why string) bool { return slices.Contains(told, why) })
	}
	return r
}

func (a *app) runFacts(r api.Run) []term.KeyValue {
	facts := []term.KeyValue{
		{Key: "Run", Value: r.ID},
		{Key: "Workspace", Value: r.Workspace},
		{Key: "Kind", Value: r.Kind},
		{Key: "Status", Value: statusText(r), Tone: toneOf(r.Status)},
		{Key: "Comment", Value: r.Comment},
		{Key: "Superseded by", Value: r.SupersededBy},
		{Key: "Waiting for", Value: r.WaitingFor, Tone: term.Busy},
		{Key: "Next command", Value: r.NextCommand},
		{Key: "Commit", Value: fmt.Sprintf("%s %s\nby %s, %s", short(r.Commit.SHA), subject(r.Commit.Message), r.Commit.Author, a.at(&r.Commit.Time))},
		{Key: "Tag", Value: r.Tag},
		{Key: "With a patch", Value: patchText(r.Codify)},
		{Key: "Trigger", Value: triggerText(r.Trigger)},
		{Key: "After", Value: strings.Join(r.Upstream, ", ")},
		{Key: "Inputs", Value: inputsText(r.Inputs)},
		{Key: "State", Value: r.State},
		{Key: "Move", Value: moveText(r.Move)},
		{Key: "Another state", Value: newStateText(r.NewState), Tone: term.Bad},
	}
	if r.Attempt > 1 {
		facts = append(facts, term.KeyValue{Key: "Attempt", Value: fmt.Sprint(r.Attempt)})
	}
	if r.Plan != nil {
		facts = append(facts, term.KeyValue{Key: "Plan", Value: changesText(r.Plan)}, term.KeyValue{Key: "Digest", Value: r.Plan.Digest}, term.KeyValue{Key: "Engine", Value: r.Plan.Engine})
	}
	return append(facts,
		term.KeyValue{Key: "Votes", Value: a.votesText(r.Approvals)},
		term.KeyValue{Key: "Needs", Value: needsText(r.Needs)},
		term.KeyValue{Key: "Created", Value: a.at(&r.CreatedAt)},
		term.KeyValue{Key: "Not before", Value: a.at(r.NotBefore)},
		term.KeyValue{Key: "Planned", Value: a.at(r.PlannedAt)},
		term.KeyValue{Key: "Expires", Value: a.expires(r)},
		term.KeyValue{Key: "Apply began", Value: a.at(r.ApplyStartedAt)},
		term.KeyValue{Key: "Finished", Value: a.at(r.FinishedAt)},
		term.KeyValue{Key: "Took", Value: took(r)})
}

func moveText(m *api.StateMove) string {
	if m == nil {
		return ""
	}
	return m.Text
}

// newStateText says which state would be left behind, and what to do about it.
func newStateText(n *api.NewState) string {
	if n == nil {
		return ""
	}
	lines := []string{n.Text}
	for _, w := range n.Ways {
		lines = append(lines, w.What+": "+w.Command)
	}
	return strings.Join(lines, "\n")
}

// expires is empty once it does not matter any more.
func (a *app) expires(r api.Run) string {
	if hasEnded(r.Status) {
		return ""
	}
	return a.at(r.ExpiresAt)
}

func inputsText(all []api.Input) string {
	var lines []string
	for _, in := range all {
		line := in.Output + " of " + in.Workspace
		if in.Sensitive {
			line += " (sensitive)"
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

func triggerText(t api.Trigger) string {
	text := t.Cause
	if t.Actor != "" {
		text += ", " + t.Actor
	}
	if t.Run != "" {
		text += ", after run " + t.Run
	}
	return text
}

func (a *app) votesText(votes []api.Vote) string {
	var lines []string
	for _, v := range votes {
		line := v.Voter + ": " + yesNo(v.Yes) + ", " + a.at(&v.At)
		if v.Comment != "" {
			line += ", " + quote(v.Comment)
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

func needsText(needs []api.Need) string {
	var lines []string
	for _, n := range needs {
		line := fmt.Sprintf("%d of %s", len(n.Voters), counted(n.Require, "approval"))
		if len(n.From) > 0 {
			line += " of " + strings.Join(n.From, " or ")
		}
		if n.Rule != "" {
			line += ` (rule "` + n.Rule + `")`
		}
		if len(n.Voters) > 0 {
			line += ": " + strings.Join(n.Voters, ", ")
		}
		switch {
		case n.Blocked != "":
			line += "; blocked: " + n.Blocked
		case n.Met:
			line += "; met"
		}
		if len(n.Because) > 0 {
			line += "; because " + strings.Join(n.Because, ", and because ")
		}
		if n.Note != "" {
			line += "; " + n.Note
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}
