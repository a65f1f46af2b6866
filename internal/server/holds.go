package server

import (
	"context"
	"time"

	"github.com/tfops/tfops/internal/access"
	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/server/wire"
)

type reasonInput struct {
	Name string `path:"name" maxLength:"128"`
	Body api.Reason
}

// maybeReason is for what needs a reason only sometimes.
type maybeReason struct {
	Name string `path:"name" maxLength:"128"`
	Body *api.Reason
}

type suspendInput struct {
	Name string `path:"name" maxLength:"128"`
	Body api.Suspend
}

func (s *Server) locks(ctx context.Context, _ *nothing) (*body[[]api.Lock], error) {
	held, err := s.Engine.Locks(ctx)
	if err != nil {
		return nil, err
	}
	met, err := s.Engine.MetLocks(ctx)
	if err != nil {
		return nil, err
	}
	queued, err := s.queued(ctx)
	if err != nil {
		return nil, err
	}
	return answerOf(wire.Locks(held, met, queued)), nil
}

func (s *Server) lock(ctx context.Context, a access.Actor, in *reasonInput) (*body[api.Workspace], error) {
	return s.held(ctx, in.Name, s.Engine.Lock(ctx, a, in.Name, in.Body.Reason))
}

func (s *Server) unlock(ctx context.Context, a access.Actor, in *maybeReason) (*body[api.Workspace], error) {
	var reason string
	if in.Body != nil {
		reason = in.Body.Reason
	}
	return s.held(ctx, in.Name, s.Engine.Unlock(ctx, a, in.Name, reason))
}

func (s *Server) suspend(ctx context.Context, a access.Actor, in *suspendInput) (*body[api.Workspace], error) {
	return s.held(ctx, in.Name, s.Engine.Suspend(ctx, a, in.Name, in.Body.Reason, orZero(in.Body.Until)))
}

func (s *Server) resume(ctx context.Context, a access.Actor, in *named) (*body[api.Workspace], error) {
	return s.held(ctx, in.Name, s.Engine.Resume(ctx, a, in.Name))
}

// held answers with the workspace that a request held back, or let go on.
func (s *Server) held(ctx context.Context, name string, err error) (*body[api.Workspace], error) {
	if err != nil {
		return nil, err
	}
	return s.present(ctx, name)
}

// orZero is a time that may be left out of a request; zero where it is.
func orZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}
