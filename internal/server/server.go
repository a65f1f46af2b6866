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
	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/drift/report"
	"github.com/tfops/tfops/internal/engine/acts"
	"github.com/tfops/tfops/internal/engine/managed"
	"github.com/tfops/tfops/internal/engine/patches"
	"github.com/tfops/tfops/internal/engine/upkeep"
	"github.com/tfops/tfops/internal/engine/view"
	"github.com/tfops/tfops/internal/locks"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/server/limits"
	"github.com/tfops/tfops/internal/server/socket"
	"github.com/tfops/tfops/internal/workspace"
)

// Fleet is what is asked about workspaces.
type Fleet interface {
	Workspaces(context.Context) ([]view.Workspace, error)
	Workspace(ctx context.Context, name string) (view.Workspace, error)
	LeftBehind(context.Context) ([]workspace.Record, error)
	Strays() []upkeep.Stray
	Applies(ctx context.Context, workspace string, limit int) ([]view.Run, error)
}

// Sources is what is asked about repositories, and what is made of them.
type Sources interface {
	Repositories() []view.Repository
	Generators() []view.Generator
	Poke(repository string) error
}

// Holds is what holds workspaces back.
type Holds interface {
	Locks(context.Context) ([]locks.Lock, error)
	MetLocks(context.Context) ([]view.MetLock, error)
	Lock(ctx context.Context, a access.Actor, workspace, reason string) error
	Unlock(ctx context.Context, a access.Actor, workspace, reason string) error
	Suspend(ctx context.Context, a access.Actor, workspace, reason string, until time.Time) error
	Resume(ctx context.Context, a access.Actor, workspace string) error
}

// Runs is what is asked about runs.
type Runs interface {
	Show(ctx context.Context, id string) (view.Run, error)
	List(context.Context, run.Query) ([]view.Run, error)
	Plan(ctx context.Context, id string) (*plan.Plan, error)
	DebugLog(ctx context.Context, id string) ([]byte, error)
	Messages(ctx context.Context, id string, follow bool, emit func(line []byte) error) error
	Watch(id string) (changed <-chan struct{}, stop func())
}

// Decisions is what people decide about runs.
type Decisions interface {
	Start(context.Context, access.Actor, acts.Order) (run.Run, error)
	Vote(ctx context.Context, a access.Actor, id string, b acts.Ballot) (run.Run, error)
	Withdraw(ctx context.Context, a access.Actor, id string) (run.Run, error)
	Cancel(ctx context.Context, a access.Actor, id string, force bool) (run.Run, error)
	Resolve(ctx context.Context, a access.Actor, id, found string) (run.Run, error)
}

// States is what people decide about states.
type States interface {
	ImportState(ctx context.Context, a access.Actor, name string, in acts.Import) (run.Run, error)
	MoveState(ctx context.Context, a access.Actor, workspace string) (run.Run, error)
	RestoreState(ctx context.Context, a access.Actor, workspace string, from managed.Restoration) (managed.Restored,
		error)
}

// Drift is what is asked and decided about findings.
type Drift interface {
	Findings(context.Context, acts.FindingQuery) ([]drift.Finding, error)
	Finding(ctx context.Context, id string) (drift.Finding, error)
	Acknowledge(ctx context.Context, a access.Actor, id, reason string, until time.Time) (drift.Finding, error)
	Unacknowledge(ctx context.Context, a access.Actor, id string) (drift.Finding, error)
}

// Patches is what is asked about patches of code.
type Patches interface {
	Codify(ctx context.Context, a access.Actor, finding string) (patches.Patch, error)
	Patch(ctx context.Context, run string) (patches.Patch, error)
}

// Engine is all of them, each from whoever answers it.
type Engine struct {
	Drift
	Patches
	DriftReports
	Fleet
	Sources
	Holds
	Runs
	Decisions
	States
}

// DriftReports is what is asked about drift reports.
type DriftReports interface {
	DriftReport(ctx context.Context, since time.Time) (*report.Report, error)
	KeptReport(ctx context.Context, id string) (*report.Report, error)
	Reports(context.Context) ([]run.Report, error)
}

// Store is what is read beside the engine.
type Store interface {
	Audits(ctx context.Context, limit int) ([]run.Audit, error)
	Backup(context.Context, io.Writer) error
}

// Options are what a server is made of. All but MayApprove are needed.
type Options struct {
	Engine  Engine
	Store   Store
	Outbox  Outbox
	Config  func() api.ConfigStatus
	Damage  func(context.Context) ([]api.Damage, error) // of the store; without it there is none
	Version func() api.Version
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
