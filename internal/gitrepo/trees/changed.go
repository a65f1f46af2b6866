package trees

import (
	"context"
	"errors"
	"path"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/tfops/tfops/internal/fault"
)

// Difference is a path that differs between two trees, with what is there in each of
// them; a zero hash is nothing.
type Difference struct {
	Path     string
	Old, New plumbing.Hash
}

// Paths are those of differences; never nil.
func Paths(found []Difference) []string {
	paths := make([]string, len(found))
	for i, d := range found {
		paths[i] = d.Path
	}
	return paths
}

// Differences are what differs between two trees, sorted by path; see Mirror.Changed. A Side
// without a root is an empty tree. from and to name them in messages.
func Differences(ctx context.Context, t Reader, a, b Side, from, to string) ([]Difference, error) {
	d := differ{Reader: t, found: []Difference{}}
	if a.Sub != nil && b.Sub != nil {
		d.sub = both(a.Sub, b.Sub)
		for _, p := range readdressed(a.Sub, b.Sub) {
			d.found = append(d.found, Difference{Path: p, Old: a.Root, New: b.Root})
		}
	}
	err := d.compare(ctx, a.Root, b.Root, "")
	if errors.Is(err, errTooLarge) {
		return nil, tooManyDiffer(from, to)
	}
	slices.SortStableFunc(d.found, func(a, b Difference) int { return strings.Compare(a.Path, b.Path) })
	return slices.CompactFunc(d.found, func(a, b Difference) bool { return a.Path == b.Path }), err
}

func tooManyDiffer(from, to string) error {
	return fault.New(fault.Invalid, "take them out of the repository", "more than %d paths differ between %s and %s",
		maxEntries, from, to)
}

// differ collects the paths that differ. What it walks over is bounded, too: directories
// without a file can be without number as well.
type differ struct {
	Reader
	found  []Difference
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
	before, err := d.listed(a)
	if err != nil {
		return err
	}
	after, err := d.listed(b)
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

// listed is a tree's entries; a zero hash has none.
func (d *differ) listed(tree plumbing.Hash) ([]Entry, error) {
	if tree.IsZero() {
		return nil, nil
	}
	return d.read(tree)
}

// entries compares what is at one path; the zero entry is nothing.
func (d *differ) entries(ctx context.Context, was, is Entry, p string) error {
	if was.mode == is.mode && was.Hash == is.Hash || len(p) > MaxPath {
		return nil
	}
	if was.IsTree() && is.IsTree() {
		return d.compare(ctx, was.Hash, is.Hash, p)
	}
	if was.IsTree() { // there is none any more
		if err := d.compare(ctx, was.Hash, plumbing.ZeroHash, p); err != nil {
			return err
		}
		was = Entry{}
	}
	if is.IsTree() {
		if err := d.compare(ctx, plumbing.ZeroHash, is.Hash, p); err != nil {
			return err
		}
		is = Entry{}
	}
	return d.leaf(p, was, is)
}

func (d *differ) walks(ctx context.Context) error {
	if d.walked++; d.walked > maxEntries {
		return errTooLarge
	}
	return ctx.Err()
}

var errTooLarge = errors.New("too many paths")

// leaf notes what is no directory. A submodule that is followed and not there may differ in
// anything.
func (d *differ) leaf(p string, was, is Entry) error {
	for _, e := range []Entry{was, is} {
		found := Difference{p, was.Hash, is.Hash}
		if e.Kind() == ModeGitlink && d.sub.follows() {
			found.Path += "/"
		}
		if n := len(d.found); !e.Missing() && (n == 0 || d.found[n-1].Path != found.Path) {
			d.found = append(d.found, found)
		}
	}
	if len(d.found) > maxEntries {
		return errTooLarge
	}
	return nil
}

// Side is one of two trees that are compared.
type Side struct {
	Root plumbing.Hash
	Sub  *Submodules // nil: none
}
