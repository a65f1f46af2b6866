// Package codebase looks at a checkout without a daemon: which workspaces its branches
// yield, which of them a change touches, and how modules and workspaces hang together.
package codebase

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/tfops/tfops/internal/config"
	"github.com/tfops/tfops/internal/drift/healing"
	"github.com/tfops/tfops/internal/drift/schedule"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/gitrepo/local"
	"github.com/tfops/tfops/internal/workspace"
	"github.com/tfops/tfops/internal/workspace/reach"
)

// Selection says which code is looked at.
type Selection struct {
	Repo       string // path of a checkout
	Repository string // name of the repository block that it is a checkout of
	Branch     string // whose workspaces count; empty: those of all branches
}

// Codebase is the workspaces of one checkout.
type Codebase struct {
	checkout   *local.Checkout
	config     *config.Config // nil: there is none, and every root module is a workspace
	fleet      fleet.Config   // of config
	repository string
	selected   Selection
}

// Open opens a checkout. Without a configuration every root module in it is a workspace.
func Open(selected Selection) (*Codebase, error) {
	checkout, err := local.OpenCheckout(selected.Repo)
	return &Codebase{checkout: checkout, selected: selected}, err
}

// Configure reads the configuration, which says what is a workspace.
func (c *Codebase) Configure(path string) (err error) {
	if c.config, err = config.Load(path); err != nil {
		return err
	}
	if c.fleet, err = Fleet(c.config); err != nil {
		return err
	}
	c.repository, err = Which(c.config, c.selected.Repository, c.checkout)
	return err
}

// Which is the repository block that the checkout is one of: as asked for, the
// only one, or the one whose URL is the checkout's origin.
func Which(cfg *config.Config, asked string, checkout *local.Checkout) (string, error) {
	var names []string
	for _, r := range cfg.Repositories {
		if r.Name == asked || asked == "" && (len(cfg.Repositories) == 1 || sameURL(r.URL, checkout.Origin())) {
			return r.Name, nil
		}
		names = append(names, r.Name)
	}
	all := strings.Join(names, ", ")
	if asked != "" {
		return "", fault.New(fault.NotFound, "there are: "+all, "there is no repository %q in %s", asked, cfg.Path)
	}
	return "", fault.New(fault.Invalid, "say which: --repository NAME, of "+all,
		"no repository of %s has the URL that this checkout was cloned from", cfg.Path)
}

func sameURL(a, b string) bool {
	clean := func(s string) string { return strings.TrimSuffix(strings.TrimSuffix(s, "/"), ".git") }
	return b != "" && clean(a) == clean(b)
}

// workspaces are those that the tree of a commit yields, and what keeps others
// from being made. Of a branch that is not asked for, the tree that is at hand
// stands for its own: it is what the branch would be.
func (c *Codebase) workspaces(index *reach.Index, tree fs.FS) (*fleet.Fleet, []workspace.Problem) {
	if c.config == nil {
		var of fleet.Config
		for _, dir := range index.Graph(tree, nil).Roots() {
			of.Workspaces = append(of.Workspaces, fleet.Definition{Workspace: workspace.Workspace{Name: dir, Dir: dir,
				Engine: "terraform", InferDependencies: true}})
		}
		return fleet.Build(&of, nil, nil, nil, nil), nil
	}
	of := fleet.Config{Generators: c.fleet.Of(c.repository)}
	for _, d := range c.fleet.Workspaces {
		if d.Repository == c.repository && (c.selected.Branch == "" || d.Branch == c.selected.Branch) {
			of.Workspaces = append(of.Workspaces, d)
		}
	}
	var found fleet.Discoveries
	for _, g := range of.Generators {
		for _, branch := range c.branches(g) {
			found.Add(c.repository, branch, fleet.Discover(index, []fleet.Generator{g}, branch, tree, nil))
		}
	}
	f := fleet.Build(&of, &found, nil, nil, nil)
	return f, Unmade(of, f)
}

// Unmade is what keeps generators from making workspaces, in the order of the configuration.
func Unmade(c fleet.Config, f *fleet.Fleet) (problems []workspace.Problem) {
	for _, g := range c.Generators {
		problems = append(problems, f.Unmade[g.Name]...)
	}
	return problems
}

// branches are those that a generator makes workspaces of here: the one that
// was asked for, or those that have a name of their own in it, or else what is
// checked out.
func (c *Codebase) branches(g fleet.Generator) []string {
	if c.selected.Branch != "" {
		if g.MatchesBranch(c.selected.Branch) {
			return []string{c.selected.Branch}
		}
		return nil
	}
	var names []string
	for _, b := range g.Branches {
		if !workspace.IsGlob(b) {
			names = append(names, b)
		}
	}
	if head := c.checkout.Branch(); len(names) == 0 && head != "" && g.MatchesBranch(head) {
		names = append(names, head)
	}
	return names
}

// Fleet are the workspaces and the generators of a configuration.
func Fleet(cfg *config.Config) (fleet.Config, error) {
	var c fleet.Config
	for _, w := range cfg.Workspaces {
		d, err := definition(w)
		if err != nil {
			return c, err
		}
		c.Workspaces = append(c.Workspaces, d)
	}
	for _, g := range cfg.Generators {
		c.Generators = append(c.Generators, fleet.Generator{Generator: g.Generator,
			Make: func(o workspace.Origin) (fleet.Definition, error) {
				w, err := g.Make(o)
				if err != nil {
					return fleet.Definition{}, err
				}
				return definition(w)
			}})
	}
	return c, nil
}

func definition(w config.Workspace) (fleet.Definition, error) {
	schedule, err := schedule.Parse(w.Drift.Schedule, w.Drift.Timezone)
	d := fleet.Definition{Workspace: w.Workspace, Rules: w.Rules, Drift: schedule}
	if w.Range.Filename != "" {
		d.Source = fmt.Sprintf("%s:%d", w.Range.Filename, w.Range.Start.Line)
	}
	if w.Drift.Heal {
		d.Healing = &healing.Rules{Only: w.Drift.HealOnly, Cooldown: w.Drift.HealCooldown}
	}
	return d, err
}

// WithoutSubmodules leaves out what is wrong because files of a Git submodule are not
// here, where they are followed: the daemon has them.
func WithoutSubmodules(problems []workspace.Problem, followed bool) []workspace.Problem {
	if !followed {
		return problems
	}
	return slices.DeleteFunc(slices.Clone(problems), func(p workspace.Problem) bool { return p.Submodule != "" })
}
