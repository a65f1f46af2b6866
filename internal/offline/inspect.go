package offline

import (
	"context"
	"maps"
	"slices"

	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/audit"
	"github.com/tfops/tfops/internal/locks"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/store"
	"github.com/tfops/tfops/internal/workspace"
)

// Contents is what a store holds.
type Contents struct {
	Workspaces []workspace.Record `json:"workspaces"`
	Runs       []run.Run          `json:"runs"` // newest first
	Locks      []locks.Lock       `json:"locks"`
	Audit      []audit.Record     `json:"audit"` // newest first
}

// StoredRun is all that is stored about a run.
type StoredRun struct {
	run.Run
	Votes  []approvals.Vote `json:"votes"`
	Events []run.Event      `json:"events"`
}

// Inspect reads a store without changing it: as many runs and decisions as limit says, or
// all for 0.
func Inspect(ctx context.Context, s *store.Store, limit int) (Contents, error) {
	c := Contents{Workspaces: []workspace.Record{}, Runs: []run.Run{}, Locks: []locks.Lock{}, Audit: []audit.Record{}}
	records, err := s.Records(ctx)
	if err != nil {
		return c, err
	}
	for _, name := range slices.Sorted(maps.Keys(records)) {
		c.Workspaces = append(c.Workspaces, records[name])
	}
	runs, err := s.Runs(ctx, run.Query{Limit: limit})
	if err != nil {
		return c, err
	}
	queue, err := s.Queue(ctx)
	if err != nil {
		return c, err
	}
	c.Locks = slices.AppendSeq(c.Locks, queue.Locks())
	audits, err := s.Audits(ctx, limit)
	c.Runs, c.Audit = append(c.Runs, runs...), append(c.Audit, audits...)
	return c, err
}

// InspectRun reads all about one run.
func InspectRun(ctx context.Context, s *store.Store, id string) (StoredRun, error) {
	found, events, err := s.Load(ctx, id)
	return StoredRun{Run: found.Run, Votes: append([]approvals.Vote{}, found.Votes...),
		Events: append([]run.Event{}, events...)}, err
}
