package trees

import (
	"context"
	"errors"
	"path"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/tfops/tfops/internal/fault"
)

// Changed lists the paths that differ between two trees; see Mirror.Changed. from
// and to name them in messages.
func Changed(ctx context.Context, t Reader, a, b Side, from, to string) ([]string, error) {
	d := differ{Reader: t, paths: []string{}}
	if a.Sub != nil && b.Sub != nil {
		d.sub = both(a.Sub, b.Sub)
		d.paths = append(d.paths, readdressed(a.Sub, b.Sub)...)
	}
	err := d.compare(ctx, a.Root, b.Root, "")
	if errors.Is(err, errTooLarge) {
		return nil, tooManyDiffer(from, to)
	}
	slices.Sort(d.paths)
	return slices.Compact(d.paths), err
}

func tooManyDiffer(from, to string) error {
	return fault.New(fault.Invalid, "take them out of the repository", "more than %d paths differ between %s and %s",
		maxEntries, from, to)
}

// differ collects the paths that differ. What it walks over is bounded, too: directories
// without a file can be without number as well.
type differ struct {
	Reader
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
	old := make(map[string]Entry, len(before))
	for _, e := range before {
		old[e.Name] = e
	}
	for _, e := range after {
		was := old[e.Name]
		delete(old, e.Name)
		if err := d.entries(ctx, was, e, path.Join(dir, e.Name)); err != nil {
			return err
		}
	}
	for name, was := range old {
		if err := d.entries(ctx, was, Entry{}, path.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}

// entries compares what is at one path; the zero entry is nothing.
func (d *differ) entries(ctx context.Context, was, is Entry, p string) error {
	if was.mode == is.mode && was.Hash == is.Hash || len(p) > MaxPath {
		return nil
	}
	if was.IsTree() && is.IsTree() {
		return d.compare(ctx, was.Hash, is.Hash, p)
	}
	for _, e := range []Entry{was, is} {
		var err error
		switch {
		case e.Missing():
		case e.IsTree():
			err = d.all(ctx, e.Hash, p)
		case e.Kind() == ModeGitlink && d.sub.follows():
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
		p := path.Join(dir, e.Name)
		switch {
		case len(p) > MaxPath:
		case e.IsTree():
			err = d.all(ctx, e.Hash, p)
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

// Side is one of two trees that are compared.
type Side struct {
	Root plumbing.Hash
	Sub  *Submodules // nil: none
}
