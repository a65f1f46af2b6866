package watch

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tfops/tfops/internal/engine/decide"
	"github.com/tfops/tfops/internal/engine/settings"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
	"github.com/tfops/tfops/internal/workspace/reach"
)

// survey looks at the branches of a repository for what generators make
// workspaces of. A branch that cannot be read keeps what was found before; more says that
// some were left for the next look.
func (w *Watcher) survey(ctx context.Context, name string, repo settings.Repository, heads map[string]string,
	records map[string]workspace.Record) (failed []error, more bool) {
	w.mu.Lock()
	config := &w.base.Config
	known := w.found.Branches(name)
	w.mu.Unlock()
	gens := config.Of(name)
	if len(gens) == 0 && len(known) == 0 || len(heads) == 0 {
		return nil, false // a repository without branches is more likely broken than emptied
	}
	branches := map[string]fleet.Discovery{}
	until := time.Now().Add(surveyTime)
	for _, branch := range inOrder(gens, heads) {
		head := heads[branch]
		d, ok := known[branch]
		if !ok || d.Head != head || d.Of != config || d.Partial {
			if more = more || time.Now().After(until); more && byPattern(gens, branch) {
				if ok {
					branches[branch] = d
				}
				continue
			}
			var most time.Time
			if byPattern(gens, branch) {
				most = until
			}
			fresh, err := w.sources.Discover(ctx, repo, gens, branch, head, records, most)
			switch {
			case errors.Is(err, reach.ErrLater):
				if more = true; ok {
					branches[branch] = d
				}
				continue
			case err == nil:
				d = fresh
				d.Of = config
			case !ok:
				failed = append(failed, fmt.Errorf("branch %s: %w", branch, err))
				continue
			default:
				failed = append(failed, fmt.Errorf("branch %s: %w", branch, err))
			}
		}
		branches[branch] = d
	}
	fleet.HoldUnmatched(branches, gens, records)
	w.mu.Lock()
	w.found.Set(name, branches, len(failed) == 0 && !more)
	w.mu.Unlock()
	return failed, more
}

// surveyTime is how long one look at a repository goes on to read branches that patterns find: the
// rest is for the next, which sees first what moved meanwhile.
const surveyTime = 3 * time.Second

// inOrder are the branches that generators make workspaces of: those that are named before those that
// only a pattern finds.
func inOrder(gens []fleet.Generator, heads map[string]string) []string {
	var named, found []string
	for _, branch := range slices.Sorted(maps.Keys(heads)) {
		switch {
		case !slices.ContainsFunc(gens, func(g fleet.Generator) bool { return g.MatchesBranch(branch) }):
		case byPattern(gens, branch):
			found = append(found, branch)
		default:
			named = append(named, branch)
		}
	}
	return append(named, found...)
}

func byPattern(gens []fleet.Generator, branch string) bool {
	return !slices.ContainsFunc(gens, func(g fleet.Generator) bool { return g.Named(branch) })
}

// rebuild puts the fleet together of what was found and what is remembered.
func (w *Watcher) rebuild(records map[string]workspace.Record) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := *w.base
	s.Fleet = fleet.Build(&w.base.Config, &w.found, &w.expansion, w.code, records)
	w.txn.Settings.Set(&s)
	w.txn.Calendar.Send()
}

// known fetches what is remembered and puts the fleet together: at the start,
// and when the configuration changed.
func (w *Watcher) recall(ctx context.Context) error {
	records, err := w.txn.Records(ctx)
	if err != nil {
		return err
	}
	w.rebuild(records)
	return nil
}

// mark adds to the batch what is to be remembered of generated workspaces: what
// they are made of, and which of them have lost that. Of these, those with
// on_removed = "destroy" get a destroy run, once.
func (p *poll) mark(ctx context.Context) error {
	s, b, repository := p.w.txn.Settings.Get(), &p.batch, p.repo.Name
	b.Origins, b.Orphans = map[string]workspace.Origin{}, map[string]workspace.Orphan{}
	for _, d := range s.Workspaces {
		if d.Origin == nil || d.Repository != repository {
			continue
		}
		rec := p.records[d.Name]
		if _, waits := decide.RenameWait(s.Fleet, d.Name); waits {
			continue
		}
		p.w.mu.Lock()
		gone, held := p.w.found.Gone(repository, *d.Origin, rec), p.w.found.Held(repository, *d.Origin, rec)
		p.w.mu.Unlock()
		switch {
		case held != nil:
			if rec.Orphan != nil {
				b.Origins[d.Name] = *d.Origin
			}
			o := workspace.ObstacleOf(held)
			o.Message, o.Held = o.Message+"; it stays as it is", true
			p.obstacles[d.Name], p.left[d.Name] = o, true
		case !gone && (rec.Origin == nil || *rec.Origin != *d.Origin || rec.Orphan != nil):
			b.Origins[d.Name] = *d.Origin
			p.block([]fleet.Definition{d}, nil) // what is wrong otherwise the look at its branch finds out
		case gone:
			if err := p.orphan(ctx, d, rec); err != nil {
				return err
			}
		case rec.Obstacle != nil && rec.Obstacle.Held:
			p.block([]fleet.Definition{d}, nil)
			p.looked([]fleet.Definition{d}, false)
		}
	}
	for name, rec := range p.records { // those that leave nothing behind
		if _, ok := s.Find(name); ok || rec.Origin == nil || rec.Orphan != nil || s.Heirs[name] != "" {
			continue
		}
		if g, ok := s.Config.Generator(rec.Origin.Generator); ok && g.Repository == repository {
			b.Orphans[name] = workspace.Orphan{Since: time.Now().UTC(), Why: lost(*rec.Origin)}
		}
	}
	return nil
}

func lost(o workspace.Origin) string {
	if o.VarFile != "" {
		return fmt.Sprintf("%s of directory %s on branch %s is gone", o.VarFile, o.Dir, o.Branch)
	}
	return fmt.Sprintf("directory %s on branch %s is gone", o.Dir, o.Branch)
}

func (p *poll) orphan(ctx context.Context, d fleet.Definition, rec workspace.Record) error {
	o := workspace.Orphan{Since: time.Now().UTC(), Why: lost(*d.Origin), Head: p.heads[d.Origin.Branch]}
	if rec.Orphan != nil {
		o = *rec.Orphan
	}
	destroy := d.OnRemoved == workspace.DestroyOnRemoved && d.Apply != workspace.Never && rec.Applied != "" && !o.Asked
	if destroy {
		c, err := settings.Commit(ctx, p.repo, rec.Applied)
		if err != nil {
			return err
		}
		o.Asked = true
		p.batch.Runs = append(p.batch.Runs, run.Run{Workspace: d.Name, Kind: run.Destroy, Commit: c,
			Fingerprint: d.Fingerprint, Trigger: run.Trigger{Cause: run.ByRemoval}})
	}
	if rec.Orphan == nil || destroy {
		p.batch.Orphans[d.Name] = o
	}
	p.left[d.Name] = true
	p.block([]fleet.Definition{d}, orphaned(d.Name, o))
	return nil
}

// orphaned is why an orphan is not planned.
func orphaned(name string, o workspace.Orphan) error {
	return fault.New(fault.NotFound, "tfops destroy "+name+", or bring it back",
		"what it was made of is gone, and what it applied is still there: %s", o.Why)
}
