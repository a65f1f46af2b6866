// Package wire writes what the engine shows in the types of package api, which are what
// goes over the wire. Times are UTC, lists are never null, secrets are not in it.
package wire

import (
	"maps"
	"slices"
	"time"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/engine/decide"
	"github.com/tfops/tfops/internal/engine/managed"
	"github.com/tfops/tfops/internal/engine/view"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// each makes a list of one form from a list of another.
func each[V, T any](all []V, form func(V) T) []T {
	out := make([]T, len(all))
	for i, v := range all {
		out[i] = form(v)
	}
	return out
}

// at is a time on the wire: UTC, absent when there is none.
func at(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func waiting(w decide.Wait) *api.Waiting {
	if w.Kind == "" {
		return nil
	}
	return &api.Waiting{Kind: string(w.Kind), Run: w.Run, Lock: w.Lock}
}

// Run is a run, with what it waits for.
func Run(v view.Run) api.Run {
	r := v.Run
	out := api.Run{
		ID: r.ID, Workspace: r.Workspace, Kind: string(r.Kind), Debug: r.Debug, Attempt: r.Attempt,
		Upstream: r.Upstream,
		Status:   string(r.Status), Reason: string(r.Reason), Comment: r.Comment, SupersededBy: r.SupersededBy,
		WaitingFor: v.Wait.Sentence(), Waiting: waiting(v.Wait), NextCommand: v.Wait.Command,
		NeedsPerson: v.Wait.Person,
		Commit:      commit(r.Commit), Authors: authors(r.Authors),
		Tag: r.Tag, Ref: r.Ref, Sandbox: string(r.Sandbox), Codify: r.Codify, Inputs: inputs(r.Inputs),
		Trigger: api.Trigger{Cause: string(r.Trigger.Cause), Actor: r.Trigger.Actor, Run: r.Trigger.Run},
		Plan:    planSummary(r.Kind, r.Plan), Approvals: votesOn(r, v.Votes), Needs: needsOf(v.Needs),
		State: r.State, NewState: newState(r), Move: stateMove(r.Moving),
		Warnings: r.Warnings, Confirm: r.Confirm, Found: found(r.Found), Error: failure(r.Failure),
		Events: eventsOf(v.Events), Network: contacts(v.Network),
		Progress:  progress(v.Progress),
		CreatedAt: r.CreatedAt.UTC(), StartedAt: at(r.StartedAt), PlannedAt: at(r.PlannedAt),
		ApplyStartedAt: at(r.ApplyStartedAt), FinishedAt: at(r.FinishedAt), NotBefore: at(r.NotBefore),
	}
	if r.Status == run.AwaitingApproval || r.Status == run.ApplyQueued {
		out.ExpiresAt = at(r.ExpiresAt)
	}
	return out
}

func newState(r run.Run) *api.NewState {
	n := r.NewState
	if n == nil {
		return nil
	}
	out := &api.NewState{Text: n.String(), From: stateRef(n.From), To: stateRef(n.To), Was: n.Was, Why: n.Why}
	if r.Status.Terminal() { // nothing is left to be decided
		return out
	}
	for _, w := range n.Ways(r) {
		out.Ways = append(out.Ways, api.StateWay{What: w.What, Command: w.Command})
	}
	return out
}

func stateMove(m *run.StateMove) *api.StateMove {
	if m == nil {
		return nil
	}
	var brought *api.StateImport
	if i := m.Import; i != nil {
		brought = &api.StateImport{Digest: i.Digest, Serial: i.Serial, Lineage: i.Lineage, Resources: i.Resources,
			Replace: i.Replace, Reason: i.Reason, Replaced: i.Replaced}
	}
	return &api.StateMove{Text: m.String(), Import: brought, From: stateRef(m.From), To: stateRef(m.To), Done: m.Done,
		Resources: m.Resources, Serial: m.Serial, Lineage: m.Lineage}
}

func stateRef(s workspace.StateRef) api.StateRef {
	out := api.StateRef{Identity: s.Identity, Backend: s.Backend, Place: s.Place}
	if s.Counted {
		out.Resources = &s.Resources
	}
	return out
}

func inputs(used map[string]run.InputUsed) []api.Input {
	var out []api.Input
	for _, text := range slices.Sorted(maps.Keys(used)) {
		ref := workspace.ParseOutputRef(text)
		out = append(out, api.Input{Workspace: ref.Workspace, Output: ref.Output, Sensitive: used[text].Sensitive})
	}
	return out
}

// Runs are runs.
func Runs(views []view.Run) []api.Run { return each(views, Run) }

// progress is how far an apply came that ended halfway.
func progress(p *view.Progress) *api.Progress {
	if p == nil {
		return nil
	}
	steps := func(all []view.Step) []api.Step {
		out := []api.Step{}
		for _, s := range all {
			out = append(out, api.Step{Address: s.Address, Action: s.Action, Provisioner: s.Provisioner})
		}
		return out
	}
	return &api.Progress{Finished: steps(p.Finished), Failed: steps(p.Failed), UnderWay: steps(p.UnderWay),
		NotBegun: steps(p.NotBegun)}
}

func contacts(all []view.Contact) (out []api.Contact) {
	for _, c := range all {
		out = append(out, api.Contact{Phase: string(c.Phase), Host: c.Host, Port: c.Port, BytesIn: c.In,
			BytesOut: c.Out,
			Count:    c.Count, FirstSeen: c.First.UTC(), Refused: c.Refused})
	}
	return out
}

func commit(c run.Commit) api.Commit {
	out := api.Commit{SHA: c.SHA, Author: c.Author.Name, AuthorEmail: c.Author.Email,
		Committer: c.Committer.Name, CommitterEmail: c.Committer.Email, Message: c.Message, Time: c.Time.UTC()}
	for _, p := range c.CoAuthors {
		out.CoAuthors = append(out.CoAuthors, p.Name+" <"+p.Email+">")
	}
	return out
}

func planSummary(k run.Kind, p *run.PlanSummary) *api.Plan {
	if p == nil {
		return nil
	}
	c := p.Counts
	out := &api.Plan{Digest: p.Digest, Add: c.Add, Change: c.Change, Delete: c.Delete, Replace: c.Replace,
		Import: c.Import,
		Move:   c.Move, Forget: c.Forget, Read: c.Read, Outputs: c.Outputs,
		Drifted: p.Drifted, Changes: p.Changes, Complete: p.Complete, Engine: p.Engine,
		Hosts: p.Hosts, NewHosts: p.NewHosts}
	if k == run.Refresh {
		out.Accept = len(p.Addresses)
	}
	return out
}

// votesOn lists the votes on the plan that the run has now; those on an
// earlier one count for nothing.
func votesOn(r run.Run, votes []approvals.Vote) []api.Vote {
	out := []api.Vote{}
	for _, v := range votes {
		if r.Plan != nil && v.Digest == r.Plan.Digest {
			out = append(out, api.Vote{Voter: v.Voter, Yes: v.Yes, Digest: v.Digest, Comment: v.Comment,
				At: v.At.UTC()})
		}
	}
	return out
}

func needsOf(needs []approvals.Need) []api.Need {
	var out []api.Need
	for _, n := range needs {
		voters := n.Voters
		if voters == nil {
			voters = []string{}
		}
		out = append(out, api.Need{Rule: n.Rule, Require: n.Require, From: n.From, Voters: voters, Met: n.Met(),
			Note: n.Note, Because: n.Because, Blocked: n.Blocked})
	}
	return out
}

func failure(f *run.Failure) *api.Failure {
	if f == nil {
		return nil
	}
	return &api.Failure{Message: f.Message, Detail: f.Detail, Next: f.Next}
}

func eventsOf(events []run.Event) []api.Event {
	var out []api.Event
	for _, e := range events {
		out = append(out, api.Event{At: e.At.UTC(), From: string(e.From), To: string(e.To), Actor: e.Actor,
			Text: e.Text})
	}
	return out
}

func found(f *run.Found) *api.Found {
	if f == nil {
		return nil
	}
	return &api.Found{Drift: string(f.Drift), Addresses: append([]string{}, f.Addresses...), Why: f.Why}
}

// Restored says what a managed state was restored from.
func Restored(r managed.Restored) api.RestoredState { return api.RestoredState(r) }
