package server

import (
	"context"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/engine/acts"
	"github.com/tfops/tfops/internal/engine/managed"
)

func (s *Server) moveState(ctx context.Context, in *named) (*startOutput, error) {
	a, err := actor(ctx)
	if err != nil {
		return nil, err
	}
	r, err := s.Engine.MoveState(ctx, a, in.Name)
	return s.started(ctx, r, err)
}

type importInput struct {
	Name string `path:"name" maxLength:"128"`
	Body api.ImportState
}

func (s *Server) importState(ctx context.Context, in *importInput) (*startOutput, error) {
	a, err := actor(ctx)
	if err != nil {
		return nil, err
	}
	r, err := s.Engine.ImportState(ctx, a, in.Name, acts.Import{State: in.Body.State, Replace: in.Body.Replace, Reason: in.Body.Reason})
	return s.started(ctx, r, err)
}

type restoreInput struct {
	Name string `path:"name" maxLength:"128"`
	Body api.RestoreState
}

func (s *Server) restoreState(ctx context.Context, in *restoreInput) (*body[api.RestoredState], error) {
	a, err := actor(ctx)
	if err != nil {
		return nil, err
	}
	r, err := s.Engine.RestoreState(ctx, a, in.Name, managed.Restoration{Snapshot: in.Body.Snapshot, Empty: in.Body.Empty, Reason: in.Body.Reason})
	if err != nil {
		return nil, err
	}
	return answerOf(api.RestoredState{Snapshot: r.Snapshot, Serial: r.Serial, Resources: r.Resources, Kept: r.Kept, Behind: r.Behind}), nil
}
