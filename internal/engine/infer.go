package engine

import (
	"context"
	"fmt"
	"io/fs"
	"maps"

	"github.com/tfops/tfops/internal/engine/settings"

	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/gitrepo/trees"
)

// wrong is why the local modules of a workspace cannot be what is meant.
func (e *Engine) wrong(name string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.code[name].Wrong
}

// readHeads reads the code at the heads of a repository's branches, of each
// branch once for each of its commits and each fleet.
func (e *Engine) readHeads(ctx context.Context, repo settings.Repository, heads map[string]string) []error {
	byBranch := map[string][]fleet.Definition{}
	for _, d := range e.txn.Settings.Get().Workspaces {
		if d.Repository == repo.Name {
			byBranch[d.Follow()] = append(byBranch[d.Follow()], d)
		}
	}
	var failed []error
	for branch, defs := range byBranch {
		head, ok := heads[branch]
		if !ok {
			continue
		}
		key := head
		for _, d := range defs {
			key += "\x00" + d.Name + "\x00" + d.Fingerprint // with what is said of its backend
		}
		err := e.sources.Need(ctx, repo, head)
		var missing []trees.MissingSubmodule
		if err == nil {
			missing, err = e.sources.Submodules(ctx, repo, head)
		}
		for _, sub := range missing { // what the code reads of it may be there later
			key += "\x00" + sub.Path
		}
		e.mu.Lock()
		known := e.codeAt[repo.Name+"\x00"+branch] == key
		e.mu.Unlock()
		if known && err == nil {
			continue
		}
		var tree fs.FS
		if err == nil {
			tree, err = repo.Tree(head)
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("branch %s: %w", branch, err))
			continue
		}
		ws := fleet.Values(defs)
		read := fleet.ReadCode(e.sources.Index(repo.Name).Graph(tree, ws), ws)
		e.mu.Lock()
		maps.Copy(e.code, read)
		e.codeAt[repo.Name+"\x00"+branch] = key
		e.mu.Unlock()
	}
	return failed
}
