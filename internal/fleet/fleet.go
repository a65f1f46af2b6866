// Package fleet makes workspaces out of a configuration and the trees of
// repositories: what generators find in branches (Discover), which workspaces that
// and the configuration come to (Build), and which goes before which (Arrange). It
// is pure, and the only code that does: the daemon and the commands that need none
// see the same fleet.
package fleet

import (
	"fmt"
	"maps"
	"slices"

	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/drift/healing"
	"github.com/tfops/tfops/internal/drift/schedule"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/workspace"
	"github.com/tfops/tfops/internal/workspace/reach"
)

// Config is what the configuration asks for. It is never changed: a reload brings
// another one.
type Config struct {
	Workspaces []Definition // configured one by one
	Generators []Generator
}

// Definition is a workspace as configured, with its rules.
type Definition struct {
	workspace.Workspace
	Rules   []approvals.Rule
	Drift   schedule.Schedule
	Healing *healing.Rules // nil: what drifted is never put back by itself
	Source  string         // where it is configured, as "tfops.hcl:12"; "" where nobody asks

	Fingerprint string // of its inputs, as Workspace.Fingerprint; Build computes it once
}

// Generator is a generator as configured, with what makes a definition of a match.
type Generator struct {
	workspace.Generator
	Make func(workspace.Origin) (Definition, error)
}

// Of are the generators of a repository.
func (c *Config) Of(repository string) []Generator {
	return slices.DeleteFunc(slices.Clone(c.Generators), func(g Generator) bool { return g.Repository != repository })
}

// Generator finds a generator by its name.
func (c *Config) Generator(name string) (Generator, bool) {
	i := slices.IndexFunc(c.Generators, func(g Generator) bool { return g.Name == name })
	if i < 0 {
		return Generator{}, false
	}
	return c.Generators[i], true
}

// ByPattern reports whether a workspace is of a branch that only a pattern names: whoever may push
// makes any number of these.
func (c *Config) ByPattern(d *Definition) bool {
	if d.Origin == nil {
		return false
	}
	g, ok := c.Generator(d.Origin.Generator)
	return !ok || !g.Named(d.Origin.Branch)
}

// Fleet is all workspaces, in the order of the configuration, and their order. It is
// never changed once it is made.
type Fleet struct {
	Workspaces []Definition
	Order      *reach.Order
	Problems   []workspace.Problem            // of the order
	Made       map[string][]string            // names of workspaces, by the generator that made them
	Unmade     map[string][]workspace.Problem // what keeps generators from making workspaces
	Renaming   map[string]workspace.Rename    // by the new name: what waits, or cannot be
	Heirs      map[string]string              // the new name, by the old one, of those that wait
	Formerly   map[string]string              // the new name, by the old one, of those that are done
	Left       []workspace.Record             // see Removed; as of when it was built

	byName map[string]int
	uses   map[string]bool // by workspace: others use its outputs
}

// Expansion remembers what generators made of their matches, for as long as the
// configuration is the same.
type Expansion struct {
	of   *Config
	made map[workspace.Origin]expanded
}

type expanded struct {
	def Definition
	err error
}

func (x *Expansion) make(g Generator, o workspace.Origin) (Definition, error) {
	m, ok := x.made[o]
	if !ok {
		m.def, m.err = g.Make(o)
		x.made[o] = m
	}
	return m.def, m.err
}

// Build puts the fleet together: the workspaces that have a block of their own, and
// those that generators make of what was found, and of what is remembered of
// branches that nobody looked at yet, or that are gone and may have left something
// in the world. code is what is known of the workspaces' code. Any of them may be nil.
func Build(c *Config, found *Discoveries, x *Expansion, code map[string]Code,
	records map[string]workspace.Record) *Fleet {
	if found == nil {
		found = &Discoveries{}
	}
	if x == nil {
		x = &Expansion{}
	}
	if x.of != c {
		*x = Expansion{of: c, made: map[workspace.Origin]expanded{}}
	}
	b := &builder{config: c, expansion: x, problems: map[string][]workspace.Problem{},
		defs: map[workspace.Origin]Definition{}, gone: map[string]bool{}}
	for _, repository := range slices.Sorted(maps.Keys(found.byBranch)) {
		for _, branch := range slices.Sorted(maps.Keys(found.byBranch[repository])) {
			b.found(found.byBranch[repository][branch])
		}
	}
	b.remembered(found, records)
	return b.fleet(records).Arrange(code, records)
}

// builder collects what generators make.
type builder struct {
	config    *Config
	expansion *Expansion
	defs      map[workspace.Origin]Definition
	problems  map[string][]workspace.Problem // by generator
	gone      map[string]bool                // workspaces of which only what they applied is left
}

func (b *builder) found(d Discovery) {
	for name, problems := range d.Problems {
		b.problems[name] = append(b.problems[name], problems...)
	}
	for _, o := range d.Origins {
		b.make(o)
	}
}

func (b *builder) remembered(found *Discoveries, records map[string]workspace.Record) {
	names := map[string][]workspace.Origin{}
	for o, d := range b.defs {
		names[d.Name] = append(names[d.Name], o)
	}
	for _, name := range slices.Sorted(maps.Keys(records)) {
		rec := records[name]
		if rec.Origin == nil || len(names[name]) > 0 && !impostors(names[name], rec) {
			continue
		}
		if _, other := b.defs[*rec.Origin]; other {
			continue // the configuration calls what was made of it otherwise now
		}
		g, ok := b.config.Generator(rec.Origin.Generator)
		if gone := ok && found.Gone(g.Repository, *rec.Origin, rec); ok && (!gone || rec.MayStand()) {
			b.gone[name] = gone
			b.make(*rec.Origin)
			if b.defs[*rec.Origin].Name != name {
				delete(b.defs, *rec.Origin) // and so this one is configured no more
			}
		}
	}
}

// impostors reports whether a workspace's name is taken only by branches that are called alike, while
// what it applied may still be there.
func impostors(origins []workspace.Origin, rec workspace.Record) bool {
	return rec.MayStand() && !slices.ContainsFunc(origins, func(o workspace.Origin) bool {
		return o.Branch == rec.Origin.Branch || reach.Slug(o.Branch) != reach.Slug(rec.Origin.Branch)
	})
}

func (b *builder) make(o workspace.Origin) {
	g, ok := b.config.Generator(o.Generator)
	if !ok {
		return
	}
	d, err := b.expansion.make(g, o)
	if err != nil {
		b.problems[g.Name] = append(b.problems[g.Name], workspace.Problem{Where: o.String(), Message: err.Error(),
			Next: fault.Next(err)})
		return
	}
	b.defs[o] = d
}

func (b *builder) fleet(records map[string]workspace.Record) *Fleet {
	f := &Fleet{Made: map[string][]string{}, Unmade: b.problems, Workspaces: slices.Clone(b.config.Workspaces)}
	var made []Definition
	for _, o := range slices.SortedFunc(maps.Keys(b.defs), workspace.CompareOrigins) {
		made = append(made, b.defs[o])
	}
	kept, problems := reach.Unique(Values(b.config.Workspaces), Values(made), b.config.Where, was(records))
	for _, p := range problems {
		f.Unmade[p.Generator] = append(f.Unmade[p.Generator], p)
	}
	for _, w := range kept {
		f.Workspaces = append(f.Workspaces, b.defs[*w.Origin])
		f.Made[w.Origin.Generator] = append(f.Made[w.Origin.Generator], w.Name)
	}
	f.byName, f.uses = make(map[string]int, len(f.Workspaces)), map[string]bool{}
	for i := range f.Workspaces {
		d := &f.Workspaces[i]
		d.Fingerprint = d.Workspace.Fingerprint()
		f.byName[d.Name] = i
		for _, in := range d.Inputs {
			for _, ref := range in.Refs {
				f.uses[ref.Workspace] = true
			}
		}
	}
	f.noteRenames(records, b.gone)
	f.Left = f.Removed(records)
	return f
}

// was tells which workspaces were there before: what is remembered under their name was made of the
// same, and what it applied is not gone.
func was(records map[string]workspace.Record) func(workspace.Workspace) bool {
	return func(w workspace.Workspace) bool {
		rec := records[w.Name]
		return rec.Origin != nil && w.Origin != nil && *rec.Origin == *w.Origin && (rec.Orphan == nil || rec.MayStand())
	}
}

// Where names the block or the match that a workspace comes from.
func (c *Config) Where(w workspace.Workspace) string {
	if w.Origin != nil {
		g, _ := c.Generator(w.Origin.Generator)
		return g.Source + ", " + w.Origin.String()
	}
	for _, d := range c.Workspaces {
		if d.Name == w.Name && d.Source != "" {
			return d.Source
		}
	}
	return fmt.Sprintf("workspace block %q", w.Name)
}

// noteRenames finds out what workspaces ask for with renamed_from. gone are those
// that are there only because of what they applied: such a name is free to be taken
// over.
func (f *Fleet) noteRenames(records map[string]workspace.Record, gone map[string]bool) {
	f.Renaming, f.Heirs, f.Formerly = map[string]workspace.Rename{}, map[string]string{}, map[string]string{}
	here := slices.DeleteFunc(Values(f.Workspaces), func(w workspace.Workspace) bool { return gone[w.Name] })
	for _, r := range workspace.Renames(here, records) {
		f.Renaming[r.To] = r
		if r.Why == nil {
			f.Heirs[r.From] = r.To
		}
	}
	for name, rec := range records {
		if rec.Former() {
			f.Formerly[name] = rec.Renamed.To
		}
	}
}

// Find finds a workspace.
func (f *Fleet) Find(name string) (Definition, bool) {
	i, ok := f.byName[name]
	if !ok {
		return Definition{}, false
	}
	return f.Workspaces[i], true
}

// Definition is Find without a copy. It must not be changed.
func (f *Fleet) Definition(name string) (*Definition, bool) {
	if i, ok := f.byName[name]; ok {
		return &f.Workspaces[i], true
	}
	return &Definition{}, false
}

// Workspace is Find for what a person names.
func (f *Fleet) Workspace(name string) (Definition, error) {
	d, ok := f.Find(name)
	if to := f.Formerly[name]; !ok && to != "" {
		return d, fault.New(fault.NotFound, "tfops status "+to,
			"there is no workspace %q any more: it is called %s now", name, to)
	}
	if !ok {
		return d, fault.New(fault.NotFound, "tfops status", "there is no workspace %q", name)
	}
	return d, nil
}

// Lived is Find for what a run of a workspace came to that is to be renamed: it was
// begun under the old name.
func (f *Fleet) Lived(name string) (Definition, bool) {
	if d, ok := f.Find(name); ok {
		return d, true
	}
	d, ok := f.Find(f.Heirs[name])
	d.Name = name
	return d, ok
}

// Used reports whether some workspace uses outputs of another.
func (f *Fleet) Used(name string) bool { return f.uses[name] }

// Following are the workspaces that follow the same branch, tag or commit of a
// repository as this one, itself among them.
func (f *Fleet) Following(def Definition) []Definition {
	var defs []Definition
	for _, d := range f.Workspaces {
		if d.Repository == def.Repository && d.Follow() == def.Follow() {
			defs = append(defs, d)
		}
	}
	return defs
}

// Removed lists, by name, what is known of workspaces that the configuration has no
// more, or has by another name now, while what they applied is, or may be, still
// there: nobody plans them, checks them or has them in a report. What a workspaces
// block made of something that is gone is orphaned instead.
func (f *Fleet) Removed(records map[string]workspace.Record) []workspace.Record {
	var left []workspace.Record
	for _, name := range slices.Sorted(maps.Keys(records)) {
		if _, has := f.byName[name]; !has && records[name].MayStand() {
			left = append(left, records[name])
		}
	}
	return left
}

// Values are the workspaces without their rules.
func Values(defs []Definition) []workspace.Workspace {
	out := make([]workspace.Workspace, len(defs))
	for i, d := range defs {
		out[i] = d.Workspace
	}
	return out
}
