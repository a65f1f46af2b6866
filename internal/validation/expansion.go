package validation

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/tfops/tfops/internal/codebase"
	"github.com/tfops/tfops/internal/config"
	"github.com/tfops/tfops/internal/drift/places"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/gitrepo/local"
	"github.com/tfops/tfops/internal/workspace"
	"github.com/tfops/tfops/internal/workspace/reach"
)

// Generator is a workspaces block as configured, and what it makes now.
type Generator struct {
	Name       string   `json:"name"`
	Repository string   `json:"repository"`
	Branches   []string `json:"branches"`
	Dirs       []string `json:"dirs"`
	Expanded   bool     `json:"expanded"` // its repository was at hand, and looked at
	Workspaces []string `json:"workspaces"`
}

// Expansion is what a configuration yields together with the repositories that
// are at hand.
type Expansion struct {
	config     fleet.Config
	fleet      *fleet.Fleet
	generators []Generator
	Problems   []workspace.Problem
	absent     []Problem                      // directories and var files that a branch does not have
	whole      []codebase.Widened             // of workspaces that depend on the whole repository
	unused     map[string][]reach.UnusedEntry // by workspace that was looked at
	code       map[string]fleet.Code
}

// atHand is a branch of a repository that is on this machine.
type atHand struct {
	repository, branch string
	index              *reach.Index
	tree               fs.FS
	files              fs.FS // what is checked out: what was not committed yet, too
}

// Look looks at the repositories that are on this machine: those whose URL is
// a path, and the checkout that --repo names. It asks no network.
func Look(cfg *config.Config, repo string) (Expansion, error) {
	x := Expansion{generators: []Generator{}, whole: []codebase.Widened{}, unused: map[string][]reach.UnusedEntry{},
		code: map[string]fleet.Code{}}
	var err error
	if x.config, err = codebase.Fleet(cfg); err != nil {
		return x, err
	}
	paths, err := localPaths(cfg, repo)
	if err != nil {
		return x, err
	}
	var found fleet.Discoveries
	var branches []atHand
	looked := map[string]bool{}
	for _, r := range cfg.Repositories {
		if path, ok := paths[r.Name]; ok {
			here, err := openBranches(r.Name, path)
			if err != nil {
				x.Problems = append(x.Problems, workspace.Problem{Where: "repository " + r.Name, Message: err.Error(),
					Next: fault.Next(err)})
			}
			looked[r.Name] = err == nil && here != nil
			branches = append(branches, here...)
		}
	}
	for _, b := range branches {
		found.Add(b.repository, b.branch, fleet.Discover(b.index, x.config.Of(b.repository), b.branch, b.tree, nil))
	}
	x.fleet = fleet.Build(&x.config, &found, nil, nil, nil)
	x.Problems = append(x.Problems, codebase.Unmade(x.config, x.fleet)...)
	for _, b := range branches {
		x.look(b, cfg.Follows(b.repository))
		x.absent = append(x.absent, x.unlisted(cfg, b)...)
	}
	for _, g := range x.config.Generators {
		x.generators = append(x.generators, Generator{g.Name, g.Repository, g.Branches, g.Dirs, looked[g.Repository],
			append([]string{}, x.fleet.Made[g.Name]...)})
	}
	seen := slices.DeleteFunc(fleet.Values(x.fleet.Workspaces), func(w workspace.Workspace) bool {
		_, ok := x.unused[w.Name]
		return !ok
	})
	x.Problems = append(x.Problems, codebase.Unused(seen,
		func(w workspace.Workspace) []reach.UnusedEntry { return x.unused[w.Name] }, codebase.Block(x.config))...)
	x.fleet = x.fleet.Arrange(x.code, nil)
	for _, p := range x.fleet.Problems {
		if p.Unknown && slices.ContainsFunc(cfg.Generators,
			func(g config.Generator) bool { return !looked[g.Repository] }) {
			continue // a generator that was not looked at may make it
		}
		if d, ok := x.fleet.Find(p.Workspace); ok {
			p.Where = x.config.Where(d.Workspace)
		}
		x.Problems = append(x.Problems, p)
	}
	return x, nil
}

// localPaths is where repositories are on this machine, by name.
func localPaths(cfg *config.Config, repo string) (map[string]string, error) {
	paths := map[string]string{}
	for _, r := range cfg.Repositories {
		if filepath.IsAbs(r.URL) {
			paths[r.Name] = r.URL
		}
	}
	if repo == "" {
		return paths, nil
	}
	checkout, err := local.OpenCheckout(repo)
	if err != nil {
		return nil, err
	}
	name, err := codebase.Which(cfg, "", checkout)
	paths[name] = repo
	return paths, err
}

// openBranches opens the branches of a repository at a path; nil when there is
// none: the daemon's machine may have it.
func openBranches(repository, path string) ([]atHand, error) {
	checkout, err := local.OpenCheckout(path)
	if err != nil {
		return nil, nil
	}
	heads, err := checkout.Heads()
	if err != nil {
		return nil, err
	}
	index, branches := reach.NewIndex(), []atHand{}
	for _, branch := range slices.Sorted(maps.Keys(heads)) {
		tree, err := checkout.Tree(heads[branch])
		if err != nil {
			return branches, err
		}
		branches = append(branches, atHand{repository, branch, index, tree, os.DirFS(path)})
	}
	return branches, nil
}

// look finds what is wrong with the modules of all workspaces of a branch. submodules
// says that those of its repository are followed.
func (x *Expansion) look(b atHand, submodules bool) {
	var ws []workspace.Workspace
	for _, d := range x.fleet.Workspaces {
		if d.Repository == b.repository && d.Branch == b.branch {
			ws = append(ws, d.Workspace)
		}
	}
	if len(ws) == 0 {
		return
	}
	for _, p := range places.OwnerProblems(b.tree) {
		x.absent = append(x.absent, Problem{Severity: "warning", Summary: fmt.Sprintf(
			"branch %s of repository %s: %s", b.branch, b.repository, p),
			Detail: "This line counts for nobody. Correct it, so that findings have owners."})
	}
	graph := b.index.Graph(b.tree, ws)
	maps.Copy(x.code, fleet.ReadCode(graph, ws))
	for _, w := range ws {
		x.unused[w.Name] = graph.UnusedEntries(w.Name)
		x.whole = append(x.whole, codebase.WholeOf(graph, w.Name)...)
		if p, ok := codebase.RemotePlans(graph, w); ok {
			x.Problems = append(x.Problems, p)
		}
		if err := b.lacks(w); err != nil {
			x.absent = append(x.absent, Problem{Severity: "warning", File: x.config.Where(w),
				Summary: fmt.Sprintf("branch %s of repository %s: %s (workspace %s)", b.branch, b.repository, err,
					w.Name), Detail: fault.Next(err)})
		}
		for _, p := range codebase.WithoutSubmodules(graph.Problems(w.Dir), submodules) {
			p.Message = fmt.Sprintf("%s (workspace %s)", p.Message, w.Name)
			x.Problems = append(x.Problems, p)
		}
	}
}

// lacks says which directory or var file of a workspace the branch does not have; nil where all is
// there, where it is only not committed yet, and where it is in a submodule.
func (b atHand) lacks(w workspace.Workspace) error {
	err := reach.Check(w, b.tree)
	if err == nil || reach.Check(w, b.files) == nil {
		return nil
	}
	modules, _ := fs.ReadFile(b.tree, ".gitmodules")
	if slices.ContainsFunc(reach.SubmodulePaths(string(modules)), func(sub string) bool {
		return workspace.Within(sub, path.Clean(w.Dir))
	}) {
		return nil
	}
	return err
}
