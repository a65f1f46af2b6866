package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
	"github.com/tfops/tfops/internal/workspace/reach"
)

// Generator is a generator as configured, with what makes a definition of a match.
type Generator struct {
	workspace.Generator
	Make func(workspace.Origin) (Definition, error)
}

// look is what generators found on one branch when it was looked at last.
type look struct {
	head     string
	of       *Settings // the configuration that it was looked at with
	partial  bool      // submodules were missing: it is looked at again
	origins  []workspace.Origin
	problems map[string][]workspace.Problem  // by generator
	held     map[workspace.Origin]reach.Hold // what is remembered, is in the tree and was not found
}

// GeneratorView is a generator as people see it.
type GeneratorView struct {
	Name       string
	Repository string
	Workspaces []string
	Problems   []workspace.Problem
}

// generators are those of a repository.
func (s *Settings) generators(repository string) []Generator {
	return slices.DeleteFunc(slices.Clone(s.Generators), func(g Generator) bool { return g.Repository != repository })
}

func (s *Settings) generator(name string) (Generator, bool) {
	i := slices.IndexFunc(s.Generators, func(g Generator) bool { return g.Name == name })
	if i < 0 {
		return Generator{}, false
	}
	return s.Generators[i], true
}

// survey looks at the branches of a repository for what generators make
// workspaces of. A branch that cannot be read keeps what was found before.
func (e *Engine) survey(ctx context.Context, name string, repo Repository, heads map[string]string, records map[string]workspace.Record) []error {
	e.mu.Lock()
	base := e.base
	known := maps.Clone(e.looks[name])
	e.mu.Unlock()
	gens := base.generators(name)
	if len(gens) == 0 && len(known) == 0 || len(heads) == 0 {
		return nil // a repository without branches is more likely broken than emptied
	}
	looks := map[string]look{}
	var failed []error
	for branch, head := range heads {
		if !slices.ContainsFunc(gens, func(g Generator) bool { return g.MatchesBranch(branch) }) {
			continue
		}
		if l, ok := known[branch]; ok && l.head == head && l.of == base && !l.partial {
			looks[branch] = l
			continue
		}
		l, err := e.lookAt(ctx, repo, gens, branch, head, records)
		if err != nil {
			failed = append(failed, fmt.Errorf("branch %s: %w", branch, err))
			if l, ok := known[branch]; ok {
				looks[branch] = l
			}
			continue
		}
		l.of = base
		looks[branch] = l
	}
	unmatched(looks, gens, records)
	e.mu.Lock()
	e.looks[name] = looks
	e.surveyed[name] = len(failed) == 0
	e.mu.Unlock()
	return failed
}

// unmatched adds what is remembered of branches that no generator names any
// more: the configuration says so, and no branch is gone.
func unmatched(looks map[string]look, gens []Generator, records map[string]workspace.Record) {
	for _, g := range gens {
		for _, o := range remembered(records, g.Name, "") {
			if g.MatchesBranch(o.Branch) {
				continue
			}
			l := looks[o.Branch]
			l.held = maps.Clone(l.held) // an earlier look may be read at the same time
			if l.held == nil {
				l.held = map[workspace.Origin]reach.Hold{}
			}
			l.held[o] = reach.Hold{Why: reach.Unmatched(g.Generator, o)}
			looks[o.Branch] = l
		}
	}
}

// remembered are the origins of a generator's workspaces of a branch, or of all.
func remembered(records map[string]workspace.Record, generator, branch string) (out []workspace.Origin) {
	for _, rec := range records {
		if o := rec.Origin; o != nil && o.Generator == generator && (branch == "" || o.Branch == branch) {
			out = append(out, *o)
		}
	}
	return out
}

func (e *Engine) lookAt(ctx context.Context, repo Repository, gens []Generator, branch, head string, records map[string]workspace.Record) (look, error) {
	l := look{head: head, problems: map[string][]workspace.Problem{}, held: map[workspace.Origin]reach.Hold{}}
	if err := e.need(ctx, repo, head); err != nil {
		return l, err
	}
	missing, err := e.submodules(ctx, repo, head)
	if err != nil {
		return l, err
	}
	l.partial = len(missing) > 0
	tree, err := repo.Tree(head)
	if err != nil {
		return l, err
	}
	graph := e.index(repo.name).Graph(tree, nil)
	roots := graph.Roots()
	for _, g := range gens {
		if !g.MatchesBranch(branch) {
			continue
		}
		origins, problems := reach.Matches(g.Generator, branch, tree, roots)
		l.origins = append(l.origins, origins...)
		l.problems[g.Name] = append(append(l.problems[g.Name], problems...), reach.Broken(g.Generator, branch, graph, roots)...)
		for _, o := range remembered(records, g.Name, branch) {
			if slices.Contains(origins, o) {
				continue
			}
			if hold, ok := reach.Held(g.Generator, o, tree, graph); ok {
				l.held[o] = hold
			}
		}
	}
	return l, nil
}

// gone reports whether what a workspace was made of was looked for and is not
// there. A repository that was not read yet, or not wholly, has lost nothing.
func (e *Engine) gone(repository string, o workspace.Origin, rec workspace.Record) bool {
	return e.surveyed[repository] && !slices.Contains(e.looks[repository][o.Branch].origins, o) && e.held(repository, o, rec) == nil
}

// held is why a workspace stays as it is although no generator finds what it was
// made of; nil when it is found, or gone. One that left nothing in the world is
// only held while nobody can tell.
func (e *Engine) held(repository string, o workspace.Origin, rec workspace.Record) error {
	l := e.looks[repository][o.Branch]
	hold, ok := l.held[o]
	if !ok || slices.Contains(l.origins, o) || !hold.Unread && !rec.MayStand() {
		return nil
	}
	return hold.Why
}

// errStays is a workspace whose origin is there and was not found.
var errStays = errors.New("it stays as it is")

// rebuild puts the fleet together: the workspaces that have a block of their
// own, and those that generators make: of what was found in the branches, and
// of what is remembered of those that nobody looked at yet, or that are gone
// and may have left something in the world.
func (e *Engine) rebuild(records map[string]workspace.Record) {
	e.mu.Lock()
	defer e.mu.Unlock()
	f := &fleetBuilder{base: e.base, known: e.makings, problems: map[string][]workspace.Problem{}, defs: map[workspace.Origin]Definition{}, gone: map[string]bool{}}
	for _, repository := range slices.Sorted(maps.Keys(e.looks)) {
		for _, branch := range slices.Sorted(maps.Keys(e.looks[repository])) {
			l := e.looks[repository][branch]
			for name, problems := range l.problems {
				f.problems[name] = append(f.problems[name], problems...)
			}
			for _, o := range l.origins {
				f.make(o)
			}
		}
	}
	found := map[string]bool{}
	for _, d := range f.defs {
		found[d.Name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(records)) {
		rec := records[name]
		if rec.Origin == nil || found[name] {
			continue
		}
		if _, other := f.defs[*rec.Origin]; other {
			continue // the configuration calls what was made of it otherwise now
		}
		g, ok := e.base.generator(rec.Origin.Generator)
		if gone := ok && e.gone(g.Repository, *rec.Origin, rec); ok && (!gone || rec.MayStand()) {
			f.gone[name] = gone
			f.make(*rec.Origin)
			if f.defs[*rec.Origin].Name != name {
				delete(f.defs, *rec.Origin) // and so this one is configured no more
			}
		}
	}
	maps.DeleteFunc(e.makings, func(_ workspace.Origin, m making) bool { return m.of != e.base })
	e.settings = f.settings(e.code, records)
	e.calendar.Send()
	e.left = leftOf(e.settings, records)
}

// fleetBuilder collects what generators make.
type fleetBuilder struct {
	base     *Settings
	known    map[workspace.Origin]making
	defs     map[workspace.Origin]Definition
	problems map[string][]workspace.Problem // by generator
	gone     map[string]bool                // workspaces of which only what they applied is left
}

// making is a definition, or why there is none, of one configuration.
type making struct {
	of  *Settings
	def Definition
	err error
}

func (f *fleetBuilder) make(o workspace.Origin) {
	g, ok := f.base.generator(o.Generator)
	if !ok {
		return
	}
	m, ok := f.known[o]
	if !ok || m.of != f.base {
		m.def, m.err = g.Make(o)
		m.of = f.base
		f.known[o] = m
	}
	d, err := m.def, m.err
	if err != nil {
		f.problems[g.Name] = append(f.problems[g.Name], workspace.Problem{Where: o.String(), Message: err.Error(), Next: fault.Next(err)})
		return
	}
	f.defs[o] = d
}

// settings is the configuration with the whole fleet.
func (f *fleetBuilder) settings(code map[string]codeFacts, records map[string]workspace.Record) *Settings {
	s := *f.base
	s.made = map[string][]string{}
	var made []Definition
	for _, o := range slices.SortedFunc(maps.Keys(f.defs), workspace.CompareOrigins) {
		made = append(made, f.defs[o])
	}
	kept, problems := reach.Unique(values(f.base.Workspaces), values(made), func(w workspace.Workspace) string {
		if w.Origin == nil {
			return fmt.Sprintf("workspace block %q", w.Name)
		}
		g, _ := f.base.generator(w.Origin.Generator)
		return g.Source + ", " + w.Origin.String()
	})
	for _, p := range problems {
		f.problems[p.Generator] = append(f.problems[p.Generator], p)
	}
	s.Workspaces = slices.Clone(f.base.Workspaces)
	for _, w := range kept {
		s.Workspaces = append(s.Workspaces, f.defs[*w.Origin])
		s.made[w.Origin.Generator] = append(s.made[w.Origin.Generator], w.Name)
	}
	s.unmade = f.problems
	s.inferred = infer(s.Workspaces, code, records)
	s.compute()
	s.noteRenames(records, f.gone)
	return &s
}

// known fetches what is remembered and puts the fleet together: at the start,
// and when the configuration changed.
func (e *Engine) recall(ctx context.Context) error {
	records, err := e.Store.Records(ctx)
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
	s := e.current()
	b.Origins, b.Orphans = map[string]workspace.Origin{}, map[string]workspace.Orphan{}
	for _, d := range s.Workspaces {
		if d.Origin == nil || d.Repository != repository {
			continue
		}
		rec := records[d.Name]
		if _, waits := s.renameWait(d.Name); waits {
			continue
		}
		e.mu.Lock()
		gone, held := e.gone(repository, *d.Origin, rec), e.held(repository, *d.Origin, rec)
		e.mu.Unlock()
		switch {
		case held != nil:
			if rec.Orphan != nil {
				b.Origins[d.Name] = *d.Origin
			}
			e.setProblem([]Definition{d}, fault.New(fault.CodeOf(held), fault.Next(held), "%w; %w", held, errStays))
		case !gone && (rec.Origin == nil || *rec.Origin != *d.Origin || rec.Orphan != nil):
			b.Origins[d.Name] = *d.Origin
			e.setProblem([]Definition{d}, nil) // what is wrong otherwise the look at its branch finds out
		case gone:
			if err := e.orphan(ctx, s, d, rec, b); err != nil {
				return err
			}
		case errors.Is(e.problem(d.Name), errStays):
			e.setProblem([]Definition{d}, nil)
			e.checked([]Definition{d}, false)
		}
	}
	for name, rec := range records { // those that leave nothing behind
		if _, ok := s.find(name); ok || rec.Origin == nil || rec.Orphan != nil || s.heirs[name] != "" {
			continue
		}
		if g, ok := s.generator(rec.Origin.Generator); ok && g.Repository == repository {
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

func (e *Engine) orphan(ctx context.Context, s *Settings, d Definition, rec workspace.Record, b *run.Batch) error {
	o := workspace.Orphan{Since: time.Now().UTC(), Why: lost(*d.Origin)}
	if rec.Orphan != nil {
		o = *rec.Orphan
	}
	destroy := d.OnRemoved == workspace.DestroyOnRemoved && d.Apply != workspace.Never && rec.Applied != "" && !o.Asked
	if destroy {
		c, err := commit(ctx, s.Repositories[d.Repository], rec.Applied)
		if err != nil {
			return err
		}
		o.Asked = true
		b.Runs = append(b.Runs, run.Run{Workspace: d.Name, Kind: run.Destroy, Commit: c, Fingerprint: d.fingerprint, Trigger: run.Trigger{Cause: run.ByRemoval}})
	}
	if rec.Orphan == nil || destroy {
		b.Orphans[d.Name] = o
	}
	e.setProblem([]Definition{d}, orphaned(d.Name, o))
	return nil
}

// orphaned is why an orphan is not planned.
func orphaned(name string, o workspace.Orphan) error {
	return fault.New(fault.NotFound, "tfops destroy "+name+", or bring it back", "%w: %s", errOrphaned, o.Why)
}

var errOrphaned = errors.New("what it was made of is gone, and what it applied is still there")

// Generators shows every generator, in the order of the configuration.
func (e *Engine) Generators() []GeneratorView {
	s := e.current()
	views := []GeneratorView{}
	for _, g := range s.Generators {
		v := GeneratorView{Name: g.Name, Repository: g.Repository, Workspaces: s.made[g.Name], Problems: s.unmade[g.Name]}
		for _, p := range s.problems {
			if d, ok := s.find(p.Workspace); ok && d.Origin != nil && d.Origin.Generator == g.Name {
				v.Problems = append(v.Problems, p)
			}
		}
		views = append(views, v)
	}
	return views
}
