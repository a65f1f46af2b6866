package server

import (
	"context"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/run"
)

// Target is where notices go, without what is secret about it.
type Target struct {
	Name  string
	Place string // scheme, and host where that is no secret
	On    []string
}

// Outbox is what is asked about notifications.
type Outbox interface {
	Targets() []Target
	Waiting(context.Context) ([]run.Delivery, error)
	Dead(context.Context) ([]run.Delivery, error)
	// What follows is recorded with who asked for it.
	Retry(ctx context.Context, id string, by run.Audit) error
	Drop(ctx context.Context, id string, by run.Audit) error
	Test(ctx context.Context, target string, by run.Audit) (delivery string, err error)
}

// deliveryInput names a delivery.
type deliveryInput struct {
	Delivery string `path:"delivery" maxLength:"128"`
}

type targetInput struct {
	Name string `path:"name" maxLength:"64"`
}

func (s *Server) targets(ctx context.Context, _ *nothing) (*body[[]api.NotifyTarget], error) {
	out, err := s.told(ctx)
	if err != nil {
		return nil, err
	}
	return answerOf(out), nil
}

// told lists the notify blocks and how their deliveries go; those too that the
// configuration has no more while something of theirs is left.
func (s *Server) told(ctx context.Context) ([]api.NotifyTarget, error) {
	waiting, err := s.Outbox.Waiting(ctx)
	if err != nil {
		return nil, err
	}
	dead, err := s.Outbox.Dead(ctx)
	if err != nil {
		return nil, err
	}
	out := []api.NotifyTarget{}
	place := map[string]int{}
	for _, t := range s.Outbox.Targets() {
		place[t.Name] = len(out)
		out = append(out, api.NotifyTarget{Name: t.Name, Place: t.Place, On: append([]string{}, t.On...)})
	}
	of := func(d run.Delivery) *api.NotifyTarget {
		i, ok := place[d.Target]
		if !ok {
			i = len(out)
			place[d.Target] = i
			out = append(out, api.NotifyTarget{Name: d.Target, Place: "not in the configuration any more", On: []string{}, Gone: true})
		}
		if d.LastError != "" {
			out[i].LastError = d.LastError
		}
		return &out[i]
	}
	for _, d := range dead {
		of(d).Dead++
	}
	for _, d := range waiting { // after those given up: their error is the newer one
		of(d).Waiting++
		if d.LastError != "" {
			of(d).Failing = true
		}
	}
	return out, nil
}

func (s *Server) dead(ctx context.Context, _ *nothing) (*body[[]api.Delivery], error) {
	dead, err := s.Outbox.Dead(ctx)
	if err != nil {
		return nil, err
	}
	out := []api.Delivery{}
	for _, d := range dead {
		out = append(out, viewDelivery(d))
	}
	return answerOf(out), nil
}

func viewDelivery(d run.Delivery) api.Delivery {
	return api.Delivery{ID: d.ID, Target: d.Target, Kind: string(d.Notice.Kind), Title: d.Notice.Title, Workspace: d.Notice.Workspace, Run: d.Notice.Run,
		At: d.Notice.At.UTC(), Attempts: d.Attempts, LastError: d.LastError, DeadAt: at(d.DeadAt)}
}

func (s *Server) retry(ctx context.Context, in *deliveryInput) (*struct{}, error) {
	by, err := decision(ctx, "retry delivery "+in.Delivery)
	if err != nil {
		return nil, err
	}
	return &struct{}{}, s.Outbox.Retry(ctx, in.Delivery, by)
}

func (s *Server) drop(ctx context.Context, in *deliveryInput) (*struct{}, error) {
	by, err := decision(ctx, "drop delivery "+in.Delivery)
	if err != nil {
		return nil, err
	}
	return &struct{}{}, s.Outbox.Drop(ctx, in.Delivery, by)
}

func (s *Server) testTarget(ctx context.Context, in *targetInput) (*body[api.Tested], error) {
	by, err := decision(ctx, "test notify "+in.Name)
	if err != nil {
		return nil, err
	}
	id, err := s.Outbox.Test(ctx, in.Name, by)
	if err != nil {
		return nil, err
	}
	return answerOf(api.Tested{Delivery: id}), nil
}

// decision is what is recorded of an action: who asks for it, and from where.
func decision(ctx context.Context, action string) (run.Audit, error) {
	a, err := actor(ctx)
	return run.Audit{Actor: a.Name, Via: a.Via, Action: action}, err
}
