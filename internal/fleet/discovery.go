package fleet

import (
	"io/fs"
	"maps"
	"slices"

	"github.com/tfops/tfops/internal/workspace"
	"github.com/tfops/tfops/internal/workspace/reach"
)

// Discovery is what generators found on one branch when it was looked at last.
type Discovery struct {
	Head     string
	Of       *Config // the configuration that it was looked at with
	Partial  bool    // submodules were missing: it is looked at again
	Origins  []workspace.Origin
	Problems map[string][]workspace.Problem // by generator

	held map[workspace.Origin]reach.Hold // what is remembered, is in the tree and was not found
}

// Discover looks at the tree of a branch for what generators make workspaces of.
func Discover(index *reach.Index, gens []Generator, branch string, tree fs.FS,
	records map[string]workspace.Record) Discovery {
	d := Discovery{Problems: map[string][]workspace.Problem{}, held: map[workspace.Origin]reach.Hold{}}
	graph := index.Graph(tree, nil)
	roots := graph.Roots()
	for _, g := range gens {
		if !g.MatchesBranch(branch) {
			continue
		}
		origins, problems := reach.Matches(g.Generator, branch, tree, roots)
		d.Origins = append(d.Origins, origins...)
		problems = append(problems, reach.Broken(g.Generator, branch, graph, roots)...)
		d.Problems[g.Name] = append(d.Problems[g.Name], problems...)
		for _, o := range remembered(records, g.Name, branch) {
			if slices.Contains(origins, o) {
				continue
			}
			if hold, ok := reach.Held(g.Generator, o, tree, graph); ok {
				d.held[o] = hold
			}
		}
	}
	return d
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

// Discoveries are what was found in all branches of all repositories.
type Discoveries struct {
	byBranch map[string]map[string]Discovery // by repository
	whole    map[string]bool                 // by repository: every branch of it was looked at
}

// Set replaces what was found in the branches of a repository. whole says that every
// branch could be looked at.
func (f *Discoveries) Set(repository string, branches map[string]Discovery, whole bool) {
	if f.byBranch == nil {
		f.byBranch, f.whole = map[string]map[string]Discovery{}, map[string]bool{}
	}
	f.byBranch[repository], f.whole[repository] = branches, whole
}

// Add adds what one more look at a branch found.
func (f *Discoveries) Add(repository, branch string, more Discovery) {
	branches := f.Branches(repository)
	if branches == nil {
		branches = map[string]Discovery{}
	}
	d := branches[branch]
	d.Origins = append(d.Origins, more.Origins...)
	if d.Problems == nil {
		d.Problems = map[string][]workspace.Problem{}
	}
	for name, problems := range more.Problems {
		d.Problems[name] = append(d.Problems[name], problems...)
	}
	branches[branch] = d
	f.Set(repository, branches, true)
}

// Branches is a copy of what was found in the branches of a repository.
func (f *Discoveries) Branches(repository string) map[string]Discovery {
	return maps.Clone(f.byBranch[repository])
}

// HoldUnmatched adds to what was found what is remembered of branches that no
// generator names any more: the configuration says so, and no branch is gone.
func HoldUnmatched(branches map[string]Discovery, gens []Generator, records map[string]workspace.Record) {
	for _, g := range gens {
		for _, o := range remembered(records, g.Name, "") {
			if g.MatchesBranch(o.Branch) {
				continue
			}
			d := branches[o.Branch]
			d.held = maps.Clone(d.held) // an earlier look may be read at the same time
			if d.held == nil {
				d.held = map[workspace.Origin]reach.Hold{}
			}
			d.held[o] = reach.Hold{Why: reach.Unmatched(g.Generator, o)}
			branches[o.Branch] = d
		}
	}
}

// Gone reports whether what a workspace was made of was looked for and is not there.
// A repository that was not read yet, or not wholly, has lost nothing.
func (f *Discoveries) Gone(repository string, o workspace.Origin, rec workspace.Record) bool {
	return f.whole[repository] && !slices.Contains(f.byBranch[repository][o.Branch].Origins, o) &&
		f.Held(repository, o, rec) == nil
}

// Held is why a workspace stays as it is although no generator finds what it was
// made of; nil when it is found, or gone. One that left nothing in the world is only
// held while nobody can tell.
func (f *Discoveries) Held(repository string, o workspace.Origin, rec workspace.Record) error {
	d := f.byBranch[repository][o.Branch]
	hold, ok := d.held[o]
	if !ok || slices.Contains(d.Origins, o) || !hold.Unread && !rec.MayStand() {
		return nil
	}
	return hold.Why
}
