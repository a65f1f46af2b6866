package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/api/lookup"
	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/moment"
	"github.com/tfops/tfops/internal/term"
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
		ValidArgsFunction: a.completeOne(a.workspaceNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, l := range lives {
				if err := usage.OneOf("life", l, lookup.Lives); err != nil {
					return err
				}
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			name := append(args, "")[0]
			found, err := c.Findings(cmd.Context(), name, lives)
			if err != nil {
				return lookup.Workspace(cmd.Context(), c, name, err)
			}
			return a.print(found, func() { a.tellFindings(found) })
		},
	}
	cmd.Flags().StringArrayVar(&lives, "life", nil, "only findings whose life is `LIFE`: "+strings.Join(lookup.Lives, ", ")+"; may be repeated")
	_ = cmd.RegisterFlagCompletionFunc("life", usage.Words(lookup.Lives))
	return cmd
}

func (a *app) tellFindings(found []api.Finding) {
	if len(found) == 0 {
		a.term().Notef("No finding.")
		return
	}
	var rows [][]term.Cell
	for _, f := range found {
		rows = append(rows, []term.Cell{{Text: f.ID}, {Text: f.Severity, Tone: severityTone(f.Severity)}, {Text: f.Workspace}, {Text: addressText(f)},
			{Text: f.Class}, {Text: f.Life}, {Text: a.ago(cmp.Or(f.ReturnedAt, &f.FirstSeen))}, {Text: strings.Join(f.Owners, " ")}})
	}
	a.table([]string{"FINDING", "SEVERITY", "WORKSPACE", "ADDRESS", "CLASS", "LIFE", "SINCE", "OWNER"}, rows)
	a.term().Notef("One of them, and what can be done about it: tfops drift show %s", found[0].ID)
}

func severityTone(severity string) term.Tone {
	switch severity {
	case "critical", "high":
		return term.Bad
	case "medium":
		return term.Busy
	}
	return term.Quiet
}

func addressText(f api.Finding) string {
	if f.Address == "" {
		return "(the workspace)"
	}
	return f.Address
}

func newFindingCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "show FINDING",
		Short: "Show a finding and the ways out of it",
		Long: `Show a finding: what differs, since when, who owns it, which apply touched it
last, and the commands that revert, codify, accept or ignore it. Sensitive
values are never in it.`,
		Example:           `  tfops drift show 3f2a9c41d07b`,
		Args:              usage.Takes("FINDING"),
		ValidArgsFunction: a.completeOne(a.findingIDs),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.onFinding(cmd.Context(), args[0], func(c *api.Client, id string) error {
				f, err := c.Finding(cmd.Context(), id)
				if err != nil {
					return err
				}
				return a.print(f, func() { a.tellFinding(f) })
			})
		},
	}
}

func (a *app) findingIDs(ctx context.Context, c *api.Client) ([]cobra.Completion, error) {
	found, err := c.Findings(ctx, "", nil)
	var list []cobra.Completion
	for _, f := range found {
		list = append(list, choice(f.ID, f.Workspace+" "+addressText(f)))
	}
	return list, err
}

// onFinding does something with the finding that was named.
func (a *app) onFinding(ctx context.Context, given string, do func(c *api.Client, id string) error) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	return lookup.Finding(ctx, c, given, func(id string) error { return do(c, id) })
}

func (a *app) findingFacts(f api.Finding) []term.KeyValue {
	facts := []term.KeyValue{
		{Key: "Finding", Value: f.ID},
		{Key: "Workspace", Value: f.Workspace},
		{Key: "Address", Value: f.Address},
		{Key: "Severity", Value: f.Severity, Tone: severityTone(f.Severity)},
		{Key: "Class", Value: f.Class + ": " + f.Meaning},
		{Key: "Life", Value: lifeText(f)},
		{Key: "First seen", Value: a.at(&f.FirstSeen)},
		{Key: "Back since", Value: a.at(f.ReturnedAt)},
		{Key: "Last seen", Value: a.at(&f.LastSeen) + fmt.Sprintf(", %s in all", counted(f.Times, "time"))},
	}
	if f.File != "" {
		facts = append(facts, term.KeyValue{Key: "Written in", Value: fmt.Sprintf("%s:%d", f.File, f.Line)})
	}
	if len(f.Owners) > 0 {
		facts = append(facts, term.KeyValue{Key: "Owner", Value: strings.Join(f.Owners, " ")})
	}
	if f.LastRun != "" {
		by := ""
		if len(f.Approvers) > 0 {
			by = ", approved by " + strings.Join(f.Approvers, ", ")
		}
		facts = append(facts, term.KeyValue{Key: "Last apply", Value: f.LastRun + by})
	}
	return facts
}

func (a *app) tellFinding(f api.Finding) {
	p := a.term()
	p.KeyValues(a.findingFacts(f))
	a.tellDifferences(f)
	if f.Class == "unchecked" {
		p.Printf("")
		p.Printf("All that the engine said is in the run (tfops show): tfops runs --workspace %s --kind drift --limit 1", drift.ShellWord(f.Workspace))
	}
	if len(f.WaysOut) > 0 {
		p.Printf("")
		p.Heading("Ways out")
		var ways []term.KeyValue
		rule := ""
		for _, w := range f.WaysOut {
			ways = append(ways, term.KeyValue{Key: w.Way, Value: w.Command + "\n" + w.Note})
			rule += w.Rule
		}
		p.KeyValues(ways)
		if rule != "" {
			p.Printf("")
			p.Printf("The rule that ignores it, for tfops.hcl:")
			p.Printf("")
			p.Printf("%s", rule)
		}
	}
}

func (a *app) tellDifferences(f api.Finding) {
	p := a.term()
	for _, problem := range f.Problems {
		p.Printf("")
		p.Printf("%s", problem)
	}
	columns := []term.Column{{Name: "ATTRIBUTE"}, {Name: "APPLIED", Cut: 12}, {Name: "WORLD", Cut: 12}}
	if slices.ContainsFunc(f.Attributes, func(d api.Attribute) bool { return d.Wanted != nil }) {
		columns = append(columns, term.Column{Name: "WANTED", Cut: 12})
	}
	var rows [][]term.Cell
	for _, d := range f.Attributes {
		if d.Path == "" && d.Before == nil && d.After == nil && d.Wanted == nil {
			continue
		}
		path := d.Path
		if path == "" {
			path = "(the resource)"
		}
		if d.IgnoredBy != "" {
			path += " (ignored by " + d.IgnoredBy + ")"
		}
		rows = append(rows, []term.Cell{{Text: path}, {Text: valueText(d.Before, d.Sensitive)}, {Text: valueText(d.After, d.Sensitive)}, {Text: valueText(d.Wanted, d.Sensitive && d.Wanted != nil)}})
	}
	if len(rows) > 0 {
		p.Printf("")
		p.TableOf(columns, rows)
	}
}

func lifeText(f api.Finding) string {
	switch {
	case f.Ack != nil && f.Life == "acknowledged":
		text := "acknowledged by " + f.Ack.By + ": " + f.Ack.Reason
		if f.Ack.Until != nil {
			text += " (until " + when(*f.Ack.Until) + ")"
		}
		return text
	case f.Life == "resolved" && f.ResolvedBy != "":
		return "resolved by run " + f.ResolvedBy
	case f.Life == "resolved":
		return "resolved: the world changed back"
	}
	return f.Life
}

// valueText is a value in a table: JSON on one line, shortened.
func valueText(v any, sensitive bool) string {
	if sensitive {
		return "(sensitive value)"
	}
	if v == nil {
		return ""
	}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Sprint(v)
	}
	text := []rune(strings.TrimSpace(b.String()))
	if len(text) > 60 {
		return string(text[:59]) + "…"
	}
	return string(text)
}

func newAckCommand(a *app) *cobra.Command {
	var reason, until string
	cmd := &cobra.Command{
		Use:   "ack FINDING",
		Short: "Say that a finding is known",
		Long: `Say that a finding is known, with a reason that others see, until a time (see
suspend) or, without one, until it is resolved. It stays in the report, marked;
it comes back when the time is over or when another attribute of the resource
differs. A finding that is acknowledged is not healed.`,
		Example:           `  tfops drift ack 3f2a9c41d07b -m "larger for the migration" --until 7d`,
		Args:              usage.Takes("FINDING"),
		ValidArgsFunction: a.completeOne(a.findingIDs),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := usage.NeedReason(cmd, args, reason); err != nil {
				return err
			}
			end, err := moment.Until(until, a.now())
			if err != nil {
				return err
			}
			return a.onFinding(cmd.Context(), args[0], func(c *api.Client, id string) error {
				f, err := c.Acknowledge(cmd.Context(), id, api.Acknowledge{Reason: reason, Until: end})
				if err != nil {
					return err
				}
				return a.print(f, func() {
					how := "until it is resolved"
					if end != nil {
						how = a.stretch(*end)
					}
					a.term().Printf("Acknowledged finding %s (%s of %s) %s.", f.ID, addressText(f), f.Workspace, how)
					a.term().Notef("To take it back: tfops drift unack %s", f.ID)
				})
			})
		},
	}
	usage.ReasonFlag(cmd, &reason, "say `WHY`: needed, and kept with the finding")
	cmd.Flags().StringVar(&until, "until", "", "when it ends by itself: a duration, a date, or a `TIME`")
	_ = cmd.RegisterFlagCompletionFunc("until", cobra.NoFileCompletions)
	return cmd
}

func newUnackCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:               "unack FINDING",
		Short:             "Take an acknowledgement back",
		Long:              `Take the acknowledgement of a finding back: it counts as open again.`,
		Example:           `  tfops drift unack 3f2a9c41d07b`,
		Args:              usage.Takes("FINDING"),
		ValidArgsFunction: a.completeOne(a.findingIDs),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.onFinding(cmd.Context(), args[0], func(c *api.Client, id string) error {
				f, err := c.Unacknowledge(cmd.Context(), id)
				if err != nil {
					return err
				}
				return a.print(f, func() { a.term().Printf("Finding %s (%s of %s) is open again.", f.ID, addressText(f), f.Workspace) })
			})
		},
	}
}
