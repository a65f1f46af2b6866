package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/gitrepo/lfs"
	"github.com/tfops/tfops/internal/gitrepo/trees"
)

// mirrorTree is a tree of a Mirror.
type mirrorTree struct {
	*trees.FS
	m *Mirror
}

// Tree is the tree of a commit, given by its full id, as a read-only file
// system; see trees.FS. A submodule is a directory of the files that Submodules
// brought, or an empty one.
//
// The result reads the mirror as long as it is used, also after later fetches.
func (m *Mirror) Tree(sha string) (fs.FS, error) {
	v, done, err := m.read()
	if err != nil {
		return nil, err
	}
	defer done()
	root, sub, err := m.mounted(context.Background(), v, sha, false)
	if err != nil {
		return nil, err
	}
	failed := func(what string, err error) error { return m.readFault(context.Background(), what, err) }
	return &mirrorTree{trees.NewFS(root, &sub.Submodules, func() (trees.Reader, func(), error) { return m.lease(sub) },
		failed), m}, nil
}

// lease takes the packs of the mirror and of the submodules that are there now;
// the caller calls the returned function when it is done.
func (m *Mirror) lease(sub *mounts) (trees.Reader, func(), error) {
	v, done, err := m.read()
	if err != nil {
		return trees.Reader{}, nil, err
	}
	more, release := sub.lease()
	return trees.New(slices.Concat(v.Packs, more), &sub.Submodules), func() { release(); done() }, nil
}

// Changed lists the paths whose content, mode or existence differs between the
// trees of two commits, given by their full ids: sorted, slash-separated, and
// for something renamed both names. The commits need not be related. Where
// submodules are followed their files count, too; of one that cannot be read at
// either commit there is the path with a slash at its end: all below it may differ.
// What has a path too long to be exported is not listed. More paths than any export has
// are an Invalid fault: a few small trees can stand for any number of them. Where nothing
// differs there are no paths, and the list is not nil, which would mean that it is not known.
func (m *Mirror) Changed(ctx context.Context, from, to string) ([]string, error) {
	found, err := m.differences(ctx, from, to)
	if err != nil {
		return nil, err
	}
	return trees.Paths(found), nil
}

// differences is Changed with what is at the paths; an empty from is a tree with nothing.
func (m *Mirror) differences(ctx context.Context, from, to string) ([]trees.Difference, error) {
	v, done, err := m.read()
	if err != nil {
		return nil, err
	}
	defer done()
	packs := slices.Clone(v.Packs)
	nothing := trees.NewSubmodules(m.remote.Submodules.On)
	sides := []trees.Side{{Sub: &nothing}}
	for _, sha := range []string{from, to} {
		if sha == "" {
			continue
		}
		root, sub, err := m.mounted(ctx, v, sha, false)
		if err != nil {
			return nil, err
		}
		more, release := sub.lease()
		defer release()
		packs = append(packs, more...)
		sides = append(sides, trees.Side{Root: root, Sub: &sub.Submodules})
	}
	a, b := sides[len(sides)-2], sides[len(sides)-1]
	found, err := trees.Differences(ctx, trees.New(packs, nil), a, b, from, to)
	return found, m.readFault(ctx, fmt.Sprintf("comparing %s with %s", from, to), err)
}

// Export writes the tree of a commit, given by its full id, into dst, which
// must not exist or be empty. Files get the mode 0644, or 0755 when they are
// executable, and directories 0755, as in a clone made by hand: archives that a plan
// makes of them are the same then. dst itself should lie in an owner-only directory.
//
// The whole tree is checked before anything is written. What must not become a
// file is left out with all that is below it, and Exported says so: a name that
// would leave dst or stands for Git's own directory, one that is too long, a
// mode that is none of Git's, and a symbolic link that leads outside, through
// whatever other links. One such path in docs/ must not keep the others from
// being used; whoever reads it has to be refused by the caller. Two entries of
// one name are an Invalid fault: nobody can say which of them is meant. When
// Export fails, nothing is left in dst.
//
// A file that base has, too, at the same path is not written but linked to: where many
// trees are kept on one file system, one of which little differs costs a tenth, and almost
// no space. Nobody may write into any of them. Links change the time of the last change
// of base's files. An empty base shares nothing.
func (m *Mirror) Export(ctx context.Context, sha, dst string, base trees.Base) (trees.Exported, error) {
	v, done, err := m.read()
	if err != nil {
		return trees.Exported{}, err
	}
	defer done()
	root, sub, err := m.mounted(ctx, v, sha, true)
	if err != nil {
		return trees.Exported{}, err
	}
	more, release := sub.lease()
	defer release()
	out, err := trees.Export(ctx, trees.New(slices.Concat(v.Packs, more), &sub.Submodules), root, dst, base,
		m.lfsStore())
	return out, m.exportFault(ctx, sha, err)
}

func (m *Mirror) exportFault(ctx context.Context, sha string, err error) error {
	var bad *trees.Unfit
	if errors.As(err, &bad) {
		return fault.New(fault.Invalid, "take it out of the repository; no commit that holds it is ever written to "+
			"disk",
			"commit %s of repository %q is not exported: %q is %s", sha, m.remote.Name, bad.Path, bad.Why)
	}
	return m.readFault(ctx, "exporting commit "+sha, err)
}

// lfsStore is where the mirror keeps LFS objects, and whom it asks for them; nil
// when pointers are exported as they are.
func (m *Mirror) lfsStore() *lfs.Store {
	if !m.remote.LFS.On {
		return nil
	}
	server, err := m.remote.LFSServer(m.at, m.http)
	return &lfs.Store{Dir: filepath.Join(m.dir, "lfs"), Server: server, Wrong: err}
}
