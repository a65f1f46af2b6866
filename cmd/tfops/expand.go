package main

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"github.com/tfops/tfops/internal/config"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/gitrepo/local"
	"github.com/tfops/tfops/internal/locks"
	"github.com/tfops/tfops/internal/workspace"
	"github.com/tfops/tfops/internal/workspace/reach"
)

// generatorRow is a workspaces block as configured, and what it makes now.
type generatorRow struct {
	Name       string   `json:"name"`
	Repository string   `json:"repository"`
	Branches   []string `json:"branches"`
	Dirs       []string `json:"dirs"`
	Expanded   bool     `json:"expanded"` // its repository was at hand, and looked at
	Workspaces []string `json:"workspaces"`
}

// expansion is what a configuration yields together with the repositories that
// are at hand.
type expansion struct {
	generators []generatorRow
	made       []config.Workspace
	problems   []workspace.Problem
	whole      []widenedRow                   // of workspaces that depend on the whole repository
	unused     map[string][]reach.UnusedEntry // by workspace that was looked at
}

// expand looks at the repositories that are on this machine: those whose URL is
// a path, and the checkout that --repo names. It asks no network.
func expand(cfg *config.Config, repo string) (expansion, error) {
	x := expansion{generators: []generatorRow{}, whole: []widenedRow{}, unused: map[string][]reach.UnusedEntry{}}
	paths := map[string]string{}
	for _, r := range cfg.Repositories {
		if filepath.IsAbs(r.URL) {
			paths[r.Name] = r.URL
		}
	}
	if repo != "" {
		checkout, err := local.OpenCheckout(repo)
		if err != nil {
			return x, err
		}
		c := &codebase{checkout: checkout, config: cfg}
		name, err := c.which()
		if err != nil {
			return x, err
		}
		paths[name] = repo
	}
	var static []workspace.Workspace
	for _, w := range cfg.Workspaces {
		static = append(static, w.Workspace)
	}
	states := map[string]reach.States{}
	made := map[workspace.Origin]config.Workspace{}
	looked := map[string]bool{}
	for _, r := range cfg.Repositories {
		if path, ok := paths[r.Name]; ok {
			looked[r.Name] = x.look(cfg, r.Name, path, made, states)
		}
	}
	var values []workspace.Workspace
	for _, o := range slices.SortedFunc(maps.Keys(made), workspace.CompareOrigins) {
		values = append(values, made[o].Workspace)
	}
	c := &codebase{config: cfg}
	kept, problems := reach.Unique(static, values, c.where)
	x.problems = append(x.problems, problems...)
	names := map[string][]string{}
	for _, w := range kept {
		x.made = append(x.made, made[*w.Origin])
		names[w.Origin.Generator] = append(names[w.Origin.Generator], w.Name)
	}
	for _, g := range cfg.Generators {
		x.generators = append(x.generators, generatorRow{g.Name, g.Repository, g.Branches, g.Dirs, looked[g.Repository], append([]string{}, names[g.Name]...)})
	}
	x.problems = append(x.problems, unusedIn(x.looked(append(static, kept...)), func(w workspace.Workspace) []reach.UnusedEntry { return x.unused[w.Name] }, c.block)...)
	_, problems = reach.NewOrder(append(static, kept...), reach.Infer(states))
	for _, p := range problems {
		if p.Unknown && slices.ContainsFunc(cfg.Generators, func(g config.Generator) bool { return !looked[g.Repository] }) {
			continue // a generator that was not looked at may make it
		}
		if w, ok := find(append(static, kept...), p.Workspace); ok {
			p.Where = c.where(w)
		}
		x.problems = append(x.problems, p)
	}
	return x, nil
}

func find(ws []workspace.Workspace, name string) (workspace.Workspace, bool) {
	i := slices.IndexFunc(ws, func(w workspace.Workspace) bool { return w.Name == name })
	if i < 0 {
		return workspace.Workspace{}, false
	}
	return ws[i], true
}

// looked are those of the workspaces whose code was looked at.
func (x *expansion) looked(ws []workspace.Workspace) []workspace.Workspace {
	return slices.DeleteFunc(slices.Clone(ws), func(w workspace.Workspace) bool { _, ok := x.unused[w.Name]; return !ok })
}

// look reads one repository: what generators make of its branches, and what is
// wrong with the modules of all its workspaces. False: it could not be read,
// which is said.
func (x *expansion) look(cfg *config.Config, name, path string, made map[workspace.Origin]config.Workspace, states map[string]reach.States) bool {
	fail := func(err error) bool {
		x.problems = append(x.problems, workspace.Problem{Where: "repository " + name, Message: err.Error(), Next: fault.Next(err)})
		return false
	}
	checkout, err := local.OpenCheckout(path)
	if err != nil {
		return false // the daemon's machine may have it
	}
	heads, err := checkout.Heads()
	if err != nil {
		return fail(err)
	}
	index := reach.NewIndex()
	for _, branch := range slices.Sorted(maps.Keys(heads)) {
		tree, err := checkout.Tree(heads[branch])
		if err != nil {
			return fail(err)
		}
		var ws []workspace.Workspace
		for _, w := range cfg.Workspaces {
			if w.Repository == name && w.Branch == branch {
				ws = append(ws, w.Workspace)
			}
		}
		for _, g := range cfg.Generators {
			if g.Repository != name || !g.MatchesBranch(branch) {
				continue
			}
			bare := index.Graph(tree, nil)
			roots := bare.Roots()
			origins, problems := reach.Matches(g.Generator, branch, tree, roots)
			x.problems = append(append(x.problems, problems...), reach.Broken(g.Generator, branch, bare, roots)...)
			for _, o := range origins {
				w, err := g.Make(o)
				if err != nil {
					x.problems = append(x.problems, workspace.Problem{Where: o.String(), Message: err.Error(), Next: fault.Next(err)})
					continue
				}
				made[o] = w
				ws = append(ws, w.Workspace)
			}
		}
		if len(ws) == 0 {
			continue
		}
		graph := index.Graph(tree, ws)
		for _, w := range ws {
			states[w.Name] = graph.States(w, locks.Identity)
			x.unused[w.Name] = graph.UnusedEntries(w.Name)
			x.whole = append(x.whole, wholeOf(graph, w.Name)...)
			if p, ok := elsewhere(graph, w); ok {
				x.problems = append(x.problems, p)
			}
			for _, p := range withoutSubmodules(graph.Problems(w.Dir), cfg.Follows(name)) {
				p.Message = fmt.Sprintf("%s (workspace %s)", p.Message, w.Name)
				x.problems = append(x.problems, p)
			}
		}
	}
	return true
}
