// Package server is the HTTP API of tfops on a Unix socket.
//
// # Who asks
//
// The socket (package socket) is the authentication: the file's permissions say who
// may connect, and the kernel says which user did (SO_PEERCRED). That user is the
// actor of everything that the connection asks for. There is no TCP listener.
//
// # How a request goes
//
// All routes are in one table (routes.go). A handler takes an input and
// returns an output or an error; one wrapper turns an error into a problem of
// RFC 9457 (problem.go), by the table of statuses that package api shares
// with the client. Handlers decide nothing: they ask the engine and convert
// its answer to the wire types (the files named view_*.go).
//
// Whatever waits (long polls, followed logs) ends when the daemon stops.
package server

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/tfops/tfops/internal/access"
	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/audit"
	"github.com/tfops/tfops/internal/sandbox"
	"github.com/tfops/tfops/internal/server/asked"
	"github.com/tfops/tfops/internal/server/limits"
	"github.com/tfops/tfops/internal/server/refused"
	"github.com/tfops/tfops/internal/server/socket"
)

// Store is what is read beside the engine.
type Store interface {
	AuditLog(context.Context, audit.Query) ([]audit.Record, error)
	Record(context.Context, audit.Record) error
	Backup(context.Context, io.Writer) error
}

// Options are what a server is made of. All but MayApprove are needed.
type Options struct {
	Engine  asked.Engine
	Store   Store
	Outbox  Outbox
	Config  func() api.ConfigStatus
	Damage  func(context.Context) ([]api.Damage, error) // of the store; without it there is none
	Version func() api.Version
	Sandbox func() sandbox.Terms // how engines are shut in; without it nothing is said of it
	Log     *slog.Logger

	// MayApprove says why the person's yes to the run's plan would not count
	// now; nil when it would. Without it the list of approvals does not tell.
	MayApprove func(ctx context.Context, a access.Actor, run string) error
}

// Server answers requests. Make one with New.
type Server struct {
	Options

	handler http.Handler
	version func() string // tfops's own; asking for the engines' takes long

	ids     map[string]string // of routes, by their patterns
	refused refused.Bound

	writeTimeout time.Duration // writeTimeout
	reporting    chan struct{} // the place of who makes a report
	limits       limits.Limits

	stopping context.Context // done when whatever waits must end
	stop     context.CancelFunc
}

// New returns a server.
func New(o Options) *Server {
	s := &Server{Options: o, writeTimeout: writeTimeout, reporting: make(chan struct{}, 1),
		version: sync.OnceValue(func() string { return o.Version().Tfops })}
	s.stopping, s.stop = context.WithCancel(context.Background())
	s.handler = s.wrap(s.routes())
	return s
}

const (
	// headerTimeout bounds how long a client may take to send a request's head.
	headerTimeout = 10 * time.Second
	// idleTimeout is how long a connection is kept between requests.
	idleTimeout = 2 * time.Minute
	// stopTimeout is how long a stopping daemon waits for answers that are
	// being written.
	stopTimeout = 3 * time.Second
	// writeTimeout is how long a client of a backup or a report may take nothing: the
	// copy of a backup takes room on the disk meanwhile, a report is held in memory.
	writeTimeout = time.Minute
)

// Serve answers on l, which socket.Listen made, until ctx is done; then it ends what
// waits, lets the rest finish for some seconds, and closes l. It is called once.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	srv := &http.Server{
		Handler:           s.handler,
		ConnContext:       socket.WithPeer,
		ConnState:         s.limits.Connected,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(s.Log.Handler(), slog.LevelWarn),
	}
	stopped := make(chan error, 1)
	cancel := context.AfterFunc(ctx, func() { stopped <- s.shutdown(srv) })
	err := srv.Serve(l)
	if cancel() { // Serve failed by itself
		s.stop()
		return errors.Join(err, srv.Close())
	}
	return <-stopped
}

func (s *Server) shutdown(srv *http.Server) error {
	s.stop()
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil {
		s.Log.Warn("answers were cut off because tfops stops", "error", err)
		return srv.Close()
	}
	return nil
}
