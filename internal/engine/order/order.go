// Package order makes runs in the order of their workspaces: what goes first, what waits
// for it, and what is planned once another has moved on.
package order

import (
	"context"
	"maps"
	"slices"

	"github.com/tfops/tfops/internal/engine/decide"
	"github.com/tfops/tfops/internal/engine/jobs"
	"github.com/tfops/tfops/internal/engine/settings"
	"github.com/tfops/tfops/internal/engine/txn"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// Sequencer makes runs in the order of their workspaces.
type Sequencer struct {
	txn  *txn.Writer
	jobs *jobs.Maker
}

// New returns one.
func New(w *txn.Writer, j *jobs.Maker) *Sequencer { return &Sequencer{txn: w, jobs: j} }

// Arrange tells each run of a batch which workspaces go before it: those that
// have a run in the batch, or one on its way that may apply.
func (o *Sequencer) Arrange(ctx context.Context, s *settings.Settings, b *run.Batch) error {
	needed := slices.ContainsFunc(b.Runs, func(r run.Run) bool { return len(decide.GoesBefore(s, r)) > 0 })
	if !needed {
		return nil
	}
	q, err := o.txn.Queue(ctx)
	if err != nil {
		return err
	}
	o.askOutputs(ctx, s, q, b)
	together := kindsOf(b.Runs)
	for i, r := range b.Runs {
		for _, name := range decide.GoesBefore(s, r) {
			_, busy := decide.OnItsWay(q, name, r.Kind)
			if busy || together[name][r.Kind] || r.Kind == run.Sync && reads(s, q, together, r.Workspace, name) {
				b.Runs[i].Upstream = append(b.Runs[i].Upstream, name)
			}
		}
	}
	return nil
}

// kindsOf are the kinds of some runs, by workspace.
func kindsOf(runs []run.Run) map[string]map[run.Kind]bool {
	kinds := make(map[string]map[run.Kind]bool, len(runs))
	for _, r := range runs {
		if kinds[r.Workspace] == nil {
			kinds[r.Workspace] = map[run.Kind]bool{}
		}
		kinds[r.Workspace][r.Kind] = true
	}
	return kinds
}

// InReverse makes a person's destroy run wait for those of the workspaces that
// depend on its own. It is refused while one of them stands and is not being
// destroyed: what it is made of would go from under it.
func (o *Sequencer) InReverse(ctx context.Context, b *run.Batch) error {
	s := o.txn.Settings.Get()
	if err := o.Arrange(ctx, s, b); err != nil {
		return err
	}
	q, err := o.txn.Queue(ctx)
	if err != nil {
		return err
	}
	r := b.Runs[0]
	for _, name := range decide.GoesBefore(s, r) {
		def, _ := s.Definition(name)
		if q.Record(name).Applied != "" && def.Apply != workspace.Never && !slices.Contains(r.Upstream, name) {
			return fault.New(fault.Conflict, "tfops destroy "+name, "workspace %s depends on %s and is still applied",
				name, r.Workspace)
		}
	}
	return nil
}

// askOutputs adds a check of each applied workspace whose outputs a run of the
// batch uses and nobody has read yet, as when inputs are new in the
// configuration: what a check finds in the state are the outputs.
func (o *Sequencer) askOutputs(ctx context.Context, s *settings.Settings, q run.Queue, b *run.Batch) {
	together := kindsOf(b.Runs)
	for _, r := range slices.Clone(b.Runs) {
		def, _ := s.Definition(r.Workspace)
		for _, in := range def.Inputs {
			for _, ref := range in.Refs {
				rec := q.Record(ref.Workspace)
				up, ok := s.Find(ref.Workspace)
				if !ok || rec.Outputs != nil || rec.Applied == "" || reads(s, q, together, r.Workspace, ref.Workspace) {
					continue
				}
				check, err := o.Check(ctx, up, *rec, run.Trigger{Cause: run.ByUpstream})
				if err != nil {
					continue // the run itself says what is missing
				}
				b.Runs = append(b.Runs, check)
				maps.Insert(together, maps.All(kindsOf([]run.Run{check})))
			}
		}
	}
}

// reads reports whether a run that will read the outputs of a workspace, which
// another uses, is on its way or in the batch.
func reads(s *settings.Settings, q run.Queue, together map[string]map[run.Kind]bool, user, name string) bool {
	def, _ := s.Definition(user)
	uses := false
	for _, in := range def.Inputs {
		uses = uses || slices.ContainsFunc(in.Refs, func(ref workspace.OutputRef) bool { return ref.Workspace == name })
	}
	if !uses {
		return false
	}
	for r := range q.Of(name) {
		if r.Kind == run.Sync || r.Kind == run.Drift {
			return true
		}
	}
	return together[name][run.Sync] || together[name][run.Drift]
}

// FlowAfter enqueues what comes after some workspaces that have moved on.
func (o *Sequencer) FlowAfter(ctx context.Context, moved map[string]bool) error {
	q, err := o.txn.Queue(ctx)
	if err != nil {
		return err
	}
	s, after := o.txn.Settings.Get(), map[string]bool{}
	for name := range moved {
		for rec := range q.HeldBackBy(name) {
			after[rec.Name] = true
		}
		for _, user := range s.Downstream(name) {
			after[user] = true
		}
	}
	return o.flowOn(ctx, s, q, slices.Sorted(maps.Keys(after)))
}

// FlowAll enqueues all that flowing finds.
func (o *Sequencer) FlowAll(ctx context.Context) error {
	s := o.txn.Settings.Get()
	if !s.Order.Any() {
		return nil
	}
	q, err := o.txn.Queue(ctx)
	if err != nil {
		return err
	}
	names := make([]string, len(s.Workspaces))
	for i := range s.Workspaces {
		names[i] = s.Workspaces[i].Name
	}
	return o.flowOn(ctx, s, q, names)
}

func (o *Sequencer) flowOn(ctx context.Context, s *settings.Settings, q run.Queue, names []string) error {
	var b run.Batch
	for _, name := range names {
		d, ok := s.Definition(name)
		if !ok {
			continue
		}
		up := decide.Flowing(s, q, d)
		repo, ok := s.Repositories[d.Repository]
		if up == "" || !ok || q.Record(name).Obstacle != nil {
			continue
		}
		c, err := settings.Commit(ctx, repo, q.Record(name).Desired)
		if err != nil {
			return err
		}
		b.Runs = append(b.Runs, run.Run{Workspace: name, Kind: run.Sync, Commit: c, Fingerprint: d.Fingerprint,
			Trigger: run.Trigger{Cause: run.ByUpstream, Run: q.Record(up).EndedRun}})
	}
	if err := o.Arrange(ctx, s, &b); err != nil {
		return err
	}
	_, err := o.txn.Enqueue(ctx, b)
	return err
}

// Check is a check at the commit that is applied.
func (o *Sequencer) Check(ctx context.Context, d fleet.Definition, rec workspace.Record, t run.Trigger) (run.Run,
	error) {
	if rec.Applied == "" {
		return run.Run{}, fault.New(fault.Conflict, "tfops sync "+d.Name,
			"workspace %s was never applied, so nothing can drift from it", d.Name)
	}
	if _, err := o.jobs.AsApplied(d, rec.AppliedFingerprint); err != nil {
		return run.Run{}, err
	}
	repo, ok := o.txn.Settings.Get().Repositories[d.Repository]
	if !ok {
		return run.Run{}, fault.New(fault.NotFound, "tfops validate", "there is no repository %q", d.Repository)
	}
	c, err := settings.Commit(ctx, repo, rec.Applied)
	if fault.Is(err, fault.NotFound) {
		return run.Run{}, fault.New(fault.Conflict, "tfops sync "+d.Name,
			"commit %s, which workspace %s was made equal to, is not in the repository any more",
			workspace.ShortCommit(rec.Applied), d.Name)
	}
	if err != nil {
		return run.Run{}, err
	}
	return run.Run{Workspace: d.Name, Kind: run.Drift, Commit: c, Fingerprint: rec.AppliedFingerprint, Trigger: t}, nil
}
