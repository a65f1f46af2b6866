package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// upstreamVerdict says what keeps a pending run back that others go before;
// an empty Wait when nothing does.
//
// It asks how the others stand now, not how the run stood that was on its way
// when this one was made: that may have been superseded, tried again or
// replaced by a fresh one.
func upstreamVerdict(q run.Queue, s *Settings, r *run.Run) (step, Wait) {
	for _, name := range r.Upstream {
		if o, ok := onItsWay(q, name, r.Kind); ok {
			return nothing, Wait{For: fmt.Sprintf("workspace %s, which %s: its run %s is %s", name, place(r.Kind), o.ID, words(o.Status)), Command: moves(o)}
		}
	}
	if def, ok := s.find(r.Workspace); ok && r.Kind == run.Sync {
		for _, in := range def.Inputs {
			for _, ref := range in.Refs {
				if o, busy := onItsWay(q, ref.Workspace, run.Drift); busy && slices.Contains(r.Upstream, ref.Workspace) && q.Record(ref.Workspace).Outputs == nil {
					return nothing, Wait{For: fmt.Sprintf("the outputs of workspace %s, which run %s reads", ref.Workspace, o.ID), Command: "tfops wait " + o.ID}
				}
			}
		}
	}
	for _, name := range r.Upstream {
		if why := notDone(q, s, name, r.Kind); why != "" {
			return withhold, Wait{For: fmt.Sprintf("workspace %s, which %s, %s", name, place(r.Kind), why)}
		}
	}
	return nothing, Wait{}
}

// place says what a workspace is to one whose run waits for it.
func place(k run.Kind) string {
	if k == run.Destroy {
		return "depends on it"
	}
	return "is upstream"
}

func words(s run.Status) string { return strings.ReplaceAll(string(s), "_", " ") }

// moves is the command that moves on a run that another waits for.
func moves(r *run.Run) string {
	switch r.Status {
	case run.AwaitingApproval:
		return "tfops approve " + r.ID
	case run.Interrupted:
		return mends(r)
	}
	return "tfops wait " + r.ID
}

// onItsWay finds a run of a workspace that may still apply, of the kind that
// is waited for: what is planned waits for syncs, what is destroyed for destroys.
func onItsWay(q run.Queue, name string, kind run.Kind) (*run.Run, bool) {
	for o := range q.Of(name) {
		if o.Kind == kind {
			return o, true
		}
	}
	return nil, false
}

// notDone says why a workspace that goes first has not done its part; "" when
// it has, or when nothing of the kind is wanted of it.
func notDone(q run.Queue, s *Settings, name string, kind run.Kind) string {
	def, ok := s.find(name)
	if !ok {
		return ""
	}
	rec := q.Record(name)
	ended := rec.Ended
	if ended == "" {
		ended = "nothing was applied"
	}
	if kind == run.Destroy {
		if rec.MayStand() {
			return "was not destroyed: " + ended
		}
		return ""
	}
	if def.Apply == workspace.Never || rec.Desired == "" || rec.Destroyed || rec.InSync(def.fingerprint) {
		return ""
	}
	return "was not applied: " + ended
}

// withheld ends a run for which a workspace that goes first was not applied.
// It is made again once that one is.
func withheld(d *run.Dossier, upstream []string, why string) error {
	d.Run.Reason, d.Run.Comment = run.Upstream, why
	if d.Run.Kind == run.Sync && len(upstream) > 0 {
		d.Record.HeldBack = upstream[0]
	}
	return d.Move(run.Discarded, "", why)
}

// arrange tells each run of a batch which workspaces go before it: those that
// have a run in the batch, or one on its way that may apply.
func (e *Engine) arrange(ctx context.Context, s *Settings, b *run.Batch) error {
	needed := slices.ContainsFunc(b.Runs, func(r run.Run) bool { return len(s.before(r)) > 0 })
	if !needed {
		return nil
	}
	q, err := e.Store.Queue(ctx)
	if err != nil {
		return err
	}
	if err := e.askOutputs(ctx, s, q, b); err != nil {
		return err
	}
	for i, r := range b.Runs {
		for _, name := range s.before(r) {
			_, busy := onItsWay(q, name, r.Kind)
			if busy || r.Kind == run.Sync && reads(s, q, b, r.Workspace, name) || slices.ContainsFunc(b.Runs, func(o run.Run) bool { return o.Workspace == name && o.Kind == r.Kind }) {
				b.Runs[i].Upstream = append(b.Runs[i].Upstream, name)
			}
		}
	}
	return nil
}

// inReverse makes a person's destroy run wait for those of the workspaces that
// depend on its own. It is refused while one of them stands and is not being
// destroyed: what it is made of would go from under it.
func (e *Engine) inReverse(ctx context.Context, b *run.Batch) error {
	s := e.current()
	if err := e.arrange(ctx, s, b); err != nil {
		return err
	}
	records, err := e.Store.Records(ctx)
	if err != nil {
		return err
	}
	r := b.Runs[0]
	for _, name := range s.before(r) {
		def, _ := s.find(name)
		if records[name].Applied != "" && def.Apply != workspace.Never && !slices.Contains(r.Upstream, name) {
			return fault.New(fault.Conflict, "tfops destroy "+name, "workspace %s depends on %s and is still applied", name, r.Workspace)
		}
	}
	return nil
}

// askOutputs adds a check of each applied workspace whose outputs a run of the
// batch uses and nobody has read yet, as when inputs are new in the
// configuration: what a check finds in the state are the outputs.
func (e *Engine) askOutputs(ctx context.Context, s *Settings, q run.Queue, b *run.Batch) error {
	var records map[string]workspace.Record
	for _, r := range slices.Clone(b.Runs) {
		def, _ := s.find(r.Workspace)
		for _, in := range def.Inputs {
			for _, ref := range in.Refs {
				if records == nil {
					var err error
					if records, err = e.Store.Records(ctx); err != nil {
						return err
					}
				}
				rec := records[ref.Workspace]
				up, ok := s.find(ref.Workspace)
				if !ok || rec.Outputs != nil || rec.Applied == "" || reads(s, q, b, r.Workspace, ref.Workspace) {
					continue
				}
				check, err := e.driftRun(ctx, up, rec, run.Trigger{Cause: run.ByUpstream})
				if err != nil {
					continue // the run itself says what is missing
				}
				b.Runs = append(b.Runs, check)
			}
		}
	}
	return nil
}

// reads reports whether a run that will read the outputs of a workspace, which
// another uses, is on its way or in the batch.
func reads(s *Settings, q run.Queue, b *run.Batch, user, name string) bool {
	def, _ := s.find(user)
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
	return slices.ContainsFunc(b.Runs, func(r run.Run) bool { return r.Workspace == name && (r.Kind == run.Sync || r.Kind == run.Drift) })
}

// before are the workspaces that go before a run's in the order of its kind.
func (s *Settings) before(r run.Run) []string {
	switch r.Kind {
	case run.Sync:
		return s.order.AllUpstream(r.Workspace)
	case run.Destroy:
		return s.order.AllDownstream(r.Workspace)
	}
	return nil
}

// flowing are the workspaces that are to be planned because those before them
// have moved on: whose last run was withheld, and those that use an output that
// has changed since. It is pure, and asked again and again, so that nothing is
// lost when the daemon ends in between.
func flowing(s *Settings, q run.Queue, records map[string]workspace.Record) map[string]string {
	out := map[string]string{}
	for _, d := range s.Workspaces {
		rec := records[d.Name]
		if rec.Desired == "" || rec.Orphan != nil || rec.Destroyed || d.Apply == workspace.Never {
			continue
		}
		if _, busy := onItsWay(q, d.Name, run.Sync); busy {
			continue // a plan that was made with an old value is found stale
		}
		if up := rec.HeldBack; up != "" {
			if def, ok := s.find(up); !ok || records[up].InSync(def.fingerprint) {
				out[d.Name] = up
			}
			continue
		}
		if up := changedInput(d, rec, records); up != "" {
			out[d.Name] = up
		}
	}
	return out
}

// changedInput names the upstream workspace of which an output that is used has
// another value than the one that was used last; "" for none, and as long as
// one of them is not there.
func changedInput(d Definition, rec workspace.Record, records map[string]workspace.Record) string {
	changed := ""
	for _, in := range d.Inputs {
		for _, ref := range in.Refs {
			now, there := records[ref.Workspace].Outputs[ref.Output]
			if !there {
				return ""
			}
			if rec.Inputs[ref.String()] != now.Digest {
				changed = ref.Workspace
			}
		}
	}
	return changed
}

// keepFlowing enqueues what flowing finds, each time a workspace was applied
// that others come after.
func (e *Engine) keepFlowing(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-e.flow:
			e.renameLater(ctx)
			if err := e.flowOn(ctx); err != nil && ctx.Err() == nil {
				e.Log.Error("workspaces that come after others cannot be enqueued; the next poll tries again", "error", err)
			}
		}
	}
}

func (e *Engine) flowOn(ctx context.Context) error {
	s := e.current()
	if !s.order.Any() {
		return nil
	}
	q, records, err := e.fleet(ctx)
	if err != nil {
		return err
	}
	var b run.Batch
	for name, up := range flowing(s, q, records) {
		d, _ := s.find(name)
		repo, ok := s.Repositories[d.Repository]
		if !ok || e.problem(name) != nil {
			continue
		}
		c, err := commit(ctx, repo, records[name].Desired)
		if err != nil {
			return err
		}
		b.Runs = append(b.Runs, run.Run{Workspace: name, Kind: run.Sync, Commit: c, Fingerprint: d.fingerprint,
			Trigger: run.Trigger{Cause: run.ByUpstream, Run: lastRun(records[up])}})
	}
	if err := e.arrange(ctx, s, &b); err != nil {
		return err
	}
	return e.enqueue(ctx, b)
}

// lastRun is the id in Record.Ended.
func lastRun(rec workspace.Record) string {
	if parts := strings.Fields(rec.Ended); len(parts) > 1 {
		return parts[1]
	}
	return ""
}
