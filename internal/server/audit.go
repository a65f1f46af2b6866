package server

import (
	"context"
	"net/http"
	"time"

	"github.com/tfops/tfops/internal/access"
	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/audit"
	"github.com/tfops/tfops/internal/server/socket"
	"github.com/tfops/tfops/internal/server/wire"
)

type auditInput struct {
	Limit     int       `query:"limit" minimum:"1" maximum:"1000" default:"50"`
	Before    uint64    `query:"before" doc:"Only records with a lower number: that of the last one of the page before"`
	Workspace string    `query:"workspace" maxLength:"128"`
	Actor     string    `query:"actor" maxLength:"128"`
	Verb      string    `query:"verb" maxLength:"128" doc:"The first word of the action, or all of it"`
	Since     time.Time `query:"since" doc:"Not before this time, in RFC 3339"`
}

func (s *Server) audit(ctx context.Context, in *auditInput) (*body[[]api.Audit], error) {
	return answered(wire.Audits)(s.Store.AuditLog(ctx, audit.Query{Workspace: in.Workspace, Actor: in.Actor,
		Verb: in.Verb, Since: in.Since, Before: in.Before, Limit: in.Limit}))
}

func (s *Server) poll(ctx context.Context, a access.Actor, in *named) (*nothing, error) {
	if err := s.Engine.Poke(in.Name); err != nil {
		return nil, err
	}
	return &nothing{}, s.Store.Record(ctx, audit.By(a, "poll "+in.Name, ""))
}

// asksFor notes what a request asks for, for the record of its refusal.
func asksFor(ctx context.Context, verb string) {
	if rq := requestOf(ctx); rq.act != nil {
		rq.act.Verb = verb
	}
}

// refusePeer answers a process that may ask for nothing. That it tried is recorded, whatever it asked
// for: nobody but code that was let out of its sandbox, or somebody who is about to, comes here.
func (s *Server) refusePeer(out http.ResponseWriter, r *http.Request, p socket.Peer) {
	rq := requestOf(r.Context())
	writeProblem(out, fail(r.Context(), p.Refused))
	who := asker(r.Context())
	rec := audit.By(who, "connect", "")
	rec.Refused = rq.act.Why
	rq.log.Warn("a process was refused", "pid", p.PID, "why", rec.Refused)
	s.record(r.Context(), rq, who, rec)
}

// asker is who asks, as far as that can be told.
func asker(ctx context.Context) access.Actor {
	who, err := actor(ctx)
	if err != nil {
		return access.Actor{Name: "unknown", Via: "socket"}
	}
	return who
}

// recordRefusal records an act that was refused.
func (s *Server) recordRefusal(r *http.Request, rq request, status int) {
	who := asker(r.Context())
	if rec, ok := rq.act.Record(r, s.ids[r.Pattern], status, who); ok {
		s.record(r.Context(), rq, who, rec)
	}
}

// record stores the record of something that was refused, though its request may have ended.
func (s *Server) record(ctx context.Context, rq request, who access.Actor, rec audit.Record) {
	ctx = context.WithoutCancel(ctx)
	var ok bool
	if rec.Unrecorded, ok = s.refused.Admit(who.Name, time.Now()); !ok {
		return
	}
	if rec.Run != "" {
		if v, err := s.Engine.Show(ctx, rec.Run); err == nil {
			rec = v.Run.Audited(rec, time.Time{})
		}
	}
	if err := s.Store.Record(ctx, rec); err != nil {
		rq.log.Error("a refusal cannot be recorded", "error", err)
	}
}
