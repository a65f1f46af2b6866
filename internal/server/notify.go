package server

import (
	"context"

	"github.com/tfops/tfops/internal/access"
	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/audit"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/server/wire"
)

// Outbox is what is asked about notifications.
type Outbox interface {
	Targets() []api.NotifyTarget // name, place and what each is told of
	Waiting(context.Context) ([]run.Delivery, error)
	Dead(context.Context) ([]run.Delivery, error)
	// What follows is recorded with who asked for it.
	Retry(ctx context.Context, id string, by audit.Record) error
	Drop(ctx context.Context, id string, by audit.Record) error
	Test(ctx context.Context, target string, by audit.Record) (delivery string, err error)
}

// deliveryInput names a delivery.
type deliveryInput struct {
	Delivery string `path:"delivery" maxLength:"128"`
}

type targetInput struct {
	Name string `path:"name" maxLength:"64"`
}

// told lists the notify blocks and how their deliveries go.
func (s *Server) told(ctx context.Context) ([]api.NotifyTarget, error) {
	waiting, err := s.Outbox.Waiting(ctx)
	if err != nil {
		return nil, err
	}
	dead, err := s.Outbox.Dead(ctx)
	if err != nil {
		return nil, err
	}
	return wire.Targets(s.Outbox.Targets(), waiting, dead), nil
}

func (s *Server) targets(ctx context.Context, _ *nothing) (*body[[]api.NotifyTarget], error) {
	out, err := s.told(ctx)
	if err != nil {
		return nil, err
	}
	return answerOf(out), nil
}

func (s *Server) dead(ctx context.Context, _ *nothing) (*body[[]api.Delivery], error) {
	return answered(wire.Deliveries)(s.Outbox.Dead(ctx))
}

func (s *Server) retry(ctx context.Context, a access.Actor, in *deliveryInput) (*nothing, error) {
	return &nothing{}, s.Outbox.Retry(ctx, in.Delivery, audit.By(a, "retry delivery "+in.Delivery, ""))
}

func (s *Server) drop(ctx context.Context, a access.Actor, in *deliveryInput) (*nothing, error) {
	return &nothing{}, s.Outbox.Drop(ctx, in.Delivery, audit.By(a, "drop delivery "+in.Delivery, ""))
}

func (s *Server) testTarget(ctx context.Context, a access.Actor, in *targetInput) (*body[api.Tested], error) {
	id, err := s.Outbox.Test(ctx, in.Name, audit.By(a, "test notify "+in.Name, ""))
	if err != nil {
		return nil, err
	}
	return answerOf(api.Tested{Delivery: id}), nil
}
