package server

import (
	"context"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/engine/upkeep"
	"github.com/tfops/tfops/internal/workspace"
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
	return answerOf(api.Status{Damage: damage, Workspaces: all.Body, Repositories: viewRepositories(s.Engine.Repositories()),
		Generators: viewGenerators(s.Engine.Generators()), Notify: told, LeftBehind: viewLeft(left),
		Strays: viewStrays(s.Engine.Strays()), Config: s.Config(), Version: s.version()}), nil
}

func viewLeft(left []workspace.Record) []api.LeftBehind {
	out := []api.LeftBehind{}
	for _, rec := range left {
		out = append(out, api.LeftBehind{Name: rec.Name, AppliedCommit: rec.Applied, AppliedAt: at(rec.AppliedAt), State: rec.State})
	}
	return out
}

func viewStrays(strays []upkeep.Stray) []api.Stray {
	out := []api.Stray{}
	for _, s := range strays {
		v := api.Stray{Run: s.Run, Dir: s.Dir, State: s.State}
		for _, p := range s.Processes {
			v.PIDs = append(v.PIDs, p.PID)
		}
		out = append(out, v)
	}
	return out
}

func (s *Server) versions(context.Context, *nothing) (*body[api.Version], error) {
	return answerOf(s.Version()), nil
}

// health reads one record: a daemon whose store is gone is not well.
func (s *Server) health(ctx context.Context, _ *nothing) (*body[api.Health], error) {
	if _, err := s.Store.Audits(ctx, 1); err != nil {
		return nil, err
	}
	return answerOf(api.Health{Status: "ok"}), nil
}

func (s *Server) repositories(context.Context, *nothing) (*body[[]api.Repository], error) {
	return answerOf(viewRepositories(s.Engine.Repositories())), nil
}

func (s *Server) poll(_ context.Context, in *named) (*nothing, error) {
	return &nothing{}, s.Engine.Poke(in.Name)
}

type auditInput struct {
	Limit int `query:"limit" minimum:"1" maximum:"1000" default:"50"`
}

func (s *Server) audit(ctx context.Context, in *auditInput) (*body[[]api.Audit], error) {
	audits, err := s.Store.Audits(ctx, in.Limit)
	if err != nil {
		return nil, err
	}
	return answerOf(viewAudits(audits)), nil
}
