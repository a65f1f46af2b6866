package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"

	"github.com/go-git/go-billy/v5/osfs"
	git "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/storage/filesystem"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/gitrepo/trees"
)

// Checkout is a repository on this machine's disk, read where it lies and never
// written: for commands that need no daemon. Unlike a Mirror it has what is
// checked out in it, a detached HEAD and commits that no branch has among that.
type Checkout struct {
	repo *git.Repository
	path string
}

// OpenCheckout opens the repository that holds a directory, bare or with a
// working tree.
func OpenCheckout(dir string) (*Checkout, error) {
	repo, err := git.PlainOpenWithOptions(dir, &git.PlainOpenOptions{EnableDotGitCommonDir: true}) // a bare one
	if errors.Is(err, git.ErrRepositoryNotExists) {
		repo, err = git.PlainOpenWithOptions(dir,
			&git.PlainOpenOptions{DetectDotGit: true, EnableDotGitCommonDir: true})
	}
	if errors.Is(err, git.ErrRepositoryNotExists) {
		return nil, fault.New(fault.Invalid, "change to a checkout of the repository, or name one: --repo PATH",
			"%s is not in a Git repository", dir)
	}
	if err != nil {
		return nil, fault.New(fault.Invalid, "name another one: --repo PATH", "the repository at %s cannot be read: %w",
			dir,
			err)
	}
	if files, ok := repo.Storer.(*filesystem.Storage); ok {
		store := &packedFirst{Storage: OpenStore(files), lib: OpenLibrary(ObjectsOf(files.Filesystem().Root()))}
		if repo, err = git.Open(store, nil); err != nil {
			return nil, fault.New(fault.Invalid, "name another one: --repo PATH",
				"the repository at %s cannot be read: %w",
				dir, err)
		}
	}
	return &Checkout{repo, dir}, nil
}

// packedFirst reads objects as a Mirror does: several at once, with their packs kept
// open, and also where they are borrowed from a repository that borrows itself. What
// is not there, perhaps since it was packed in the meantime, go-git finds.
type packedFirst struct {
	*filesystem.Storage
	lib *Library
	mu  sync.Mutex // go-git's store is for one at a time
}

func (s *packedFirst) EncodedObject(kind plumbing.ObjectType, id plumbing.Hash) (plumbing.EncodedObject, error) {
	obj, err := s.lib.object(id)
	if err != nil || kind != plumbing.AnyObject && obj.Type() != kind {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.Storage.EncodedObject(kind, id)
	}
	return obj, nil
}

// HashesWithPrefix has go-git find what an abbreviated id stands for also among objects that
// are borrowed. It asks for whole bytes, and for one at least.
func (s *packedFirst) HashesWithPrefix(prefix []byte) ([]plumbing.Hash, error) {
	if len(prefix) == 0 {
		return nil, nil
	}
	found := s.lib.withPrefix(prefix)
	if len(found) == 0 { // perhaps it was packed in the meantime
		now := OpenLibrary(s.lib.dirs[0])
		found = now.withPrefix(prefix)
		return found, now.Close()
	}
	return found, nil
}

// Resolve finds a commit by what git calls a revision: HEAD, HEAD~2, a branch,
// origin/main, a tag, or an id, whole or abbreviated.
func (c *Checkout) Resolve(rev string) (string, error) {
	h, err := c.repo.ResolveRevision(plumbing.Revision(rev))
	if err != nil {
		return "", fault.New(fault.NotFound,
			"see `git log`; a CI often fetches the newest commit only: fetch the history as well",
			"there is no commit %q in the repository at %s", rev, c.path)
	}
	return h.String(), nil
}

// Fork is the newest commit that two have in common; empty when there is none,
// or it was not fetched.
func (c *Checkout) Fork(a, b string) (string, error) {
	one, err := c.repo.CommitObject(plumbing.NewHash(a))
	if err != nil {
		return "", err
	}
	other, err := c.repo.CommitObject(plumbing.NewHash(b))
	if err != nil {
		return "", err
	}
	bases, err := one.MergeBase(other)
	if err != nil || len(bases) == 0 {
		return "", err
	}
	return bases[0].Hash.String(), nil
}

// Heads are the commits of the branches, by name; those that are known of the
// origin where the checkout has none of that name.
func (c *Checkout) Heads() (map[string]string, error) {
	heads := map[string]string{}
	refs, err := c.repo.References()
	if err != nil {
		return nil, err
	}
	const remote = "refs/remotes/" + git.DefaultRemoteName + "/"
	err = refs.ForEach(func(r *plumbing.Reference) error {
		name, known := strings.CutPrefix(r.Name().String(), remote)
		if r.Name().IsBranch() {
			heads[r.Name().Short()] = r.Hash().String()
		} else if _, own := heads[name]; known && !own && r.Type() == plumbing.HashReference {
			heads[name] = r.Hash().String()
		}
		return nil
	})
	return heads, err
}

// Origin is the URL of the remote that it was cloned from; empty for none.
func (c *Checkout) Origin() string {
	remote, err := c.repo.Remote(git.DefaultRemoteName)
	if err != nil || len(remote.Config().URLs) == 0 {
		return ""
	}
	return remote.Config().URLs[0]
}

// Branch is what is checked out; empty when that is no branch.
func (c *Checkout) Branch() string {
	ref, err := c.repo.Reference(plumbing.HEAD, false)
	if err != nil || ref.Type() != plumbing.SymbolicReference {
		return ""
	}
	return ref.Target().Short()
}

// Changed lists the paths that differ between two commits, as Mirror.Changed.
func (c *Checkout) Changed(ctx context.Context, from, to string) ([]string, error) {
	a, err := c.tree(from)
	if err != nil {
		return nil, err
	}
	b, err := c.tree(to)
	if err != nil {
		return nil, err
	}
	found, err := trees.Differences(ctx, trees.Stored(c.repo.Storer), trees.Side{Root: a}, trees.Side{Root: b}, from,
		to)
	if err != nil && fault.CodeOf(err) != fault.Invalid {
		return nil, fmt.Errorf("comparing %s with %s: %w", from, to, err)
	}
	if err != nil {
		return nil, err
	}
	return trees.Paths(found), nil
}

func (c *Checkout) tree(sha string) (plumbing.Hash, error) {
	commit, err := c.repo.CommitObject(plumbing.NewHash(sha))
	if err != nil {
		return plumbing.ZeroHash,
			fault.New(fault.NotFound, "fetch it: git fetch --unshallow", "commit %s is not in the repository at %s",
				sha, c.path)
	}
	return commit.TreeHash, nil
}

// Tree is the tree of a commit as a file system; see Mirror.Tree. Submodules are
// empty directories.
func (c *Checkout) Tree(sha string) (fs.FS, error) {
	root, err := c.tree(sha)
	if err != nil {
		return nil, err
	}
	failed := func(what string, err error) error {
		return fault.New(fault.Unavailable, "look at it with `git fsck`", "%s in the repository at %s: %w", what,
			c.path, err)
	}
	return trees.NewFS(root, nil,
		func() (trees.Reader, func(), error) { return trees.Stored(c.repo.Storer), func() {}, nil }, failed), nil
}

// OpenStore opens a repository's files again so that packs stay open between
// objects, and objects borrowed from another repository are found.
func OpenStore(opened *filesystem.Storage) *filesystem.Storage {
	return filesystem.NewStorageWithOptions(opened.Filesystem(), cache.NewObjectLRU(16*cache.MiByte),
		filesystem.Options{KeepDescriptors: true, AlternatesFS: osfs.New("/")})
}
