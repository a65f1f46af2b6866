package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/go-git/go-billy/v5/osfs"
	git "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/storage/filesystem"

	"github.com/tfops/tfops/internal/fault"
)

// local is a source on this machine's disk, bare or with a working tree. Its
// objects are read from where they lie.
type local struct {
	store *filesystem.Storage
}

func openLocal(name, path string) (*local, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fault.New(fault.Invalid, "check the path, and that the user of tfops may read it", "repository %q: %s cannot be read: %w", name, path, err)
	}
	if dotGit, err := filepath.EvalSymlinks(filepath.Join(path, ".git")); err == nil && isDir(dotGit) {
		path = dotGit // go-git does not leave a directory through a link
	}
	repo, err := git.PlainOpenWithOptions(path, &git.PlainOpenOptions{EnableDotGitCommonDir: true})
	if errors.Is(err, git.ErrRepositoryNotExists) {
		return nil, fault.New(fault.Invalid, "give the path of a repository: the directory that holds .git, or a bare one", "repository %q: %s is not a Git repository", name, path)
	}
	if err != nil {
		return nil, fault.New(fault.Invalid, "check the repository with `git fsck`; formats newer than SHA-1 objects and files for references cannot be read",
			"repository %q: %s cannot be opened: %w", name, path, err)
	}
	opened, ok := repo.Storer.(*filesystem.Storage)
	if !ok {
		return nil, fault.New(fault.Internal, "", "repository %q: %s was opened as %T", name, path, repo.Storer)
	}
	return &local{openStore(opened)}, nil
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// openStore opens a repository's files again so that packs stay open between
// objects, and objects borrowed from another repository are found.
func openStore(opened *filesystem.Storage) *filesystem.Storage {
	return filesystem.NewStorageWithOptions(opened.Filesystem(), cache.NewObjectLRU(16*cache.MiByte),
		filesystem.Options{KeepDescriptors: true, AlternatesFS: osfs.New("/")})
}

func (s *local) close() { _ = s.store.Close() } // opened for reading only

func (s *local) list(context.Context) (advert, error) {
	a := newAdvert()
	iter, err := s.store.IterReferences()
	if err != nil {
		return a, err
	}
	err = iter.ForEach(func(ref *plumbing.Reference) error {
		name := ref.Name()
		if ref.Type() == plumbing.SymbolicReference {
			if name == plumbing.HEAD {
				a.head = ref.Target().String()
			}
			if ref, err = storer.ResolveReference(s.store, name); err != nil {
				return nil // it names a branch without a commit: as if it were not there
			}
		}
		a.add(name.String(), ref.Hash())
		for at := ref.Hash(); name.IsTag(); {
			tag, err := object.GetTag(s.store, at)
			if err != nil || at == tag.Target {
				break
			}
			at = tag.Target
			a.peeled[name.String()] = at
		}
		return nil
	})
	a.gives = func(h plumbing.Hash) bool { return s.store.HasEncodedObject(h) == nil }
	return a, err
}

func (s *local) pack(ctx context.Context, want []plumbing.Hash, have *view, w io.Writer) error {
	lib := openLibrary(objectsOf(s.store.Filesystem().Root()))
	defer lib.Close()
	walk := newWalker(ctx, lib)
	if have != nil {
		walk.skip = have.has
	}
	for _, h := range want {
		if err := walk.object(h); err != nil {
			return err
		}
	}
	return encodePack(ctx, w, lib, *walk)
}

// walker lists all that is reachable, once each, parents before children.
type walker struct {
	ctx   context.Context
	store *library
	skip  func(plumbing.Hash) bool // what need not be listed, nor what it reaches; may be nil
	done  map[plumbing.Hash]bool
	found []plumbing.Hash
	last  map[string]plumbing.Hash        // by path: what was found there last
	near  map[plumbing.Hash]plumbing.Hash // what was found at the same path before
}

func newWalker(ctx context.Context, store *library) *walker {
	return &walker{ctx: ctx, store: store, done: map[plumbing.Hash]bool{}, last: map[string]plumbing.Hash{}, near: map[plumbing.Hash]plumbing.Hash{}}
}

// add lists an object that is at a path.
func (w *walker) add(h plumbing.Hash, at string) {
	w.found = append(w.found, h)
	if len(at) > maxPath { // directories can lie in one another without end
		return
	}
	if before, ok := w.last[at]; ok {
		w.near[h] = before
	}
	w.last[at] = h
}

func (w *walker) read(h plumbing.Hash) (plumbing.EncodedObject, error) {
	if err := w.ctx.Err(); err != nil {
		return nil, err
	}
	return w.store.object(h)
}

// object walks from a commit, a tag, a tree or a blob. History is walked in a
// loop and not by recursion: it may be very long.
func (w *walker) object(start plumbing.Hash) error {
	for todo := []plumbing.Hash{start}; len(todo) > 0; {
		h := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if w.seen(h) {
			continue
		}
		obj, err := w.read(h)
		if errors.Is(err, plumbing.ErrObjectNotFound) && h != start {
			continue // the source is a shallow clone: history ends here
		}
		if err != nil {
			return fmt.Errorf("object %s: %w", h, err)
		}
		w.found = append(w.found, h)
		switch obj.Type() {
		case plumbing.CommitObject:
			c := &object.Commit{Hash: h}
			if obj.Size() <= maxCommit && c.Decode(obj) == nil { // a malformed object reaches nothing
				todo = append(todo, c.ParentHashes...)
				err = w.tree(c.TreeHash, "")
			}
		case plumbing.TagObject:
			var tag object.Tag
			if obj.Size() <= maxCommit && tag.Decode(obj) == nil {
				err = w.object(tag.Target)
			}
		case plumbing.TreeObject:
			err = w.entries(obj, "")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) seen(h plumbing.Hash) bool {
	if w.done[h] || w.skip != nil && w.skip(h) {
		return true
	}
	w.done[h] = true
	return false
}

func (w *walker) tree(h plumbing.Hash, at string) error {
	if w.seen(h) {
		return nil
	}
	obj, err := w.read(h)
	if err != nil {
		return fmt.Errorf("tree %s: %w", h, err)
	}
	w.add(h, at)
	if obj.Type() != plumbing.TreeObject {
		return nil
	}
	return w.entries(obj, at)
}

func (w *walker) entries(tree plumbing.EncodedObject, at string) error {
	raw, err := readObject(tree)
	if err != nil {
		return err
	}
	entries, err := parseTree(raw)
	if err != nil {
		return nil
	}
	for _, e := range entries {
		p := at
		if len(at) <= maxPath {
			p += e.name
			if e.isTree() {
				p += "/"
			}
		}
		switch {
		case e.isTree():
			if err := w.tree(e.hash, p); err != nil {
				return err
			}
		case e.kind() != modeGitlink && !w.seen(e.hash):
			w.add(e.hash, p)
		}
	}
	return nil
}
