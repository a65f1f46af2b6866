package server

import (
	"context"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/engine/acts"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/run"
)

type startInput struct {
	Name string `path:"name" maxLength:"128"`
	Body api.StartRun
}

type startOutput struct {
	Location string `header:"Location" doc:"Where the run is"`
	Body     api.Run
}

func (s *Server) startRun(ctx context.Context, in *startInput) (*startOutput, error) {
	a, err := actor(ctx)
	if err != nil {
		return nil, err
	}
	r, err := s.Engine.Start(ctx, a, acts.Order{Workspace: in.Name, Kind: run.Kind(in.Body.Kind), Ref: in.Body.Ref, Debug: in.Body.Debug, Upgrade: in.Body.Upgrade})
	return s.started(ctx, r, err)
}

// started answers with the run that a request made.
func (s *Server) started(ctx context.Context, r run.Run, err error) (*startOutput, error) {
	if err != nil {
		return nil, err
	}
	out, err := s.shown(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	return &startOutput{Location: prefix + "/runs/" + r.ID, Body: out.Body}, nil
}

type ballotInput struct {
	ID   string `path:"id" maxLength:"64"`
	Body api.Ballot
}

func (s *Server) vote(ctx context.Context, in *ballotInput) (*body[api.Run], error) {
	a, err := actor(ctx)
	if err != nil {
		return nil, err
	}
	b := acts.Ballot{Yes: in.Body.Yes, Digest: in.Body.Digest, Comment: in.Body.Comment, Workspace: in.Body.Workspace, AcceptNewState: in.Body.AcceptNewState}
	if _, err := s.Engine.Vote(ctx, a, in.ID, b); err != nil {
		return nil, err
	}
	return s.shown(ctx, in.ID)
}

func (s *Server) withdraw(ctx context.Context, in *identified) (*body[api.Run], error) {
	a, err := actor(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := s.Engine.Withdraw(ctx, a, in.ID); err != nil {
		return nil, err
	}
	return s.shown(ctx, in.ID)
}

type cancelInput struct {
	ID   string `path:"id" maxLength:"64"`
	Body *api.Cancel
}

func (s *Server) cancel(ctx context.Context, in *cancelInput) (*body[api.Run], error) {
	a, err := actor(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := s.Engine.Cancel(ctx, a, in.ID, in.Body != nil && in.Body.Force); err != nil {
		return nil, err
	}
	return s.shown(ctx, in.ID)
}

type resolveInput struct {
	ID   string `path:"id" maxLength:"64"`
	Body api.Reason
}

func (s *Server) resolve(ctx context.Context, in *resolveInput) (*body[api.Run], error) {
	a, err := actor(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := s.Engine.Resolve(ctx, a, in.ID, in.Body.Reason); err != nil {
		return nil, err
	}
	return s.shown(ctx, in.ID)
}

// approvals lists what waits for approval, and whether the asker's would count.
func (s *Server) approvals(ctx context.Context, _ *nothing) (*body[[]api.Run], error) {
	a, err := actor(ctx)
	if err != nil {
		return nil, err
	}
	views, err := s.Engine.List(ctx, run.Query{Statuses: []run.Status{run.AwaitingApproval}})
	if err != nil {
		return nil, err
	}
	out := viewRuns(views)
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
