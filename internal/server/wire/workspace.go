package wire

import (
	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/engine/view"
	"github.com/tfops/tfops/internal/workspace"
)

// Workspace shows a workspace; queued are the runs that wait to apply.
func Workspace(v view.Workspace, queued []view.Run) api.Workspace {
	rec := v.Record
	out := api.Workspace{
		Name: v.Name, Repository: v.Repository, Branch: v.Branch, Follows: v.Follows, Dir: v.Dir,
		TerraformWorkspace: v.TerraformWorkspace,
		Labels:             v.Labels, Apply: string(v.Apply),
		HeadCommit: rec.Head, DesiredCommit: rec.Desired, AppliedCommit: rec.Applied, AppliedAt: at(rec.AppliedAt),
		Destroyed: rec.Destroyed,
		Sync:      string(v.Sync), WaitingFor: v.Wait.Sentence(), Waiting: waiting(v.Wait), NextCommand: v.Wait.Command,
		State:         rec.State,
		LastCheckedAt: at(rec.Drift.CheckedAt), NextCheckAt: at(v.NextCheck),
	}
	setDrift(&out, rec.Drift)
	for _, d := range v.Upstream {
		out.Upstream = append(out.Upstream, api.Dependency{Workspace: d.Upstream, Why: d.Why, Inferred: d.Inferred})
	}
	if v.Origin != nil {
		out.Generator = v.Origin.Generator
	}
	if rec.Orphan != nil {
		out.OrphanedSince = at(rec.Orphan.Since)
	}
	if v.Lock != nil {
		l := lock(*v.Lock, queued)
		out.Lock = &l
	}
	if s := rec.Suspension; s != nil {
		out.Suspended = &api.Suspension{By: s.By, Reason: s.Reason, At: s.At.UTC(), Until: at(s.Until)}
	}
	if r := v.LastRun; r != nil {
		out.LastRun = &api.RunRef{ID: r.ID, Kind: string(r.Kind), Status: string(r.Status)}
	}
	return out
}

// setDrift tells what is known of the real world. Nothing known is unknown,
// never clean.
func setDrift(out *api.Workspace, d workspace.DriftRecord) {
	switch d.Status {
	case "":
		out.Drift, out.DriftWhy = string(workspace.DriftUnknown), "it was never checked"
	default:
		out.Drift, out.DriftWhy = string(d.Status), d.Why
	}
	out.DriftSince, out.Drifted, out.HealStopped, out.NotHealed = at(d.Since), d.Addresses, d.HealStopped, d.NotHealed
}

// Workspaces are workspaces; queued are the runs that wait to apply.
func Workspaces(views []view.Workspace, queued []view.Run) []api.Workspace {
	return each(views, func(v view.Workspace) api.Workspace { return Workspace(v, queued) })
}
