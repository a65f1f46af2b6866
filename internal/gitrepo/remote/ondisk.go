package remote

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	git "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/storage/filesystem"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/gitrepo/local"
)

// onDisk is a source on this machine's disk, bare or with a working tree. Its
// objects are read from where they lie.
type onDisk struct {
	store *filesystem.Storage
}

func openLocal(name, path string) (*onDisk, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fault.New(fault.Invalid, "check the path, and that the user of tfops may read it",
			"repository %q: %s cannot be read: %w", name, path, err)
	}
	if dotGit, err := filepath.EvalSymlinks(filepath.Join(path, ".git")); err == nil && isDir(dotGit) {
		path = dotGit // go-git does not leave a directory through a link
	}
	repo, err := git.PlainOpenWithOptions(path, &git.PlainOpenOptions{EnableDotGitCommonDir: true})
	if errors.Is(err, git.ErrRepositoryNotExists) {
		return nil, fault.New(fault.Invalid, "give the path of a repository: the directory that holds .git, or a "+
			"bare one",
			"repository %q: %s is not a Git repository", name, path)
	}
	if err != nil {
		return nil, fault.New(fault.Invalid,
			"check the repository with `git fsck`; formats newer than SHA-1 objects and files for references cannot "+
				"be read",
			"repository %q: %s cannot be opened: %w", name, path, err)
	}
	opened, ok := repo.Storer.(*filesystem.Storage)
	if !ok {
		return nil, fault.New(fault.Internal, "", "repository %q: %s was opened as %T", name, path, repo.Storer)
	}
	return &onDisk{local.OpenStore(opened)}, nil
}

func (s *onDisk) Close() { _ = s.store.Close() } // opened for reading only

func (s *onDisk) List(context.Context) (Advert, error) {
	a := newAdvert()
	iter, err := s.store.IterReferences()
	if err != nil {
		return a, err
	}
	err = iter.ForEach(func(ref *plumbing.Reference) error {
		name := ref.Name()
		if ref.Type() == plumbing.SymbolicReference {
			if name == plumbing.HEAD {
				a.Head = ref.Target().String()
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
			a.Peeled[name.String()] = at
		}
		return nil
	})
	a.Gives = func(h plumbing.Hash) bool { return s.store.HasEncodedObject(h) == nil }
	return a, err
}

func (s *onDisk) Pack(ctx context.Context, want []plumbing.Hash, have Stock, w io.Writer) error {
	lib := local.OpenLibrary(local.ObjectsOf(s.store.Filesystem().Root()))
	defer lib.Close()
	walk := local.NewWalker(ctx, lib)
	if have != nil {
		walk.Skip = have.Has
	}
	for _, h := range want {
		if err := walk.Object(h); err != nil {
			return err
		}
	}
	return local.Encode(ctx, w, lib, *walk)
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
