package server

import (
	"context"

	"github.com/tfops/tfops/internal/access"
	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/engine/acts"
	"github.com/tfops/tfops/internal/engine/managed"
	"github.com/tfops/tfops/internal/server/wire"
)

func (s *Server) moveState(ctx context.Context, a access.Actor, in *named) (*startOutput, error) {
	r, err := s.Engine.MoveState(ctx, a, in.Name)
	return s.started(ctx, r, err)
}

type importInput struct {
	Name string `path:"name" maxLength:"128"`
	Body api.ImportState
}

func (s *Server) importState(ctx context.Context, a access.Actor, in *importInput) (*startOutput, error) {
	r, err := s.Engine.ImportState(ctx, a, in.Name, acts.Import(in.Body))
	return s.started(ctx, r, err)
}

type restoreInput struct {
	Name string `path:"name" maxLength:"128"`
	Body api.RestoreState
}

func (s *Server) restoreState(ctx context.Context, a access.Actor, in *restoreInput) (*body[api.RestoredState], error) {
	return answered(wire.Restored)(s.Engine.RestoreState(ctx, a, in.Name, managed.Restoration(in.Body)))
}
