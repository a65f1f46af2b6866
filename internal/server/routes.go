package server

import (
	"context"
	"net/http"
	"reflect"
	"slices"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/tfops/tfops/internal/access"
	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/server/openapi"
)

// prefix of everything but health and the API's own description.
const prefix = "/api/v1"

// route is one line of the table: bind registers its handler.
type route struct {
	method, path string
	id, summary  string
	bind         func(huma.API, huma.Operation)
}

// table lists every route.
func (s *Server) table() []route {
	return slices.Concat(s.fleetRoutes(), s.runRoutes(), s.driftRoutes(), s.otherRoutes())
}

func (s *Server) fleetRoutes() []route {
	return []route{
		{"GET", "/healthz", "health", "Whether the daemon answers and its store can be read", on(s.health)},
		{"GET", prefix + "/version", "version", "What runs", on(s.versions)},
		{"GET", prefix + "/status", "status", "The fleet", on(s.status)},

		{"GET", prefix + "/workspaces", "list-workspaces", "All workspaces, in the order of the configuration",
			on(s.workspaces)},
		{"GET", prefix + "/workspaces/{name}", "get-workspace", "One workspace", on(s.workspace)},
		{"GET", prefix + "/workspaces/{name}/history", "workspace-history",
			"The runs that changed a workspace, newest first",
			on(s.history)},
		{"POST", prefix + "/workspaces/{name}/runs", "start-run", "Ask for a run", created(on(by(s.startRun)))},
		{"POST", prefix + "/workspaces/{name}/state/move", "move-state",
			"Copy the state from where it was applied to where the configuration wants it",
			created(on(by(s.moveState)))},
		{"POST", prefix + "/workspaces/{name}/state/import", "import-state",
			"Put a state that is brought where the configuration wants it, and plan",
			large(created(on(by(s.importState))))},
		{"POST", prefix + "/workspaces/{name}/state/restore", "restore-state",
			"Put a snapshot in the place of a managed state, and plan",
			on(by(s.restoreState))},
		{"PUT", prefix + "/workspaces/{name}/lock", "lock-workspace",
			"Hold the workspace's state: applies wait, plans go on",
			on(by(s.lock))},
		{"DELETE", prefix + "/workspaces/{name}/lock", "unlock-workspace",
			"Give the hold up; another person's takes a reason",
			on(by(s.unlock))},
		{"PUT", prefix + "/workspaces/{name}/suspension", "suspend-workspace", "Pause applies", on(by(s.suspend))},
		{"DELETE", prefix + "/workspaces/{name}/suspension", "resume-workspace", "Let applies go on", on(by(s.resume))},
	}
}

func (s *Server) runRoutes() []route {
	return []route{
		{"GET", prefix + "/runs", "list-runs", "Runs, newest first", on(s.runs)},
		{"GET", prefix + "/runs/{id}", "get-run", "One run, with what happened to it", on(s.run)},
		{"GET", prefix + "/runs/{id}/plan", "get-plan", "The whole plan, sensitive values left out", on(s.plan)},
		{"GET", prefix + "/runs/{id}/log", "get-log", "The engine's JSON messages, one a line",
			streams(ndjson, on(s.log))},
		{"GET", prefix + "/runs/{id}/debug", "get-debug-log",
			"The engine's own debug log, of a run that was asked for one",
			streams("text/plain", on(by(s.debugLog)))},
		{"GET", prefix + "/runs/{id}/wait", "wait-for-run",
			"Answers when the run has ended, awaits approval or was interrupted, or when the time is up",
			on(s.wait)},
		{"PUT", prefix + "/runs/{id}/vote", "vote", "Approve or reject the run's plan", on(by(s.vote))},
		{"DELETE", prefix + "/runs/{id}/vote", "withdraw-vote", "Take an approval back, until the apply begins",
			on(by(s.withdraw))},
		{"POST", prefix + "/runs/{id}/cancel", "cancel-run", "End a run, or ask its running apply to stop",
			on(by(s.cancel))},
		{"POST", prefix + "/runs/{id}/resolve", "resolve-run", "Close an interrupted run", on(by(s.resolve))},

		{"GET", prefix + "/approvals", "list-approvals", "Runs that await approval, and whether the asker may approve",
			on(by(s.approvals))},
		{"GET", prefix + "/runs/{id}/patch", "run-patch", "The patch that a run checks, and what the check came to",
			on(s.patch)},
	}
}

func (s *Server) driftRoutes() []route {
	return []route{
		{"GET", prefix + "/drift/findings", "list-findings", "What drifted, worst first", on(s.findings)},
		{"GET", prefix + "/drift/findings/{finding}", "finding", "One finding", on(s.finding)},
		{"PUT", prefix + "/drift/findings/{finding}/ack", "acknowledge-finding", "Say that a finding is known",
			on(by(s.acknowledge))},
		{"DELETE", prefix + "/drift/findings/{finding}/ack", "unacknowledge-finding", "Take that back",
			on(by(s.unacknowledge))},
		{"POST", prefix + "/drift/findings/{finding}/codify", "codify-finding",
			"Make a patch of the code for a finding, and check it with a plan",
			on(by(s.codify))},
		{"GET", prefix + "/drift/report", "drift-report", "A report of now", streams("*/*", on(s.driftReport))},
		{"GET", prefix + "/drift/reports", "list-reports", "Reports that were made by schedule, newest first",
			on(s.reports)},
		{"GET", prefix + "/drift/reports/{report}", "kept-report", "A report that was made by schedule",
			streams("*/*", on(s.keptReport))},
	}
}

func (s *Server) otherRoutes() []route {
	return []route{
		{"GET", prefix + "/notify", "list-targets", "Whom tfops tells what, and how that goes", on(s.targets)},
		{"POST", prefix + "/notify/{name}/test", "test-target", "Send a test", accepted(on(by(s.testTarget)))},
		{"GET", prefix + "/dead-letters", "list-dead-letters", "Deliveries that were given up, oldest first",
			on(s.dead)},
		{"POST", prefix + "/dead-letters/{delivery}/retry", "retry-delivery", "Send a delivery again", on(by(s.retry))},
		{"DELETE", prefix + "/dead-letters/{delivery}", "drop-delivery", "Remove a delivery", on(by(s.drop))},
		{"GET", prefix + "/locks", "list-locks", "Holds on states, and who waits for them", on(s.locks)},
		{"GET", prefix + "/repositories", "list-repositories", "Repositories and how their polls went",
			on(s.repositories)},
		{"POST", prefix + "/repositories/{name}/poll", "poll-repository", "Look at a repository now",
			accepted(on(by(s.poll)))},
		{"GET", prefix + "/audit", "list-audit", "Decisions, newest first", on(s.audit)},
		{"GET", prefix + "/backup", "backup", "A copy of the store, as it is at one moment",
			streams("application/octet-stream", on(by(s.backup)))},
	}
}

// routes puts the table on a mux, and tells how large the body of a request may be by the
// pattern of its route, where that is not maxBody.
func (s *Server) routes() (*http.ServeMux, map[string]int64) {
	mux := http.NewServeMux()
	a := humago.New(mux, openapi.Config(restate))
	s.ids = map[string]string{}
	for _, r := range s.table() {
		s.ids[r.method+" "+r.path] = r.id
		r.bind(a, huma.Operation{Method: r.method, Path: r.path, OperationID: r.id, Summary: r.summary,
			Responses:                    map[string]*huma.Response{"default": problemResponse(a)},
			RejectUnknownQueryParameters: true,
			MaxBodyBytes:                 maxBody,
			BodyReadTimeout:              -1, // bufferBody has read the body before
		})
	}
	openapi.Serve(mux, a.OpenAPI())
	bounds := map[string]int64{}
	for _, item := range a.OpenAPI().Paths {
		for _, op := range []*huma.Operation{item.Post, item.Put} {
			if op != nil && op.MaxBodyBytes > maxBody {
				bounds[op.Method+" "+op.Path] = op.MaxBodyBytes
			}
		}
	}
	return mux, bounds
}

// on is the one wrapper around handlers.
func on[I, O any](h func(context.Context, *I) (*O, error)) func(huma.API, huma.Operation) {
	return func(a huma.API, op huma.Operation) {
		huma.Register(a, op, func(ctx context.Context, in *I) (*O, error) {
			out, err := h(ctx, in)
			if err != nil {
				return nil, fail(ctx, err)
			}
			return out, nil
		})
	}
}

// by tells a handler who asks.
func by[I, O any](h func(context.Context, access.Actor, *I) (*O, error)) func(context.Context, *I) (*O, error) {
	return func(ctx context.Context, in *I) (*O, error) {
		a, err := actor(ctx)
		if err != nil {
			return nil, err
		}
		return h(ctx, a, in)
	}
}

// body is an answer without headers of its own.
type body[T any] struct{ Body T }

func answerOf[T any](v T) *body[T] { return &body[T]{v} }

// answered makes an answer of what the engine says, in its form on the wire.
func answered[V, T any](form func(V) T) func(V, error) (*body[T], error) {
	return func(v V, err error) (*body[T], error) {
		if err != nil {
			return nil, err
		}
		return answerOf(form(v)), nil
	}
}

// created makes 201 the status of success.
func created(bind func(huma.API, huma.Operation)) func(huma.API, huma.Operation) {
	return func(a huma.API, op huma.Operation) {
		op.DefaultStatus = http.StatusCreated
		bind(a, op)
	}
}

// large lets a body be as large as a state.
func large(bind func(huma.API, huma.Operation)) func(huma.API, huma.Operation) {
	return func(a huma.API, op huma.Operation) {
		op.MaxBodyBytes = maxStateBody
		bind(a, op)
	}
}

// accepted makes 202 the status of success: it was noted, and happens soon.
func accepted(bind func(huma.API, huma.Operation)) func(huma.API, huma.Operation) {
	return func(a huma.API, op huma.Operation) {
		op.DefaultStatus = http.StatusAccepted
		bind(a, op)
	}
}

// streams describes an answer that is written bit by bit.
func streams(contentType string, bind func(huma.API, huma.Operation)) func(huma.API, huma.Operation) {
	return func(a huma.API, op huma.Operation) {
		op.Responses["200"] = &huma.Response{Description: "OK",
			Content: map[string]*huma.MediaType{contentType: {Schema: &huma.Schema{Type: "string"}}}}
		bind(a, op)
	}
}

// problemResponse is how every answer that is not a success looks.
func problemResponse(a huma.API) *huma.Response {
	schema := a.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[api.Error](), true, "Error")
	return &huma.Response{Description: "A problem of RFC 9457",
		Content: map[string]*huma.MediaType{problemType: {Schema: schema}}}
}
