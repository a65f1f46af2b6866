package codebase

import (
	"slices"

	"github.com/tfops/tfops/internal/config"
	"github.com/tfops/tfops/internal/workspace"
)

// FollowsBranch says which branches of a repository somebody has a use for; nil is all.
func FollowsBranch(cfg *config.Config, r config.Repository) func(branch string) bool {
	if r.Fetch == config.FetchAll {
		return nil
	}
	named := map[string]bool{}
	for _, w := range cfg.Workspaces {
		if w.Repository == r.Name && w.Branch != "" {
			named[w.Branch] = true
		}
	}
	var patterns []workspace.Generator
	for _, g := range cfg.Generators {
		if g.Repository == r.Name {
			patterns = append(patterns, g.Generator)
		}
	}
	return func(branch string) bool {
		return named[branch] ||
			slices.ContainsFunc(patterns, func(g workspace.Generator) bool { return g.MatchesBranch(branch) })
	}
}

// FollowsTag says which tags somebody has a use for: those with a version, after
// the prefix of a workspace.
func FollowsTag(cfg *config.Config, r config.Repository) func(tag string) bool {
	var by []workspace.Workspace
	for _, w := range cfg.Workspaces {
		if w.Repository == r.Name && w.Tag != "" {
			by = append(by, w.Workspace)
		}
	}
	return func(tag string) bool {
		return slices.ContainsFunc(by, func(w workspace.Workspace) bool { _, ok := w.TagVersion(tag); return ok })
	}
}
