package watch

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
func (w *Watcher) wrong(name string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.code[name].Wrong
}

// readHeads reads the code at the heads of a repository's branches, of each
// branch once for each of its commits and each fleet.
func (w *Watcher) readHeads(ctx context.Context, repo settings.Repository, heads map[string]string) []error {
	byBranch := map[string][]fleet.Definition{}
	for _, d := range w.txn.Settings.Get().Workspaces {
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
		err := w.sources.Need(ctx, repo, head)
		var missing []trees.MissingSubmodule
		if err == nil {
			missing, err = w.sources.Submodules(ctx, repo, head)
		}
		for _, sub := range missing { // what the code reads of it may be there later
			key += "\x00" + sub.Path
		}
		w.mu.Lock()
		known := w.codeAt[repo.Name+"\x00"+branch] == key
		w.mu.Unlock()
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
		read := fleet.ReadCode(w.sources.Index(repo.Name).Graph(tree, ws), ws)
		w.mu.Lock()
		maps.Copy(w.code, read)
		w.codeAt[repo.Name+"\x00"+branch] = key
		w.mu.Unlock()
	}
	return failed
}
