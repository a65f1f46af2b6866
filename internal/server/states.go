package server

import "context"

func (s *Server) moveState(ctx context.Context, in *named) (*startOutput, error) {
	a, err := actor(ctx)
	if err != nil {
		return nil, err
	}
	r, err := s.Engine.MoveState(ctx, a, in.Name)
	if err != nil {
		return nil, err
	}
	out, err := s.shown(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	return &startOutput{Location: prefix + "/runs/" + r.ID, Body: out.Body}, nil
}
