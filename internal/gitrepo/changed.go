package gitrepo

import (
	"context"
	"fmt"
	"path"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
)

// Changed lists the paths whose content, mode or existence differs between the
// trees of two commits, given by their full ids: sorted, slash-separated, and
// for something renamed both names. The commits need not be related.
func (m *Mirror) Changed(ctx context.Context, from, to string) ([]string, error) {
	v, done, err := m.read()
	if err != nil {
		return nil, err
	}
	defer done()
	a, err := m.tree(ctx, v, from)
	if err != nil {
		return nil, err
	}
	b, err := m.tree(ctx, v, to)
	if err != nil {
		return nil, err
	}
	d := differ{trees: newTrees(v)}
	if err := d.compare(ctx, a, b, ""); err != nil {
		return nil, m.readFault(ctx, fmt.Sprintf("comparing %s with %s", from, to), err)
	}
	slices.Sort(d.paths)
	return slices.Compact(d.paths), nil
}

// differ collects the paths that differ.
type differ struct {
	trees
	paths []string
}

// compare compares two trees at the same place. Equal ids are equal trees, so
// only what changed is read.
func (d *differ) compare(ctx context.Context, a, b plumbing.Hash, dir string) error {
	if a == b {
		return nil
	}
	if err := ctx.Err(); err != nil {
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
	if was.mode == is.mode && was.hash == is.hash {
		return nil
	}
	if was.isTree() && is.isTree() {
		return d.compare(ctx, was.hash, is.hash, p)
	}
	for _, e := range []entry{was, is} {
		switch {
		case e.missing():
		case e.isTree():
			if err := d.leaves(ctx, e.hash, p, func(leaf string, _ entry) { d.paths = append(d.paths, leaf) }); err != nil {
				return err
			}
		default:
			d.paths = append(d.paths, p)
		}
	}
	return nil
}
