package watch

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"github.com/tfops/tfops/internal/drift/places"
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

// noteOwners notes what cannot be read of the owners' file of a branch, and says so once.
func (w *Watcher) noteOwners(repository, branch string, problems []string) {
	w.mu.Lock()
	before := w.owners[repository][branch]
	if w.owners[repository] == nil {
		w.owners[repository] = map[string][]string{}
	}
	w.owners[repository][branch] = problems
	w.mu.Unlock()
	if len(problems) > 0 && !slices.Equal(problems, before) {
		w.log.Warn("lines of CODEOWNERS cannot be read, and count for nobody", "repository", repository, "branch",
			branch, "lines", problems)
	}
}

// ownerProblems are those of all branches of a repository that somebody follows. The caller holds mu.
func (w *Watcher) ownerProblems(repository string) (all []string) {
	for _, branch := range slices.Sorted(maps.Keys(w.owners[repository])) {
		for _, p := range w.owners[repository][branch] {
			if p = "branch " + branch + ": " + p; len(all) < maxOwnerProblems {
				all = append(all, p)
			}
		}
	}
	return all
}

// maxOwnerProblems is how many lines of CODEOWNERS are named of a repository.
const maxOwnerProblems = 10

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
		w.noteOwners(repo.Name, branch, places.OwnerProblems(tree))
	}
	return failed
}
