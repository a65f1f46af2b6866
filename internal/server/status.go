package server

import (
	"context"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/audit"
	"github.com/tfops/tfops/internal/server/wire"
)

func (s *Server) status(ctx context.Context, in *nothing) (*body[api.Status], error) {
	all, err := s.workspaces(ctx, in)
	if err != nil {
		return nil, err
	}
	left, err := s.Engine.LeftBehind(ctx)
	if err != nil {
		return nil, err
	}
	told, err := s.told(ctx)
	if err != nil {
		return nil, err
	}
	damage := []api.Damage{}
	if s.Damage != nil {
		if damage, err = s.Damage(ctx); err != nil {
			return nil, err
		}
	}
	return answerOf(api.Status{
		Workspaces: all.Body, Repositories: wire.Repositories(s.Engine.Repositories()),
		Generators: wire.Generators(s.Engine.Generators()),
		Notify:     told, LeftBehind: wire.LeftBehind(left), Strays: wire.Strays(s.Engine.Strays()), Damage: damage,
		Config: s.Config(), Version: s.version(), Sandbox: wire.Sandbox(s.Sandbox),
	}), nil
}

func (s *Server) versions(context.Context, *nothing) (*body[api.Version], error) {
	return answerOf(s.Version()), nil
}

// health reads one record: a daemon whose store is gone is not well.
func (s *Server) health(ctx context.Context, _ *nothing) (*body[api.Health], error) {
	if _, err := s.Store.AuditLog(ctx, audit.Query{Limit: 1}); err != nil {
		return nil, err
	}
	return answerOf(api.Health{Status: "ok"}), nil
}

func (s *Server) repositories(context.Context, *nothing) (*body[[]api.Repository], error) {
	return answerOf(wire.Repositories(s.Engine.Repositories())), nil
}
