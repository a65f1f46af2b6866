package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tfops/tfops/internal/engine/decide"

	"github.com/tfops/tfops/internal/engine/settings"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// GeneratorView is a generator as people see it.
type GeneratorView struct {
	Name       string
	Repository string
	Workspaces []string
	Problems   []workspace.Problem
}

// survey looks at the branches of a repository for what generators make
// workspaces of. A branch that cannot be read keeps what was found before.
func (e *Engine) survey(ctx context.Context, name string, repo settings.Repository, heads map[string]string, records map[string]workspace.Record) []error {
	e.mu.Lock()
	config := &e.base.Config
	known := e.found.Branches(name)
	e.mu.Unlock()
	gens := config.Of(name)
	if len(gens) == 0 && len(known) == 0 || len(heads) == 0 {
		return nil // a repository without branches is more likely broken than emptied
	}
	branches := map[string]fleet.Discovery{}
	var failed []error
	for branch, head := range heads {
		if !slices.ContainsFunc(gens, func(g fleet.Generator) bool { return g.MatchesBranch(branch) }) {
			continue
		}
		d, ok := known[branch]
		if !ok || d.Head != head || d.Of != config || d.Partial {
			fresh, err := e.sources.Discover(ctx, repo, gens, branch, head, records)
			switch {
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
	e.mu.Lock()
	e.found.Set(name, branches, len(failed) == 0)
	e.mu.Unlock()
	return failed
}

// errStays is a workspace whose origin is there and was not found.
var errStays = errors.New("it stays as it is")

// rebuild puts the fleet together of what was found and what is remembered.
func (e *Engine) rebuild(records map[string]workspace.Record) {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := *e.base
	s.Fleet = fleet.Build(&e.base.Config, &e.found, &e.expansion, e.code, records)
	e.txn.Settings.Set(&s)
	e.txn.Calendar.Send()
}

// known fetches what is remembered and puts the fleet together: at the start,
// and when the configuration changed.
func (e *Engine) recall(ctx context.Context) error {
	records, err := e.txn.Records(ctx)
	if err != nil {
		return err
	}
	e.rebuild(records)
	return nil
}

// mark adds to a batch what is to be remembered of generated workspaces: what
// they are made of, and which of them have lost that. Of these, those with
// on_removed = "destroy" get a destroy run, once.
func (e *Engine) mark(ctx context.Context, repository string, records map[string]workspace.Record, b *run.Batch) error {
	s := e.txn.Settings.Get()
	b.Origins, b.Orphans = map[string]workspace.Origin{}, map[string]workspace.Orphan{}
	for _, d := range s.Workspaces {
		if d.Origin == nil || d.Repository != repository {
			continue
		}
		rec := records[d.Name]
		if _, waits := decide.RenameWait(s.Fleet, d.Name); waits {
			continue
		}
		e.mu.Lock()
		gone, held := e.found.Gone(repository, *d.Origin, rec), e.found.Held(repository, *d.Origin, rec)
		e.mu.Unlock()
		switch {
		case held != nil:
			if rec.Orphan != nil {
				b.Origins[d.Name] = *d.Origin
			}
			e.setProblem([]fleet.Definition{d}, fault.New(fault.CodeOf(held), fault.Next(held), "%w; %w", held, errStays))
		case !gone && (rec.Origin == nil || *rec.Origin != *d.Origin || rec.Orphan != nil):
			b.Origins[d.Name] = *d.Origin
			e.setProblem([]fleet.Definition{d}, nil) // what is wrong otherwise the look at its branch finds out
		case gone:
			if err := e.orphan(ctx, s, d, rec, b); err != nil {
				return err
			}
		case errors.Is(e.problem(d.Name), errStays):
			e.setProblem([]fleet.Definition{d}, nil)
			e.checked([]fleet.Definition{d}, false)
		}
	}
	for name, rec := range records { // those that leave nothing behind
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

func (e *Engine) orphan(ctx context.Context, s *settings.Settings, d fleet.Definition, rec workspace.Record, b *run.Batch) error {
	o := workspace.Orphan{Since: time.Now().UTC(), Why: lost(*d.Origin)}
	if rec.Orphan != nil {
		o = *rec.Orphan
	}
	destroy := d.OnRemoved == workspace.DestroyOnRemoved && d.Apply != workspace.Never && rec.Applied != "" && !o.Asked
	if destroy {
		c, err := settings.Commit(ctx, s.Repositories[d.Repository], rec.Applied)
		if err != nil {
			return err
		}
		o.Asked = true
		b.Runs = append(b.Runs, run.Run{Workspace: d.Name, Kind: run.Destroy, Commit: c, Fingerprint: d.Fingerprint, Trigger: run.Trigger{Cause: run.ByRemoval}})
	}
	if rec.Orphan == nil || destroy {
		b.Orphans[d.Name] = o
	}
	e.setProblem([]fleet.Definition{d}, orphaned(d.Name, o))
	return nil
}

// orphaned is why an orphan is not planned.
func orphaned(name string, o workspace.Orphan) error {
	return fault.New(fault.NotFound, "tfops destroy "+name+", or bring it back", "%w: %s", errOrphaned, o.Why)
}

var errOrphaned = errors.New("what it was made of is gone, and what it applied is still there")

// Generators shows every generator, in the order of the configuration.
func (e *Engine) Generators() []GeneratorView {
	s := e.txn.Settings.Get()
	views := []GeneratorView{}
	for _, g := range s.Config.Generators {
		v := GeneratorView{Name: g.Name, Repository: g.Repository, Workspaces: s.Made[g.Name], Problems: s.Unmade[g.Name]}
		for _, p := range s.Problems {
			if d, ok := s.Find(p.Workspace); ok && d.Origin != nil && d.Origin.Generator == g.Name {
				v.Problems = append(v.Problems, p)
			}
		}
		views = append(views, v)
	}
	return views
}
