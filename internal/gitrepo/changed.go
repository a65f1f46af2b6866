package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/tfops/tfops/internal/fault"
)

// Changed lists the paths whose content, mode or existence differs between the
// trees of two commits, given by their full ids: sorted, slash-separated, and
// for something renamed both names. The commits need not be related. Where
// submodules are followed their files count, too; of one that cannot be read at
// either commit there is the path with a slash at its end: all below it may differ.
// What has a path too long to be exported is not listed. More paths than any export has
// are an Invalid fault: a few small trees can stand for any number of them. Where nothing
// differs there are no paths, and the list is not nil, which would mean that it is not known.
func (m *Mirror) Changed(ctx context.Context, from, to string) ([]string, error) {
	v, done, err := m.read()
	if err != nil {
		return nil, err
	}
	defer done()
	d := differ{trees: newTrees(v), paths: []string{}}
	sides, err := m.sides(ctx, v, from, to)
	if err != nil {
		return nil, err
	}
	d.sub = both(sides[0].sub, sides[1].sub)
	more, release := d.sub.lease()
	defer release()
	d.more = more
	err = d.compare(ctx, sides[0].root, sides[1].root, "")
	if errors.Is(err, errTooLarge) {
		return nil, tooManyDiffer(from, to)
	}
	if err != nil {
		return nil, m.readFault(ctx, fmt.Sprintf("comparing %s with %s", from, to), err)
	}
	d.paths = append(d.paths, readdressed(sides[0].sub, sides[1].sub)...)
	slices.Sort(d.paths)
	return slices.Compact(d.paths), nil
}

func tooManyDiffer(from, to string) error {
	return fault.New(fault.Invalid, "take them out of the repository", "more than %d paths differ between %s and %s", maxEntries, from, to)
}

// differ collects the paths that differ. What it walks over is bounded, too: directories
// without a file can be without number as well.
type differ struct {
	trees
	paths  []string
	walked int // directories
}

// compare compares two trees at the same place. Equal ids are equal trees, so
// only what changed is read.
func (d *differ) compare(ctx context.Context, a, b plumbing.Hash, dir string) error {
	if a == b {
		return nil
	}
	if err := d.walks(ctx); err != nil {
		return err
	}
	before, err := d.read(a)
	if err != nil {
		return err
	}
	after, err := d.read(b)
	if err != nil {
		return err
	}
	old := make(map[string]entry, len(before))
	for _, e := range before {
		old[e.name] = e
	}
	for _, e := range after {
		was := old[e.name]
		delete(old, e.name)
		if err := d.entries(ctx, was, e, path.Join(dir, e.name)); err != nil {
			return err
		}
	}
	for name, was := range old {
		if err := d.entries(ctx, was, entry{}, path.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}

// entries compares what is at one path; the zero entry is nothing.
func (d *differ) entries(ctx context.Context, was, is entry, p string) error {
	if was.mode == is.mode && was.hash == is.hash || len(p) > maxPath {
		return nil
	}
	if was.isTree() && is.isTree() {
		return d.compare(ctx, was.hash, is.hash, p)
	}
	for _, e := range []entry{was, is} {
		var err error
		switch {
		case e.missing():
		case e.isTree():
			err = d.all(ctx, e.hash, p)
		case e.kind() == modeGitlink && d.sub.follows():
			err = d.differs(p + "/")
		default:
			err = d.differs(p)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// all has every path below a directory differ that is not one itself, but for those that
// are too long to be exported.
func (d *differ) all(ctx context.Context, tree plumbing.Hash, dir string) error {
	if err := d.walks(ctx); err != nil {
		return err
	}
	entries, err := d.read(tree)
	if err != nil {
		return err
	}
	for _, e := range entries {
		p := path.Join(dir, e.name)
		switch {
		case len(p) > maxPath:
		case e.isTree():
			err = d.all(ctx, e.hash, p)
		default:
			err = d.differs(p)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (d *differ) walks(ctx context.Context) error {
	if d.walked++; d.walked > maxEntries {
		return errTooLarge
	}
	return ctx.Err()
}

var errTooLarge = errors.New("too many paths")

func (d *differ) differs(p string) error {
	if d.paths = append(d.paths, p); len(d.paths) > maxEntries {
		return errTooLarge
	}
	return nil
}

// side is one of two commits that are compared.
type side struct {
	root plumbing.Hash
	sub  *mounts
}

func (m *Mirror) sides(ctx context.Context, v *view, shas ...string) (sides []side, err error) {
	for _, sha := range shas {
		s := side{}
		if s.root, err = m.tree(ctx, v, sha); err != nil {
			return nil, err
		}
		if s.sub, err = m.mount(ctx, v, s.root, false); err != nil {
			return nil, m.readFault(ctx, "reading the submodules of commit "+sha, err)
		}
		sides = append(sides, s)
	}
	return sides, nil
}

// both are the submodules of two commits together.
func both(a, b *mounts) *mounts {
	all := &mounts{on: a.on, trees: maps.Clone(a.trees), mirrors: slices.Clone(a.mirrors)}
	maps.Copy(all.trees, b.trees)
	for _, sub := range b.mirrors {
		if !slices.Contains(all.mirrors, sub) {
			all.mirrors = append(all.mirrors, sub)
		}
	}
	return all
}

// readdressed are submodules whose URL changed, or that got one or lost it: one that could
// not be had may be there now, and the other way round.
func readdressed(a, b *mounts) (paths []string) {
	for p, url := range b.urls {
		if before, ok := a.urls[p]; !ok || before != url {
			paths = append(paths, p+"/")
		}
	}
	for p := range a.urls {
		if _, ok := b.urls[p]; !ok {
			paths = append(paths, p+"/")
		}
	}
	return paths
}
