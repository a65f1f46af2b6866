package main

import (
	"io/fs"
	"strings"

	"github.com/tfops/tfops/internal/config"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/gitrepo/local"
	"github.com/tfops/tfops/internal/workspace"
	"github.com/tfops/tfops/internal/workspace/reach"
)

// codeFlags say which code a command looks at that needs no daemon.
type codeFlags struct {
	repo       string // path of a checkout
	repository string // name of the repository block that it is a checkout of
	branch     string // whose workspaces count; empty: those of all branches
}

// codebase is the workspaces of one checkout.
type codebase struct {
	checkout   *local.Checkout
	config     *config.Config // nil: there is none, and every root module is a workspace
	fleet      fleet.Config   // of config
	repository string
	flags      codeFlags
}

// openCode opens the checkout and the configuration, if there is one: that of
// --config or TFOPS_CONFIG, or tfops.hcl at hand.
func (a *app) openCode(f codeFlags) (*codebase, error) {
	checkout, err := local.OpenCheckout(f.repo)
	if err != nil {
		return nil, err
	}
	c := &codebase{checkout: checkout, flags: f}
	where, err := a.configPath()
	if err != nil && a.config == "" && a.getenv("TFOPS_CONFIG") == "" && f.repository == "" {
		return c, nil
	}
	if err != nil {
		return nil, err
	}
	if c.config, err = config.Load(where); err != nil {
		return nil, err
	}
	if c.fleet, err = fleetOf(c.config); err != nil {
		return nil, err
	}
	c.repository, err = c.which()
	return c, err
}

// which is the repository block that the checkout is one of: as asked for, the
// only one, or the one whose URL is the checkout's origin.
func (c *codebase) which() (string, error) {
	var names []string
	for _, r := range c.config.Repositories {
		if r.Name == c.flags.repository || c.flags.repository == "" && (len(c.config.Repositories) == 1 || sameURL(r.URL, c.checkout.Origin())) {
			return r.Name, nil
		}
		names = append(names, r.Name)
	}
	if c.flags.repository != "" {
		return "", fault.New(fault.NotFound, "there are: "+strings.Join(names, ", "), "there is no repository %q in %s", c.flags.repository, c.config.Path)
	}
	return "", fault.New(fault.Invalid, "say which: --repository NAME, of "+strings.Join(names, ", "), "no repository of %s has the URL that this checkout was cloned from", c.config.Path)
}

func sameURL(a, b string) bool {
	clean := func(s string) string { return strings.TrimSuffix(strings.TrimSuffix(s, "/"), ".git") }
	return b != "" && clean(a) == clean(b)
}

// workspaces are those that the tree of a commit yields, and what keeps others
// from being made. Of a branch that is not asked for, the tree that is at hand
// stands for its own: it is what the branch would be.
func (c *codebase) workspaces(index *reach.Index, tree fs.FS) (*fleet.Fleet, []workspace.Problem) {
	if c.config == nil {
		var of fleet.Config
		for _, dir := range index.Graph(tree, nil).Roots() {
			of.Workspaces = append(of.Workspaces, fleet.Definition{Workspace: workspace.Workspace{Name: dir, Dir: dir, Engine: "terraform", InferDependencies: true}})
		}
		return fleet.Build(&of, nil, nil, nil, nil), nil
	}
	of := fleet.Config{Generators: c.fleet.Of(c.repository)}
	for _, d := range c.fleet.Workspaces {
		if d.Repository == c.repository && (c.flags.branch == "" || d.Branch == c.flags.branch) {
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
	return f, unmade(of, f)
}

// unmade is what keeps generators from making workspaces, in the order of the configuration.
func unmade(c fleet.Config, f *fleet.Fleet) (problems []workspace.Problem) {
	for _, g := range c.Generators {
		problems = append(problems, f.Unmade[g.Name]...)
	}
	return problems
}

// branches are those that a generator makes workspaces of here: the one that
// was asked for, or those that have a name of their own in it, or else what is
// checked out.
func (c *codebase) branches(g fleet.Generator) []string {
	if c.flags.branch != "" {
		if g.MatchesBranch(c.flags.branch) {
			return []string{c.flags.branch}
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
