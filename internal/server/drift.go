package server

import (
	"bytes"
	"context"
	"io"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/drift/report"
	"github.com/tfops/tfops/internal/drift/report/formats"
	"github.com/tfops/tfops/internal/engine/acts"
	"github.com/tfops/tfops/internal/engine/patches"
	"github.com/tfops/tfops/internal/fault"
)

type findingsInput struct {
	Workspace string       `query:"workspace" maxLength:"128"`
	Life      []drift.Life `query:"life,explode" enum:"new,ongoing,resolved,recurring,acknowledged,ignored" doc:"Any of these; may be repeated. Without it, all that are not resolved"`
}

// foundInput names a finding.
type foundInput struct {
	Finding string `path:"finding" maxLength:"64"`
}

type ackInput struct {
	Finding string `path:"finding" maxLength:"64"`
	Body    api.Acknowledge
}

func (s *Server) findings(ctx context.Context, in *findingsInput) (*body[[]api.Finding], error) {
	found, err := s.Engine.Findings(ctx, acts.FindingQuery{Workspace: in.Workspace, Lives: in.Life})
	if err != nil {
		return nil, err
	}
	out := make([]api.Finding, len(found))
	for i, f := range found {
		out[i] = viewFinding(f)
	}
	return answerOf(out), nil
}

func (s *Server) finding(ctx context.Context, in *foundInput) (*body[api.Finding], error) {
	f, err := s.Engine.Finding(ctx, in.Finding)
	if err != nil {
		return nil, err
	}
	return answerOf(viewFinding(f)), nil
}

func (s *Server) acknowledge(ctx context.Context, in *ackInput) (*body[api.Finding], error) {
	a, err := actor(ctx)
	if err != nil {
		return nil, err
	}
	f, err := s.Engine.Acknowledge(ctx, a, in.Finding, in.Body.Reason, given(in.Body.Until))
	if err != nil {
		return nil, err
	}
	return answerOf(viewFinding(f)), nil
}

func (s *Server) unacknowledge(ctx context.Context, in *foundInput) (*body[api.Finding], error) {
	a, err := actor(ctx)
	if err != nil {
		return nil, err
	}
	f, err := s.Engine.Unacknowledge(ctx, a, in.Finding)
	if err != nil {
		return nil, err
	}
	return answerOf(viewFinding(f)), nil
}

func (s *Server) codify(ctx context.Context, in *foundInput) (*body[api.Patch], error) {
	a, err := actor(ctx)
	if err != nil {
		return nil, err
	}
	p, err := s.Engine.Codify(ctx, a, in.Finding)
	if err != nil {
		return nil, err
	}
	return answerOf(viewPatch(p)), nil
}

func (s *Server) patch(ctx context.Context, in *identified) (*body[api.Patch], error) {
	p, err := s.Engine.Patch(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return answerOf(viewPatch(p)), nil
}

func viewFinding(f drift.Finding) api.Finding {
	out := api.Finding{ID: f.ID, Workspace: f.Workspace, Address: f.Address, Type: f.Type, Provider: f.Provider,
		Class: string(f.Class), Meaning: f.Class.Meaning(), Action: string(f.Action), Attributes: []api.Attribute{},
		Problems: f.Problems,
		Life:     string(f.Life), Severity: string(f.Severity), FirstSeen: f.FirstSeen.UTC(),
		LastSeen:   f.LastSeen.UTC(),
		Times:      f.Times,
		ReturnedAt: at(f.Returned), ResolvedAt: at(f.ResolvedAt), ResolvedBy: f.ResolvedBy,
		File: f.File, Line: f.Line, Owners: f.Owners, LastRun: f.LastRun, Approvers: f.LastApprovers, Heals: f.Heals}
	for _, a := range f.Attributes {
		out.Attributes = append(out.Attributes, api.Attribute{Path: a.Path, Before: a.Before, After: a.After,
			Wanted: a.Wanted, Sensitive: a.Sensitive, IgnoredBy: a.IgnoredBy})
	}
	if a := f.Ack; a != nil {
		out.Ack = &api.Ack{By: a.By, Reason: a.Reason, At: a.At.UTC(), Until: at(a.Until)}
	}
	for _, w := range f.WaysOut(time.Now()) {
		out.WaysOut = append(out.WaysOut, api.WayOut{Way: string(w.Way), Note: w.Note, Command: w.Command,
			Rule: w.Rule})
	}
	return out
}

func viewPatch(p patches.Patch) api.Patch {
	out := api.Patch{Finding: p.Finding, Workspace: p.Workspace, Run: p.Run, Commit: p.Commit, Diff: p.Diff,
		Done: p.Done, Refused: []api.Refusal{},
		Checked: p.Checked, Gone: p.Gone, Why: p.Why, Also: p.Also}
	for _, r := range p.Refused {
		out.Refused = append(out.Refused, api.Refusal{Path: r.Path, Why: r.Why, File: r.File, Line: r.Line,
			Next: r.Next})
	}
	return out
}

type reportInput struct {
	Format string    `query:"format" default:"md" maxLength:"16" doc:"md, html, json, csv, junit or sarif"`
	Since  time.Time `query:"since" doc:"What is new is newer; without it, since the last report by schedule, or for a day"`
}

type keptInput struct {
	Report string `path:"report" maxLength:"64"`
	Format string `query:"format" default:"md" maxLength:"16" doc:"md, html, json, csv, junit or sarif"`
}

func (s *Server) driftReport(ctx context.Context, in *reportInput) (*huma.StreamResponse, error) {
	return s.rendered(ctx, in.Format, func() (*report.Report, error) { return s.Engine.DriftReport(ctx, in.Since) })
}

func (s *Server) keptReport(ctx context.Context, in *keptInput) (*huma.StreamResponse, error) {
	return s.rendered(ctx, in.Format, func() (*report.Report, error) { return s.Engine.KeptReport(ctx, in.Report) })
}

// rendered answers with a report. A large fleet's takes some hundred megabytes
// while it is made, so one is made at a time, however many ask for it.
func (s *Server) rendered(ctx context.Context, format string,
	made func() (*report.Report, error)) (*huma.StreamResponse, error) {
	f, err := formats.Named(format)
	if err != nil {
		return nil, err
	}
	select {
	case s.reporting <- struct{}{}:
		defer func() { <-s.reporting }()
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-s.stopping.Done():
		return nil, fault.New(fault.Unavailable, "ask again once tfops serve runs", "tfops serve is stopping")
	}
	r, err := made()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := formats.Render(&b, r, f.Name); err != nil {
		return nil, err
	}
	return s.stream(f.Media, s.impatient(func(_ context.Context, w io.Writer) error {
		for part := range slices.Chunk(b.Bytes(), reportPart) {
			if _, err := w.Write(part); err != nil {
				return err
			}
		}
		return nil
	})), nil
}

// reportPart is how much of a report is written at a time, in bytes.
const reportPart = 256 << 10

func (s *Server) reports(ctx context.Context, _ *nothing) (*body[[]api.Report], error) {
	kept, err := s.Engine.Reports(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]api.Report, len(kept))
	for i, r := range kept {
		out[i] = api.Report{ID: r.ID, Name: r.Name, At: r.At.UTC(), Since: r.Since.UTC(), Text: r.Text, Clean: r.Clean}
	}
	return answerOf(out), nil
}
