package server

import (
	"context"
	"slices"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/engine/view"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/server/wire"
)

type nothing struct{}

// named names a workspace or a repository.
type named struct {
	Name string `path:"name" maxLength:"128"`
}

func (s *Server) workspaces(ctx context.Context, _ *nothing) (*body[[]api.Workspace], error) {
	views, err := s.Engine.Workspaces(ctx)
	if err != nil {
		return nil, err
	}
	queued, err := s.waiting(ctx, views...)
	if err != nil {
		return nil, err
	}
	return answerOf(wire.Workspaces(views, queued)), nil
}

func (s *Server) workspace(ctx context.Context, in *named) (*body[api.Workspace], error) {
	return s.present(ctx, in.Name)
}

// present answers with the workspace as it is now.
func (s *Server) present(ctx context.Context, name string) (*body[api.Workspace], error) {
	v, err := s.Engine.Workspace(ctx, name)
	if err != nil {
		return nil, err
	}
	queued, err := s.waiting(ctx, v)
	if err != nil {
		return nil, err
	}
	return answerOf(wire.Workspace(v, queued)), nil
}

// waiting lists who may wait for the locks of the workspaces. It asks for
// nothing when none is locked, which is how it nearly always is.
func (s *Server) waiting(ctx context.Context, views ...view.Workspace) ([]view.Run, error) {
	if !slices.ContainsFunc(views, func(v view.Workspace) bool { return v.Lock != nil }) {
		return nil, nil
	}
	return s.queued(ctx)
}

// queued lists the runs that wait to apply, first in the queue first.
func (s *Server) queued(ctx context.Context) ([]view.Run, error) {
	views, err := s.Engine.List(ctx, run.Query{Statuses: []run.Status{run.ApplyQueued}})
	slices.SortFunc(views, wire.ByTurn)
	return views, err
}

type historyInput struct {
	Name  string `path:"name" maxLength:"128"`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"50"`
}

func (s *Server) history(ctx context.Context, in *historyInput) (*body[[]api.Run], error) {
	if _, err := s.Engine.Workspace(ctx, in.Name); err != nil {
		return nil, err
	}
	return answered(wire.Runs)(s.Engine.Applies(ctx, in.Name, in.Limit))
}
