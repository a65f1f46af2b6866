package main

import (
	"fmt"
	"io/fs"
	"strings"

	"github.com/tfops/tfops/internal/config"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/gitrepo/local"
	"github.com/tfops/tfops/internal/locks"
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
func (c *codebase) workspaces(index *reach.Index, tree fs.FS) ([]workspace.Workspace, []workspace.Problem, error) {
	bare := index.Graph(tree, nil)
	roots := bare.Roots()
	if c.config == nil {
		var ws []workspace.Workspace
		for _, dir := range roots {
			ws = append(ws, workspace.Workspace{Name: dir, Dir: dir, Engine: "terraform", InferDependencies: true})
		}
		return ws, nil, nil
	}
	var static, made []workspace.Workspace
	var problems []workspace.Problem
	for _, w := range c.config.Workspaces {
		if w.Repository == c.repository && (c.flags.branch == "" || w.Branch == c.flags.branch) {
			static = append(static, w.Workspace)
		}
	}
	for _, g := range c.config.Generators {
		if g.Repository != c.repository {
			continue
		}
		for _, branch := range c.branches(g) {
			origins, wrong := reach.Matches(g.Generator, branch, tree, roots)
			problems = append(append(problems, wrong...), reach.Broken(g.Generator, branch, bare, roots)...)
			for _, o := range origins {
				w, err := g.Make(o)
				if err != nil {
					problems = append(problems, workspace.Problem{Where: o.String(), Message: err.Error(), Next: fault.Next(err)})
					continue
				}
				made = append(made, w.Workspace)
			}
		}
	}
	kept, wrong := reach.Unique(static, made, c.where)
	return append(static, kept...), append(problems, wrong...), nil
}

// branches are those that a generator makes workspaces of here: the one that
// was asked for, or those that have a name of their own in it, or else what is
// checked out.
func (c *codebase) branches(g config.Generator) []string {
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

// where names the block or the match that a workspace comes from.
func (c *codebase) where(w workspace.Workspace) string {
	if w.Origin != nil {
		for _, g := range c.config.Generators {
			if g.Name == w.Origin.Generator {
				return g.Source + ", " + w.Origin.String()
			}
		}
	}
	for _, own := range c.config.Workspaces {
		if own.Name == w.Name {
			return fmt.Sprintf("%s:%d", own.Range.Filename, own.Range.Start.Line)
		}
	}
	return "workspace " + w.Name
}

// order puts workspaces in order by what is configured and what their code reads.
func (c *codebase) order(g *reach.Graph, ws []workspace.Workspace) (*reach.Order, []workspace.Problem) {
	states := map[string]reach.States{}
	for _, w := range ws {
		states[w.Name] = g.States(w, locks.Identity)
	}
	return reach.NewOrder(ws, reach.Infer(states))
}
