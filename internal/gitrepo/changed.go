package gitrepo

import (
	"context"
	"errors"
	"path"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/tfops/tfops/internal/fault"
)

// changed lists the paths that differ between two trees; see Mirror.Changed. from
// and to name them in messages.
func changed(ctx context.Context, t trees, a, b side, from, to string) ([]string, error) {
	d := differ{trees: t, paths: []string{}}
	if a.sub != nil && b.sub != nil {
		d.sub = both(a.sub, b.sub)
		d.paths = append(d.paths, readdressed(a.sub, b.sub)...)
	}
	err := d.compare(ctx, a.root, b.root, "")
	if errors.Is(err, errTooLarge) {
		return nil, tooManyDiffer(from, to)
	}
	slices.Sort(d.paths)
	return slices.Compact(d.paths), err
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

// side is one of two trees that are compared.
type side struct {
	root plumbing.Hash
	sub  *mounted // nil: none
}
