package server

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path"
	"runtime/debug"
	"strings"
	"time"

	"github.com/tfops/tfops/internal/access"
	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/server/limits"
	"github.com/tfops/tfops/internal/server/refused"
	"github.com/tfops/tfops/internal/server/socket"
)

// request is what handlers know of the request besides their input.
type request struct {
	id  string // also in the answer's head and in the log
	log *slog.Logger
	act *refused.Act
}

// actor is who asks in this request.
func actor(ctx context.Context) (access.Actor, error) {
	p, ok := socket.PeerOf(ctx)
	if !ok {
		return access.Actor{}, errNoPeer
	}
	name, err := p.Name()
	return access.Actor{Name: name, Via: "socket", Peer: p.Access(), Daemon: p.Own}, err
}

var errNoPeer = fault.New(fault.Forbidden, "connect through the Unix socket in the data directory",
	"the kernel does not tell which user asks")

type requestKey struct{}

func requestOf(ctx context.Context) request {
	rq, _ := ctx.Value(requestKey{}).(request)
	return rq
}

const (
	// maxBody bounds what a client may send: the longest is a comment.
	maxBody = 64 << 10
	// maxStateBody is for a request that brings a state, in base64.
	maxStateBody = api.MaxState/3*4 + maxBody
	// bodyTimeout bounds how long sending it may take.
	bodyTimeout = 10 * time.Second
)

// wrap is what every request goes through, whatever its route. bounds are of the bodies,
// see routes.
func (s *Server) wrap(mux *http.ServeMux, bounds map[string]int64) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := rand.Text()[:12]
		rq := request{id: id, log: s.Log.With("request", id, "method", r.Method, "path", r.URL.Path),
			act: &refused.Act{}}
		p, known := socket.PeerOf(r.Context())
		if known {
			rq.log = rq.log.With("uid", p.UID)
		}
		r = r.WithContext(context.WithValue(r.Context(), requestKey{}, rq))
		out := &answer{ResponseWriter: w}
		out.Header().Set("X-Request-Id", id)
		out.Header().Set("Cache-Control", "no-store")
		defer recoverPanic(out, rq)
		if !known {
			writeProblem(out, fail(r.Context(), errNoPeer))
			return
		}
		if p.Refused != nil {
			s.refusePeer(out, r, p)
			return
		}
		_, pattern := mux.Handler(r)
		done, full := s.limits.Take(p.UID, pattern)
		if done == nil {
			limits.ComeLater(out.Header())
			writeProblem(out, newProblem(http.StatusServiceUnavailable, fault.Unavailable, full, limits.Next))
			return
		}
		defer done()
		bound := cmp.Or(bounds[pattern], maxBody)
		if err := bufferBody(out, r, bound); err != nil {
			var tooLarge *http.MaxBytesError
			status := http.StatusBadRequest
			if errors.As(err, &tooLarge) {
				status = http.StatusRequestEntityTooLarge
			}
			out.Header().Set("Connection", "close") // the rest of the body is not read
			writeProblem(out, newProblem(status, fault.Invalid,
				"the body of the request cannot be read: "+err.Error(), fmt.Sprintf("send at most %d KiB, whole",
					bound>>10)))
			return
		}
		// The mux would redirect to the clean form of a path; nobody means that.
		if pattern == "" || path.Clean(r.URL.EscapedPath()) != r.URL.EscapedPath() {
			writeProblem(out, noRoute(mux, r, out.Header()))
			return
		}
		defer func() { s.recordRefusal(r, rq, out.status) }()
		mux.ServeHTTP(out, r)
	})
}

// bufferBody reads the body at once, within a bound in bytes and a time. The deadline
// is for the body alone: what is asked for may take longer.
func bufferBody(w http.ResponseWriter, r *http.Request, bound int64) error {
	if r.Body == nil || r.Body == http.NoBody {
		return nil
	}
	c := http.NewResponseController(w)
	if err := c.SetReadDeadline(time.Now().Add(bodyTimeout)); err != nil {
		return err
	}
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bound))
	if err != nil {
		return err
	}
	r.Body = io.NopCloser(bytes.NewReader(b))
	return c.SetReadDeadline(time.Time{})
}

// noRoute says what is wrong with a request that no route takes.
func noRoute(mux *http.ServeMux, r *http.Request, header http.Header) *problem {
	next := "the routes are in /openapi.json"
	probe := &answer{ResponseWriter: discard{http.Header{}}}
	mux.ServeHTTP(probe, r)
	if probe.status == http.StatusMethodNotAllowed {
		allow := probe.Header().Get("Allow")
		header.Set("Allow", allow)
		return newProblem(probe.status, fault.Invalid, fmt.Sprintf("%s takes %s, not %s", r.URL.Path,
			strings.ReplaceAll(allow, ", ", " or "), r.Method), next)
	}
	return newProblem(http.StatusNotFound, fault.NotFound, "there is nothing at "+r.URL.Path, next)
}

// recoverPanic answers for a handler that panicked.
func recoverPanic(out *answer, rq request) {
	v := recover()
	if v == nil {
		return
	}
	if v == http.ErrAbortHandler { //nolint:errorlint // net/http compares it so, too
		panic(v)
	}
	rq.log.Error("a request panicked", "panic", v, "stack", string(debug.Stack()))
	if out.status != 0 { // the answer has begun: cutting it off is all that can be done
		panic(http.ErrAbortHandler)
	}
	writeProblem(out, problemOf(errors.New("panic"), rq.id))
}

// answer remembers whether it has begun.
type answer struct {
	http.ResponseWriter
	status int
}

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(b []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	return a.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// discard is an answer that nobody reads.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}
