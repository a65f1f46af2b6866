package server

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/tfops/tfops/internal/access"
	"github.com/tfops/tfops/internal/audit"
)

const ndjson = "application/x-ndjson"

type logInput struct {
	ID     string `path:"id" maxLength:"64"`
	Follow bool   `query:"follow" doc:"Go on until the run cannot add to it any more"`
}

// log passes on the engine's messages, each as soon as it is there. A stream
// that ends properly is whole; one that had to be given up is cut off, so that
// its reader notices.
func (s *Server) log(ctx context.Context, in *logInput) (*huma.StreamResponse, error) {
	// While it can still be told properly: whether there is such a run, and whether its log can be read.
	begins := errors.New("the log begins")
	err := s.Engine.Messages(ctx, in.ID, false, func([]byte) error { return begins })
	if err != nil && !errors.Is(err, begins) {
		return nil, err
	}
	return s.stream(ndjson, func(ctx context.Context, w io.Writer) error {
		return s.Engine.Messages(ctx, in.ID, in.Follow, func(line []byte) error {
			_, err := w.Write(append(line[:len(line):len(line)], '\n'))
			return err
		})
	}), nil
}

// debugLog passes on the engine's own debug log of a run.
func (s *Server) debugLog(ctx context.Context, a access.Actor, in *identified) (*huma.StreamResponse, error) {
	text, err := s.Engine.DebugLog(ctx, in.ID) // while an error can still be told properly
	if err != nil {
		return nil, err
	}
	read := audit.By(a, "debug-log", "")
	read.Run = in.ID
	if err := s.Store.Record(ctx, read); err != nil {
		return nil, err
	}
	return s.stream("text/plain; charset=utf-8", s.withDeadline(func(_ context.Context, w io.Writer) error {
		_, err := w.Write(text)
		return err
	})), nil
}

func (s *Server) backup(ctx context.Context, a access.Actor, _ *nothing) (*huma.StreamResponse, error) {
	if err := s.Store.Record(ctx, audit.By(a, "backup", "")); err != nil {
		return nil, err
	}
	out := s.stream("application/octet-stream", s.withDeadline(s.Store.Backup))
	return &huma.StreamResponse{Body: func(hctx huma.Context) {
		hctx.SetHeader("Content-Disposition", `attachment; filename="tfops.db"`)
		out.Body(hctx)
	}}, nil
}

// stream answers with what write writes. The head of the answer is sent at once, so all that is left
// for an error is to cut the answer off: what can be known before is looked at by the caller.
func (s *Server) stream(contentType string, write func(context.Context, io.Writer) error) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(hctx huma.Context) {
		r, w := humago.Unwrap(hctx)
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		defer context.AfterFunc(s.stopping, cancel)()
		w.Header().Set("Content-Type", contentType)
		f := flusher{w: w, c: http.NewResponseController(w)}
		if err := f.c.Flush(); err != nil { // the head: the reader knows that it is connected
			panic(http.ErrAbortHandler)
		}
		if err := write(ctx, f); err != nil {
			fail(ctx, err)
			panic(http.ErrAbortHandler)
		}
	}}
}

// withDeadline gives up a client that takes nothing for a while: what is written
// holds on to something meanwhile.
func (s *Server) withDeadline(write func(context.Context, io.Writer) error) func(context.Context, io.Writer) error {
	return func(ctx context.Context, w io.Writer) error {
		f := w.(flusher)
		f.timeout = s.writeTimeout
		err := write(ctx, f)
		return errors.Join(err, f.c.SetWriteDeadline(time.Time{}))
	}
}

// flusher sends what is written at once.
type flusher struct {
	w       io.Writer
	c       *http.ResponseController
	timeout time.Duration // that a write may take; zero: any
}

func (f flusher) Write(b []byte) (int, error) {
	if f.timeout > 0 {
		if err := f.c.SetWriteDeadline(time.Now().Add(f.timeout)); err != nil {
			return 0, err
		}
	}
	n, err := f.w.Write(b)
	if err == nil {
		err = f.c.Flush()
	}
	return n, err
}
