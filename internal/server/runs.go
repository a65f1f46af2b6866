package server

import (
	"context"
	"time"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/server/wire"
)

// identified names a run.
type identified struct {
	ID string `path:"id" maxLength:"64"`
}

type runsInput struct {
	Workspace string       `query:"workspace" maxLength:"128"`
	Status    []run.Status `query:"status,explode" enum:"pending,planning,planned_and_finished,policy_failed,awaiting_approval,apply_queued,applying,applied,errored,interrupted,discarded,canceled" doc:"Any of these; may be repeated"`
	Kind      []run.Kind   `query:"kind,explode" enum:"sync,plan,drift,destroy,refresh,move" doc:"Any of these; may be repeated"`
	Limit     int          `query:"limit" minimum:"1" maximum:"1000" default:"50"`
	Before    string       `query:"before" maxLength:"64" doc:"Only runs older than this one: the last of the page before"`
}

func (s *Server) runs(ctx context.Context, in *runsInput) (*body[[]api.Run], error) {
	return answered(wire.Runs)(s.Engine.List(ctx,
		run.Query{Workspace: in.Workspace, Statuses: in.Status, Kinds: in.Kind, Limit: in.Limit, Before: in.Before}))
}

func (s *Server) run(ctx context.Context, in *identified) (*body[api.Run], error) {
	return s.shown(ctx, in.ID)
}

// shown answers with the run as it is now.
func (s *Server) shown(ctx context.Context, id string) (*body[api.Run], error) {
	return answered(wire.Run)(s.Engine.Show(ctx, id))
}

func (s *Server) plan(ctx context.Context, in *identified) (*body[*plan.Plan], error) {
	p, err := s.Engine.Plan(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return answerOf(p), nil
}

type waitInput struct {
	ID             string `path:"id" maxLength:"64"`
	TimeoutSeconds int    `query:"timeout_seconds" minimum:"1" maximum:"60" default:"60"`
}

// wait is a long poll: nothing is looked at until something changed.
func (s *Server) wait(ctx context.Context, in *waitInput) (*body[api.Run], error) {
	up := time.NewTimer(time.Duration(in.TimeoutSeconds) * time.Second)
	defer up.Stop()
	for {
		changed, stop := s.Engine.Watch(in.ID) // before looking, so that no change is missed
		v, err := s.Engine.Show(ctx, in.ID)
		if err != nil || api.Settled(string(v.Status)) {
			stop()
			return answered(wire.Run)(v, err)
		}
		timeUp := false
		select {
		case <-changed:
		case <-up.C:
			timeUp = true
		case <-ctx.Done():
			err = ctx.Err()
		case <-s.stopping.Done():
			err = fault.New(fault.Unavailable, "once tfops serve runs again: tfops wait "+in.ID,
				"tfops serve is stopping, and run %s is %s", in.ID, v.Status)
		}
		stop()
		switch {
		case err != nil:
			return nil, err
		case timeUp:
			return s.shown(ctx, in.ID)
		}
	}
}
