package server

import (
	"bytes"
	"context"
	"io"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tfops/tfops/internal/access"
	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/drift/report"
	"github.com/tfops/tfops/internal/drift/report/formats"
	"github.com/tfops/tfops/internal/engine/acts"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/server/wire"
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
	return answered(wire.Findings)(s.Engine.Findings(ctx, acts.FindingQuery{Workspace: in.Workspace, Lives: in.Life}))
}

func (s *Server) finding(ctx context.Context, in *foundInput) (*body[api.Finding], error) {
	return answered(wire.Finding)(s.Engine.Finding(ctx, in.Finding))
}

func (s *Server) acknowledge(ctx context.Context, a access.Actor, in *ackInput) (*body[api.Finding], error) {
	return answered(wire.Finding)(s.Engine.Acknowledge(ctx, a, in.Finding, in.Body.Reason, orZero(in.Body.Until)))
}

func (s *Server) unacknowledge(ctx context.Context, a access.Actor, in *foundInput) (*body[api.Finding], error) {
	return answered(wire.Finding)(s.Engine.Unacknowledge(ctx, a, in.Finding))
}

func (s *Server) codify(ctx context.Context, a access.Actor, in *foundInput) (*body[api.Patch], error) {
	return answered(wire.Patch)(s.Engine.Codify(ctx, a, in.Finding))
}

func (s *Server) patch(ctx context.Context, in *identified) (*body[api.Patch], error) {
	return answered(wire.Patch)(s.Engine.Patch(ctx, in.ID))
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
func (s *Server) rendered(ctx context.Context, format string, made func() (*report.Report, error),
) (*huma.StreamResponse, error) {
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
	return s.stream(f.Media, s.withDeadline(func(_ context.Context, w io.Writer) error {
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
	return answered(wire.Reports)(s.Engine.Reports(ctx))
}
