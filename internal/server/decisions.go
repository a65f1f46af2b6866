package server

import (
	"context"

	"github.com/tfops/tfops/internal/access"
	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/engine/acts"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/server/wire"
)

type startInput struct {
	Name string `path:"name" maxLength:"128"`
	Body api.StartRun
}

type startOutput struct {
	Location string `header:"Location" doc:"Where the run is"`
	Body     api.Run
}

func (s *Server) startRun(ctx context.Context, a access.Actor, in *startInput) (*startOutput, error) {
	b := in.Body
	asksFor(ctx, b.Kind)
	r, err := s.Engine.Start(ctx, a, acts.Order{Workspace: in.Name, Kind: run.Kind(b.Kind), Ref: b.Ref,
		Debug: b.Debug, Upgrade: b.Upgrade})
	return s.started(ctx, r, err)
}

// started answers with the run that a request made.
func (s *Server) started(ctx context.Context, r run.Run, err error) (*startOutput, error) {
	out, err := s.changed(ctx, r.ID, err)
	if err != nil {
		return nil, err
	}
	return &startOutput{Location: prefix + "/runs/" + r.ID, Body: out.Body}, nil
}

// changed answers with the run that a request changed.
func (s *Server) changed(ctx context.Context, id string, err error) (*body[api.Run], error) {
	if err != nil {
		return nil, err
	}
	return s.shown(ctx, id)
}

type ballotInput struct {
	ID   string `path:"id" maxLength:"64"`
	Body api.Ballot
}

func (s *Server) vote(ctx context.Context, a access.Actor, in *ballotInput) (*body[api.Run], error) {
	asksFor(ctx, "reject")
	if in.Body.Yes {
		asksFor(ctx, "approve")
	}
	_, err := s.Engine.Vote(ctx, a, in.ID, acts.Ballot(in.Body))
	return s.changed(ctx, in.ID, err)
}

func (s *Server) withdraw(ctx context.Context, a access.Actor, in *identified) (*body[api.Run], error) {
	_, err := s.Engine.Withdraw(ctx, a, in.ID)
	return s.changed(ctx, in.ID, err)
}

type cancelInput struct {
	ID   string `path:"id" maxLength:"64"`
	Body *api.Cancel
}

func (s *Server) cancel(ctx context.Context, a access.Actor, in *cancelInput) (*body[api.Run], error) {
	_, err := s.Engine.Cancel(ctx, a, in.ID, in.Body != nil && in.Body.Force)
	return s.changed(ctx, in.ID, err)
}

type resolveInput struct {
	ID   string `path:"id" maxLength:"64"`
	Body api.Reason
}

func (s *Server) resolve(ctx context.Context, a access.Actor, in *resolveInput) (*body[api.Run], error) {
	_, err := s.Engine.Resolve(ctx, a, in.ID, in.Body.Reason)
	return s.changed(ctx, in.ID, err)
}

// approvals lists what waits for approval, and whether the asker's would count.
func (s *Server) approvals(ctx context.Context, a access.Actor, _ *nothing) (*body[[]api.Run], error) {
	views, err := s.Engine.List(ctx, run.Query{Statuses: []run.Status{run.AwaitingApproval}})
	if err != nil {
		return nil, err
	}
	out := wire.Runs(views)
	if s.MayApprove == nil {
		return answerOf(out), nil
	}
	for i := range out {
		why := s.MayApprove(ctx, a, out[i].ID)
		if why != nil && fault.CodeOf(why) == fault.Internal {
			return nil, why
		}
		yes := why == nil
		out[i].CanApprove = &yes
		if why != nil {
			out[i].CannotApproveBecause = problemOf(why, "").Detail
		}
	}
	return answerOf(out), nil
}
