package wire

import (
	"time"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/engine/patches"
	"github.com/tfops/tfops/internal/run"
)

// Findings are findings.
func Findings(all []drift.Finding) []api.Finding { return each(all, Finding) }

// Finding is a finding with the ways out of it.
func Finding(f drift.Finding) api.Finding {
	out := api.Finding{ID: f.ID, Workspace: f.Workspace, Address: f.Address, Type: f.Type, Provider: f.Provider,
		Class: string(f.Class), Meaning: f.Meaning(), Action: string(f.Action), Problems: f.Problems,
		Follows: f.Follows, Written: (*api.Written)(f.Written),
		Life: string(f.Life), Severity: string(f.Severity), FirstSeen: f.FirstSeen.UTC(), LastSeen: f.LastSeen.UTC(),
		Times:      f.Times,
		ReturnedAt: at(f.Returned), ResolvedAt: at(f.ResolvedAt), ResolvedBy: f.ResolvedBy,
		File: f.File, Line: f.Line, Owners: f.Owners, LastRun: f.LastRun, Approvers: f.LastApprovers, Heals: f.Heals}
	out.Attributes = each(f.Attributes, func(a drift.Attribute) api.Attribute {
		return api.Attribute{Path: a.Path, Before: a.Before, After: a.After, Wanted: a.Wanted, Sensitive: a.Sensitive,
			IgnoredBy: a.IgnoredBy}
	})
	if a := f.Ack; a != nil {
		out.Ack = &api.Ack{By: a.By, Reason: a.Reason, At: a.At.UTC(), Until: at(a.Until)}
	}
	for _, w := range f.WaysOut(time.Now()) {
		out.WaysOut = append(out.WaysOut, api.WayOut{Way: string(w.Way), Note: w.Note, Command: w.Command,
			Rule: w.Rule})
	}
	return out
}

// Patch is a patch of the code.
func Patch(p patches.Patch) api.Patch {
	out := api.Patch{Finding: p.Finding, Workspace: p.Workspace, Run: p.Run, Commit: p.Commit, Diff: p.Diff,
		Done:    p.Done,
		Checked: p.Checked, Gone: p.Gone, Why: p.Why, Also: p.Also, Refused: []api.Refusal{}}
	for _, r := range p.Refused {
		out.Refused = append(out.Refused, api.Refusal{Path: r.Path, Why: r.Why, File: r.File, Line: r.Line,
			Next: r.Next})
	}
	return out
}

// Reports are the reports that were made by schedule.
func Reports(kept []run.Report) []api.Report {
	return each(kept, func(r run.Report) api.Report {
		return api.Report{ID: r.ID, Name: r.Name, At: r.At.UTC(), Since: r.Since.UTC(), Text: r.Text, Clean: r.Clean}
	})
}
