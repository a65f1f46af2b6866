package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/api/lookup"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/term"
	"github.com/tfops/tfops/internal/usage"
)

var (
	syncWords  = []string{"synced", "pending", "out_of_sync", "errored", "unknown", "orphaned"}
	driftWords = []string{"none", "drifted", "unknown"}
)

// fleetFilter selects workspaces.
type fleetFilter struct {
	labels []string // "key=value", all must hold
	sync   string
	drift  string
}

func newStatusCommand(a *app) *cobra.Command {
	var f fleetFilter
	cmd := &cobra.Command{
		Use:   "status [WORKSPACE]",
		Short: "Show the fleet, or one workspace",
		Long: `Show the fleet: how far each workspace is from what Git says, what is known of
its drift, and what it waits for. Repositories that cannot be read, a
configuration that is not in force, workspaces that it has no more though what
they applied is still there, and notifications that do not arrive are named above
it. With a WORKSPACE, show all about that one, and the command that moves it
on.

SYNC is synced, pending (a run is on its way), out_of_sync (not applied and
nothing is on its way), errored, unknown or orphaned (what a workspaces block
made it of is gone); DRIFT is none, drifted or unknown
(never checked, or the last check failed).`,
		Example: `  tfops status
  tfops status network-prod
  tfops status --label team=network --sync errored
  tfops status -o json`,
		Args:              usage.TakesUpTo(1),
		ValidArgsFunction: a.completeOne(a.workspaceNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return err
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			if len(args) == 1 {
				if f.given() {
					return fault.New(fault.Invalid, "leave out the filters or the workspace", "filters are for the whole fleet")
				}
				return a.statusOf(cmd.Context(), c, args[0])
			}
			return a.fleet(cmd.Context(), c, f)
		},
	}
	cmd.Flags().StringArrayVar(&f.labels, "label", nil, "only workspaces with this label, `KEY=VALUE`; repeat it for more, all must hold")
	cmd.Flags().StringVar(&f.sync, "sync", "", "only workspaces whose sync is `STATUS`: "+strings.Join(syncWords, ", "))
	cmd.Flags().StringVar(&f.drift, "drift", "", "only workspaces whose drift is `STATUS`: "+strings.Join(driftWords, ", "))
	_ = cmd.RegisterFlagCompletionFunc("sync", usage.Words(syncWords))
	_ = cmd.RegisterFlagCompletionFunc("drift", usage.Words(driftWords))
	_ = cmd.RegisterFlagCompletionFunc("label", a.complete(a.labels))
	return cmd
}

func (f fleetFilter) given() bool { return len(f.labels) > 0 || f.sync != "" || f.drift != "" }

func (f fleetFilter) check() error {
	if err := usage.OneOf("sync", f.sync, syncWords); err != nil {
		return err
	}
	for _, l := range f.labels {
		if k, _, ok := strings.Cut(l, "="); !ok || k == "" {
			return fault.New(fault.Invalid, "write --label KEY=VALUE", "--label %q has no value", l)
		}
	}
	return usage.OneOf("drift", f.drift, driftWords)
}

func (f fleetFilter) matches(w api.Workspace) bool {
	for _, l := range f.labels {
		key, value, _ := strings.Cut(l, "=")
		if have, ok := w.Labels[key]; !ok || have != value {
			return false
		}
	}
	return (f.sync == "" || f.sync == w.Sync) && (f.drift == "" || f.drift == w.Drift)
}

func (a *app) fleet(ctx context.Context, c *api.Client, f fleetFilter) error {
	s, err := c.Status(ctx)
	if err != nil {
		return err
	}
	all := len(s.Workspaces)
	s.Workspaces = slices.DeleteFunc(s.Workspaces, func(w api.Workspace) bool { return !f.matches(w) })
	return a.print(s, func() {
		a.tellTrouble(s)
		a.tellGenerators(s)
		a.tellFleet(s.Workspaces)
		if len(s.Workspaces) > 0 {
			a.term().Notef("%s", fleetSummary(s.Workspaces, all))
		} else if all > 0 {
			a.term().Notef("None of %s fits.", counted(all, "workspace"))
		}
	})
}

// tellTrouble names what concerns more than one workspace.
func (a *app) tellTrouble(s api.Status) {
	p := a.term()
	if s.Config.Error != "" {
		p.Warning("the configuration "+s.Config.Path+" is not in force, the one read "+p.Ago(s.Config.LoadedAt)+" is: "+s.Config.Error,
			"correct the file; tfops validate checks it")
	}
	for _, r := range s.Repositories {
		if r.Note != "" {
			p.Notef("Repository %s: %s.", r.Name, r.Note)
		}
		if r.Error == "" {
			continue
		}
		last := "it was never read"
		if r.PolledAt != nil {
			last = "it was last read " + p.Ago(*r.PolledAt)
		}
		p.Warning("repository "+r.Name+" cannot be read ("+counted(r.Failures, "failure")+", "+last+"): "+r.Error, r.Next)
	}
	for _, l := range s.LeftBehind {
		stays := "what it began to apply may be there"
		if l.AppliedAt != nil {
			stays = "what it applied " + p.Ago(*l.AppliedAt) + " is still there"
		}
		p.Warning("the configuration has no workspace "+l.Name+" any more, and "+stays+": nobody checks it for drift",
			"write it again under that name; tfops destroy "+l.Name+" then takes down what it has")
	}
	for _, d := range s.Damage {
		what := "a record of the store was damaged and set aside " + p.Ago(d.At) + ": " + strings.TrimSpace(d.Bucket+" "+d.Key)
		p.Warning(what+": "+d.Why, "compare what is applied with the state, then tfops resume each workspace that is suspended for it; look at the disk")
	}
	for _, stray := range s.Strays {
		text, next := "the store does not know run "+stray.Run+", whose directory is kept: "+stray.Dir, "look at it, then move it away and start tfops serve again"
		if stray.State != "" {
			text += "; in it lies a state that an apply could not save"
			next = "tfops decrypt " + stray.State + " > errored.tfstate; put it into the backend, then move the directory away and start tfops serve again"
		}
		if len(stray.PIDs) > 0 {
			text += fmt.Sprintf("; process %d of it was still running when the daemon started", stray.PIDs[0])
		}
		p.Warning(text, next)
	}
	for _, t := range s.Notify {
		switch {
		case t.Dead > 0 && t.Failing: // the error may be of either
			p.Warning("notify "+t.Name+": "+countOf(t.Dead, "given up")+" and "+countOf(t.Waiting, "waiting")+", the error of one: "+t.LastError, "tfops notify dead")
		case t.Dead > 0:
			p.Warning("notify "+t.Name+": "+countOf(t.Dead, "given up")+", last: "+t.LastError, "tfops notify dead")
		case t.Failing:
			p.Warning("notify "+t.Name+": "+countOf(t.Waiting, "waiting")+", tried in vain: "+t.LastError, "tfops notify")
		}
	}
}

func (a *app) tellGenerators(s api.Status) {
	for _, g := range s.Generators {
		for _, problem := range g.Problems {
			a.term().Warning(problem.Where+": "+problem.Message, problem.Next)
		}
	}
}

func (a *app) tellFleet(workspaces []api.Workspace) {
	if len(workspaces) == 0 {
		return
	}
	var rows [][]term.Cell
	for _, w := range workspaces {
		rows = append(rows, []term.Cell{{Text: w.Name}, {Text: w.Sync, Tone: toneOf(w.Sync)}, {Text: w.Drift, Tone: toneOf(w.Drift)},
			{Text: short(w.DesiredCommit)}, {Text: appliedText(w)}, {Text: a.ago(w.LastCheckedAt)}, {Text: w.WaitingFor}})
	}
	a.table([]string{"WORKSPACE", "SYNC", "DRIFT", "DESIRED", "APPLIED", "LAST CHECK", "WAITING FOR"}, rows)
}

func appliedText(w api.Workspace) string {
	if w.Destroyed {
		return "destroyed"
	}
	return short(w.AppliedCommit)
}

// fleetSummary counts, the usual words first.
func fleetSummary(workspaces []api.Workspace, all int) string {
	bySync, drifted, unchecked := map[string]int{}, 0, 0
	for _, w := range workspaces {
		bySync[w.Sync]++
		switch {
		case w.Drift == "drifted":
			drifted++
		case mayHaveDrifted(w):
			unchecked++
		}
	}
	var parts []string
	for _, word := range syncWords {
		if n := bySync[word]; n > 0 {
			parts = append(parts, countOf(n, word))
		}
	}
	if drifted > 0 {
		parts = append(parts, countOf(drifted, "drifted"))
	}
	if unchecked > 0 {
		parts = append(parts, countOf(unchecked, "unchecked"))
	}
	text := counted(len(workspaces), "workspace")
	if len(workspaces) < all {
		text = countOf(len(workspaces), "of "+counted(all, "workspace"))
	}
	return text + ": " + strings.Join(parts, ", ") + "."
}

// mayHaveDrifted reports whether a workspace has something applied of which
// nobody knows whether it is still so.
func mayHaveDrifted(w api.Workspace) bool {
	return w.Drift == "unknown" && w.AppliedCommit != "" && !w.Destroyed
}

func (a *app) statusOf(ctx context.Context, c *api.Client, name string) error {
	w, err := c.Workspace(ctx, name)
	if err != nil {
		return lookup.Workspace(ctx, c, name, err)
	}
	return a.print(w, func() { a.term().KeyValues(a.workspaceFacts(w)) })
}

func (a *app) workspaceFacts(w api.Workspace) []term.KeyValue {
	facts := []term.KeyValue{
		{Key: "Workspace", Value: w.Name},
		{Key: "Sync", Value: w.Sync, Tone: toneOf(w.Sync)},
		{Key: "Drift", Value: a.driftText(w), Tone: toneOf(w.Drift)},
		{Key: "Healing", Value: healingText(w), Tone: term.Bad},
		{Key: "Waiting for", Value: w.WaitingFor, Tone: term.Busy},
		{Key: "Next command", Value: nextFor(w)},
		{Key: "Desired commit", Value: w.DesiredCommit},
		{Key: "Applied commit", Value: withTime(w.AppliedCommit, a.at(w.AppliedAt))},
	}
	if w.Destroyed {
		facts = append(facts, term.KeyValue{Key: "Destroyed", Value: a.at(w.AppliedAt)})
	}
	if w.HeadCommit != w.DesiredCommit {
		facts = append(facts, term.KeyValue{Key: "Newest commit", Value: w.HeadCommit})
	}
	if r := w.LastRun; r != nil {
		facts = append(facts, term.KeyValue{Key: "Last run", Value: r.ID + " (" + r.Kind + ", " + r.Status + ")", Tone: toneOf(r.Status)})
	}
	if l := w.Lock; l != nil {
		facts = append(facts, term.KeyValue{Key: "Lock", Value: lockText(*l, a.term().Time(l.Since)), Tone: term.Busy})
	}
	if s := w.Suspended; s != nil {
		facts = append(facts, term.KeyValue{Key: "Suspended", Value: a.suspensionText(*s), Tone: term.Busy})
	}
	return append(facts,
		term.KeyValue{Key: "Drifted", Value: strings.Join(w.Drifted, "\n"), Tone: term.Bad},
		term.KeyValue{Key: "Last check", Value: a.at(w.LastCheckedAt)},
		term.KeyValue{Key: "Next check", Value: a.at(w.NextCheckAt)},
		term.KeyValue{Key: "Upstream", Value: upstreamText(w.Upstream)},
		term.KeyValue{Key: "Repository", Value: w.Repository},
		term.KeyValue{Key: "Follows", Value: cmp.Or(w.Follows, "branch "+w.Branch)},
		term.KeyValue{Key: "Directory", Value: w.Dir},
		term.KeyValue{Key: "Terraform workspace", Value: w.TerraformWorkspace},
		term.KeyValue{Key: "Made by", Value: w.Generator},
		term.KeyValue{Key: "Apply", Value: w.Apply},
		term.KeyValue{Key: "Labels", Value: labelText(w.Labels)},
		term.KeyValue{Key: "State", Value: w.State})
}

// healingText is why drift that is to be healed by itself is still there.
func healingText(w api.Workspace) string {
	switch {
	case w.HealStopped != "":
		return "stopped: " + w.HealStopped
	case w.NotHealed != "":
		return "not healed: " + w.NotHealed
	}
	return ""
}

// nextFor is the command that moves a workspace on: of what it waits for, or
// else towards knowing whether it has drifted.
func nextFor(w api.Workspace) string {
	if w.NextCommand == "" && mayHaveDrifted(w) {
		return "tfops drift " + w.Name + " --wait"
	}
	return w.NextCommand
}

func upstreamText(all []api.Dependency) string {
	var lines []string
	for _, d := range all {
		why := d.Why
		if d.Inferred {
			why = "inferred: " + why
		}
		lines = append(lines, d.Workspace+" ("+why+")")
	}
	return strings.Join(lines, "\n")
}

func (a *app) driftText(w api.Workspace) string {
	text := w.Drift
	switch {
	case w.Drift == "unknown" && w.LastCheckedAt != nil:
		text += ", last looked at " + a.ago(w.LastCheckedAt)
	case w.Drift != "unknown" && w.DriftSince != nil:
		text += ", since " + when(*w.DriftSince)
	}
	if w.DriftWhy != "" {
		text += ": " + w.DriftWhy
	}
	return text
}

func withTime(what, at string) string {
	if what == "" || at == "" {
		return what
	}
	return what + ", " + at
}

func lockText(l api.Lock, since string) string {
	text := "by " + l.Holder + ", " + since
	if l.Reason != "" {
		text += ": " + l.Reason
	}
	if len(l.Waiting) > 0 {
		text += "\nwaiting: " + strings.Join(l.Waiting, ", ")
	}
	return text
}

func (a *app) suspensionText(s api.Suspension) string {
	text := "by " + s.By + ", " + a.term().Time(s.At)
	if s.Until != nil {
		text += "; still " + a.stretch(*s.Until)
	}
	return text + ": " + s.Reason
}

func labelText(labels map[string]string) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		parts = append(parts, k+"="+labels[k])
	}
	return strings.Join(parts, ", ")
}
