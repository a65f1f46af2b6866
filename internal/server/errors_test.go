package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/engine/view"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/server/asked"
)

// announce tells of every request before it is handled.
func announce(h http.Handler, asked chan<- struct{}) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		h.ServeHTTP(w, r)
	})
}

// failing is an engine whose Show fails as the test says.
type failing struct {
	asked.Runs
	show func() error
}

func (f failing) Show(context.Context, string) (view.Run, error) {
	return view.Run{}, f.show()
}

func breaking(show func() error) with {
	return func(_ *rig, o *Options) { o.Engine.Runs = failing{o.Engine.Runs, show} }
}

// TestErrorsAreTheSameOnBothSides sends each kind of error through the socket.
func TestErrorsAreTheSameOnBothSides(t *testing.T) {
	secret := errors.New("open /var/lib/tfops/key: secret detail")
	tests := []struct {
		name   string
		err    error
		code   fault.Code
		status int
		detail string // "" for the one that names the request
		next   string
	}{
		{"invalid", fault.New(fault.Invalid, "do that", "this is wrong"), fault.Invalid, 422, "this is wrong",
			"do that"},
		{"not found", fault.New(fault.NotFound, "look", "no such thing"), fault.NotFound, 404, "no such thing", "look"},
		{"conflict", fault.New(fault.Conflict, "wait", "not now"), fault.Conflict, 409, "not now", "wait"},
		{"forbidden", fault.New(fault.Forbidden, "ask", "not you"), fault.Forbidden, 403, "not you", "ask"},
		{"unavailable", fault.New(fault.Unavailable, "later", "the disk is full"), fault.Unavailable, 503,
			"the disk is full", "later"},
		{"internal with a message", fault.New(fault.Internal, "report it", "the plan cannot be read"), fault.Internal,
			500, "the plan cannot be read", "report it"},
		{"wrapped", fmt.Errorf("reading %w", fault.New(fault.NotFound, "look", "no such thing")), fault.NotFound, 404,
			"no such thing", "look"},
		{"with a cause", &fault.Error{Code: fault.Unavailable, Message: "it failed", Err: secret}, fault.Unavailable,
			503, "it failed", ""},
		{"without a message", &fault.Error{Code: fault.Internal, Err: secret}, fault.Internal, 500, "", ""},
		{"no fault", secret, fault.Internal, 500, "", ""},
	}
	var now error
	r := newRig(t, nil, breaking(func() error { return now }))
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			now = tt.err
			resp, b := r.ask("GET", "/api/v1/runs/x", "")
			p := wantProblem(t, resp, b, tt.status, tt.code)
			id := resp.Header.Get("X-Request-Id")
			if tt.detail == "" {
				tt.detail, tt.next = "internal error, see the daemon's log, request id "+id,
					"look for "+id+" in the log of tfops serve"
				if log := r.log.String(); !strings.Contains(log, "request="+id) ||
					!strings.Contains(log, "secret detail") {
					t.Error("the cause is not in the log under the request's id")
				}
			}
			if p.Detail != tt.detail || p.Next != tt.next || strings.Contains(string(b), "secret") {
				t.Errorf("the answer is %s", b)
			}
			_, err := r.client.Run(t.Context(), "x")
			var f *fault.Error
			if !errors.As(err, &f) || f.Code != tt.code || f.Next == "" != (tt.next == "") {
				t.Errorf("the client got %#v", err)
			}
		})
	}
}

func wantProblem(t *testing.T, resp *http.Response, b []byte, status int, code fault.Code) api.Error {
	t.Helper()
	var p api.Error
	if err := json.Unmarshal(b, &p); err != nil {
		t.Fatalf("%s, and the body is no problem: %s", resp.Status, b)
	}
	if resp.StatusCode != status || p.Status != status || p.Code != string(code) ||
		p.Title != http.StatusText(status) || p.Detail == "" {
		t.Errorf("%s: %s, want %d and %s", resp.Status, b, status, code)
	}
	if ct := resp.Header.Get("Content-Type"); ct != "application/problem+json" {
		t.Errorf("the content type is %q", ct)
	}
	return p
}

func TestBadRequestsAreRefusedInTheSameShape(t *testing.T) {
	r := newRig(t, []fleet.Definition{define("a")})
	const asJSON = "application/json"
	tests := []struct {
		name, method, path, body, contentType string
		status                                int
		code                                  fault.Code
		says                                  string
	}{
		{"unknown route", "GET", "/api/v1/nope", "", "", 404, fault.NotFound, "/api/v1/nope"},
		{"a path to be cleaned", "GET", "/api/v1/runs/../locks", "", "", 404, fault.NotFound, "/api/v1/runs/../locks"},
		{"unknown method", "PATCH", "/api/v1/runs", "", "", 405, fault.Invalid, "takes GET or HEAD, not PATCH"},
		{"unknown field", "PUT", "/api/v1/workspaces/a/lock", `{"reason":"x","force":true}`, asJSON, 422,
			fault.Invalid, "body.force: unexpected property"},
		{"missing field", "PUT", "/api/v1/runs/x/vote", `{"yes":true}`, asJSON, 422, fault.Invalid, "digest"},
		{"wrong type", "PUT", "/api/v1/runs/x/vote", `{"yes":"true","digest":""}`, asJSON, 422, fault.Invalid,
			"body.yes"},
		{"wrong kind", "POST", "/api/v1/workspaces/a/runs", `{"kind":"s3cret"}`, asJSON, 422, fault.Invalid,
			"body.kind"},
		{"not JSON", "POST", "/api/v1/workspaces/a/runs", `{`, asJSON, 400, fault.Invalid, "body"},
		{"two values", "POST", "/api/v1/workspaces/a/runs", `{"kind":"sync"}{}`, asJSON, 400, fault.Invalid, "body"},
		{"no body", "POST", "/api/v1/workspaces/a/runs", "", "", 400, fault.Invalid, "body is required"},
		{"a form", "POST", "/api/v1/workspaces/a/runs", "kind=sync", "application/x-www-form-urlencoded", 415,
			fault.Invalid, "x-www-form-urlencoded"},
		{"too large", "PUT", "/api/v1/workspaces/a/lock", `{"reason":"` + strings.Repeat("x", maxBody) + `"}`, asJSON,
			413, fault.Invalid, "too large"},
		{"a state that is too large", "POST", "/api/v1/workspaces/a/state/import", `{"state":"` + strings.Repeat("A",
			maxStateBody) + `"}`, asJSON, 413, fault.Invalid, "too large"},
		{"a state that is none", "POST", "/api/v1/workspaces/a/state/import", `{"state":"` + strings.Repeat("QUFB",
			maxBody) + `"}`, asJSON, 422, fault.Invalid, "no state that can be imported"},
		{"unknown parameter", "GET", "/api/v1/runs?state=x", "", "", 422, fault.Invalid, "query.state"},
		{"wrong status", "GET", "/api/v1/runs?status=applied&status=nope", "", "", 422, fault.Invalid, "query.status"},
		{"limit too high", "GET", "/api/v1/runs?limit=1001", "", "", 422, fault.Invalid, "query.limit"},
		{"limit no number", "GET", "/api/v1/audit?limit=all", "", "", 422, fault.Invalid, "query.limit"},
		{"wait too long", "GET", "/api/v1/runs/x/wait?timeout_seconds=61", "", "", 422, fault.Invalid,
			"query.timeout_seconds"},
		{"unknown run", "GET", "/api/v1/runs/..%2Fkey/log", "", "", 404, fault.NotFound, "there is no run ../key"},
		{"unknown workspace", "GET", "/api/v1/workspaces/nope/history", "", "", 404, fault.NotFound, `"nope"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			resp, b := r.ask(tt.method, tt.path, tt.body, "Content-Type", tt.contentType)
			p := wantProblem(t, resp, b, tt.status, tt.code)
			if !strings.Contains(p.Detail, tt.says) || p.Next == "" {
				t.Errorf("it says %q, then %q", p.Detail, p.Next)
			}
			if strings.Contains(string(b), "s3cret") {
				t.Errorf("the value comes back: %s", b)
			}
		})
	}
}

func TestAPanicIsAnInternalError(t *testing.T) {
	r := newRig(t, nil, breaking(func() error { panic("secret") }))
	resp, b := r.ask("GET", "/api/v1/runs/x", "")
	wantProblem(t, resp, b, 500, fault.Internal)
	if log := r.log.String(); strings.Contains(string(b), "secret") || !strings.Contains(log, "a request panicked") ||
		!strings.Contains(log, "errors_test.go") {
		t.Errorf("the answer is %s, the log %s", b, log)
	}
	if h, err := r.client.Health(t.Context()); err != nil || h.Status != "ok" {
		t.Errorf("after it: %v, %v", h, err)
	}
}

// TestNoPeerNoAnswer asks through a connection of which the kernel knows nobody.
func TestNoPeerNoAnswer(t *testing.T) {
	r := newRig(t, nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- New(r.server.Options).Serve(ctx, l) }()
	resp, err := http.Get("http://" + l.Addr().String() + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 403 {
		t.Errorf("got %s", resp.Status)
	}
	http.DefaultClient.CloseIdleConnections()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// What the machine lacks is no internal error: whoever asks can do something about it.
func TestWhatTheMachineLacksIsNoInternalError(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ENOSPC} {
		for _, err := range []error{&fs.PathError{Op: "open", Path: "/data/runs/r/plan.json", Err: errno},
			fault.New(fault.Internal, "look at it", "the plan cannot be read: %w", errno)} {
			p := problemOf(err, "R1")
			l, _ := fault.LackOf(err)
			if strings.Contains(p.Detail, "internal error") || p.Next == "" || l.Own && p.Next != l.Next {
				t.Errorf("%v is said as %+v", err, p)
			}
			if strings.Contains(p.Detail, "/data/") {
				t.Errorf("our own detail is shown: %+v", p)
			}
		}
	}
}
