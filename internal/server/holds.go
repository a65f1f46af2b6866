package server

import (
	"context"
	"time"

	"github.com/tfops/tfops/internal/api"
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
	out := make([]api.Lock, len(held))
	for i, l := range held {
		out[i] = viewLock(l, queued)
	}
	for _, l := range met {
		out = append(out, viewMetLock(l))
	}
	return answerOf(out), nil
}

func (s *Server) lock(ctx context.Context, in *reasonInput) (*body[api.Workspace], error) {
	a, err := actor(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.Engine.Lock(ctx, a, in.Name, in.Body.Reason); err != nil {
		return nil, err
	}
	return s.present(ctx, in.Name)
}

func (s *Server) unlock(ctx context.Context, in *maybeReason) (*body[api.Workspace], error) {
	a, err := actor(ctx)
	if err != nil {
		return nil, err
	}
	var reason string
	if in.Body != nil {
		reason = in.Body.Reason
	}
	if err := s.Engine.Unlock(ctx, a, in.Name, reason); err != nil {
		return nil, err
	}
	return s.present(ctx, in.Name)
}

func (s *Server) suspend(ctx context.Context, in *suspendInput) (*body[api.Workspace], error) {
	a, err := actor(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.Engine.Suspend(ctx, a, in.Name, in.Body.Reason, given(in.Body.Until)); err != nil {
		return nil, err
	}
	return s.present(ctx, in.Name)
}

func (s *Server) resume(ctx context.Context, in *named) (*body[api.Workspace], error) {
	a, err := actor(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.Engine.Resume(ctx, a, in.Name); err != nil {
		return nil, err
	}
	return s.present(ctx, in.Name)
}

// given is a time that may be left out of a request; zero where it is.
func given(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}
