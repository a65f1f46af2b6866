// Package asked is what the server asks of the engine.
package asked

import (
	"context"
	"time"

	"github.com/tfops/tfops/internal/access"
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
