package gitrepo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	git "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/storage/filesystem"

	"github.com/tfops/tfops/internal/fault"
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
		repo, err = git.PlainOpenWithOptions(dir, &git.PlainOpenOptions{DetectDotGit: true, EnableDotGitCommonDir: true})
	}
	if errors.Is(err, git.ErrRepositoryNotExists) {
		return nil, fault.New(fault.Invalid, "change to a checkout of the repository, or name one: --repo PATH", "%s is not in a Git repository", dir)
	}
	if err != nil {
		return nil, fault.New(fault.Invalid, "name another one: --repo PATH", "the repository at %s cannot be read: %w", dir, err)
	}
	if files, ok := repo.Storer.(*filesystem.Storage); ok {
		store := &packedFirst{Storage: openStore(files), lib: openLibrary(objectsOf(files.Filesystem().Root()))}
		if repo, err = git.Open(store, nil); err != nil {
			return nil, fault.New(fault.Invalid, "name another one: --repo PATH", "the repository at %s cannot be read: %w", dir, err)
		}
	}
	return &Checkout{repo, dir}, nil
}

// packedFirst reads objects as a Mirror does: several at once, with their packs kept
// open, and also where they are borrowed from a repository that borrows itself. What
// is not there, perhaps since it was packed in the meantime, go-git finds.
type packedFirst struct {
	*filesystem.Storage
	lib *library
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
		now := openLibrary(s.lib.dirs[0])
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
		return "", fault.New(fault.NotFound, "see `git log`; a CI often fetches the newest commit only: fetch the history as well", "there is no commit %q in the repository at %s", rev, c.path)
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
	d := differ{trees: trees{store: c.repo.Storer, known: newTreeCache()}, paths: []string{}}
	err = d.compare(ctx, a.Hash, b.Hash, "")
	if errors.Is(err, errTooLarge) {
		return nil, tooManyDiffer(from, to)
	}
	if err != nil {
		return nil, fmt.Errorf("comparing %s with %s: %w", from, to, err)
	}
	slices.Sort(d.paths)
	return slices.Compact(d.paths), nil
}

func (c *Checkout) tree(sha string) (*object.Tree, error) {
	commit, err := c.repo.CommitObject(plumbing.NewHash(sha))
	if err != nil {
		return nil, fault.New(fault.NotFound, "fetch it: git fetch --unshallow", "commit %s is not in the repository at %s", sha, c.path)
	}
	return commit.Tree()
}

// Tree is the tree of a commit as a file system; see Mirror.Tree.
func (c *Checkout) Tree(sha string) (fs.FS, error) {
	root, err := c.tree(sha)
	if err != nil {
		return nil, err
	}
	return &checkoutFS{store: c.repo.Storer, root: root, known: map[plumbing.Hash]*object.Tree{}}, nil
}

var _ interface {
	fs.ReadDirFS
	fs.ReadFileFS
	fs.StatFS
	fs.ReadLinkFS
} = (*checkoutFS)(nil)

// checkoutFS is a tree of a Checkout.
type checkoutFS struct {
	store storer.EncodedObjectStorer
	root  *object.Tree

	mu    sync.Mutex
	known map[plumbing.Hash]*object.Tree
}

// find walks to a name. Symbolic links on the way are followed, and at its end
// if asked to, as long as they stay in the tree.
func (f *checkoutFS) find(op, name string, follow bool) (object.TreeEntry, error) {
	fail := func(err error) (object.TreeEntry, error) {
		return object.TreeEntry{}, &fs.PathError{Op: op, Path: name, Err: err}
	}
	if !fs.ValidPath(name) {
		return fail(fs.ErrInvalid)
	}
	at := object.TreeEntry{Mode: filemode.Dir, Hash: f.root.Hash}
	above := []object.TreeEntry{}
	rest := strings.Split(name, "/")
	for links := 0; len(rest) > 0; {
		step := rest[0]
		rest = rest[1:]
		switch {
		case step == "" || step == ".":
			continue
		case step == "..":
			if len(above) == 0 {
				return fail(errLeavesTree)
			}
			at, above = above[len(above)-1], above[:len(above)-1]
			continue
		case at.Mode != filemode.Dir:
			return fail(fs.ErrNotExist)
		}
		t, err := f.subtree(at.Hash)
		if err != nil {
			return fail(err)
		}
		i := slices.IndexFunc(t.Entries, func(e object.TreeEntry) bool { return e.Name == step })
		if i < 0 {
			return fail(fs.ErrNotExist)
		}
		e := t.Entries[i]
		if e.Mode != filemode.Symlink || len(rest) == 0 && !follow {
			above, at = append(above, at), e
			continue
		}
		target, err := f.content(e)
		if err != nil {
			return fail(err)
		}
		if links++; links > 40 || path.IsAbs(string(target)) {
			return fail(errLeavesTree)
		}
		rest = append(strings.Split(string(target), "/"), rest...)
	}
	return at, nil
}

func (f *checkoutFS) subtree(h plumbing.Hash) (*object.Tree, error) {
	if h == f.root.Hash {
		return f.root, nil
	}
	f.mu.Lock()
	t, ok := f.known[h]
	f.mu.Unlock()
	if ok {
		return t, nil
	}
	t, err := object.GetTree(f.store, h)
	if err == nil {
		f.mu.Lock()
		f.known[h] = t
		f.mu.Unlock()
	}
	return t, err
}

func (f *checkoutFS) content(e object.TreeEntry) ([]byte, error) {
	b, err := object.GetBlob(f.store, e.Hash)
	if err != nil {
		return nil, err
	}
	r, err := b.Reader()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

func (f *checkoutFS) Open(name string) (fs.File, error) {
	e, err := f.find("open", name, true)
	if err != nil {
		return nil, err
	}
	if e.Mode == filemode.Dir || e.Mode == filemode.Submodule {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("is a directory: list it with ReadDir")}
	}
	b, err := f.content(e)
	return &checkoutFile{checkoutInfo{f, e}, bytes.NewReader(b)}, err
}

func (f *checkoutFS) ReadFile(name string) ([]byte, error) {
	e, err := f.find("readfile", name, true)
	if err != nil {
		return nil, err
	}
	if !e.Mode.IsFile() {
		return nil, &fs.PathError{Op: "readfile", Path: name, Err: errors.New("is a directory")}
	}
	return f.content(e)
}

func (f *checkoutFS) ReadDir(name string) ([]fs.DirEntry, error) {
	e, err := f.find("readdir", name, true)
	if err != nil || e.Mode == filemode.Submodule {
		return nil, err
	}
	if e.Mode != filemode.Dir {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: errors.New("not a directory")}
	}
	t, err := f.subtree(e.Hash)
	if err != nil {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: err}
	}
	var out []fs.DirEntry
	for _, e := range t.Entries {
		if e.Name != "" && e.Name != "." && e.Name != ".." && !strings.ContainsAny(e.Name, "/\\\x00") {
			out = append(out, checkoutInfo{f, e})
		}
	}
	slices.SortFunc(out, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return out, nil
}

func (f *checkoutFS) Stat(name string) (fs.FileInfo, error) {
	e, err := f.find("stat", name, true)
	return checkoutInfo{f, e}, err
}

func (f *checkoutFS) Lstat(name string) (fs.FileInfo, error) {
	e, err := f.find("lstat", name, false)
	return checkoutInfo{f, e}, err
}

func (f *checkoutFS) ReadLink(name string) (string, error) {
	e, err := f.find("readlink", name, false)
	if err == nil && e.Mode != filemode.Symlink {
		err = &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid}
	}
	if err != nil {
		return "", err
	}
	b, err := f.content(e)
	return string(b), err
}

// TreeHash names the content of a directory with all that is in it.
func (f *checkoutFS) TreeHash(dir string) (string, bool) {
	e, err := f.find("treehash", dir, true)
	return string(e.Hash[:]), err == nil && e.Mode == filemode.Dir
}

// checkoutInfo is an entry of a tree. Files have no time.
type checkoutInfo struct {
	fs *checkoutFS
	e  object.TreeEntry
}

func (i checkoutInfo) Name() string               { return i.e.Name }
func (i checkoutInfo) IsDir() bool                { return i.Mode().IsDir() }
func (i checkoutInfo) Type() fs.FileMode          { return i.Mode().Type() }
func (i checkoutInfo) Info() (fs.FileInfo, error) { return i, nil }
func (i checkoutInfo) ModTime() time.Time         { return time.Time{} }
func (i checkoutInfo) Sys() any                   { return nil }

// Hash names the content of the entry.
func (i checkoutInfo) Hash() string { return string(i.e.Hash[:]) }

func (i checkoutInfo) Mode() fs.FileMode {
	switch i.e.Mode {
	case filemode.Dir, filemode.Submodule:
		return fs.ModeDir | 0o755
	case filemode.Symlink:
		return fs.ModeSymlink | 0o777
	case filemode.Executable:
		return 0o755
	}
	return 0o644
}

func (i checkoutInfo) Size() int64 {
	if b, err := object.GetBlob(i.fs.store, i.e.Hash); err == nil && i.e.Mode.IsFile() {
		return b.Size
	}
	return 0
}

type checkoutFile struct {
	checkoutInfo
	*bytes.Reader
}

func (f *checkoutFile) Stat() (fs.FileInfo, error) { return f.checkoutInfo, nil }
func (f *checkoutFile) Close() error               { return nil }
func (f *checkoutFile) Size() int64                { return f.checkoutInfo.Size() }
