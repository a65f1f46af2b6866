package cell

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/datafile"
	"github.com/tfops/tfops/internal/filelock"
	"github.com/tfops/tfops/internal/pinned"
	"github.com/tfops/tfops/internal/runner/handover"
	"github.com/tfops/tfops/internal/runner/treecopy"
)

// copies shows directories as copies, where the kernel does not let a runner mount. The
// path at which the engine sees its tree is one that all phases of the workspace share
// then, so they go one at a time.
type copies struct {
	ground string
	free   func() // the path
	shown  []shownCopy
	user   int // whom the engine runs as, and to whom what is shown belongs; 0: to whom the runner does
}

type shownCopy struct {
	name, at string
	made     map[string]unix.Stat_t // by path below at: as it was copied
}

func newCopies(ctx context.Context, tree, ground string, waiting func()) (*copies, error) {
	free, err := filelock.Take(ctx, tree+".lock", waiting)
	if err != nil {
		return nil, err
	}
	c := &copies{ground: ground, free: free, user: User()}
	if err := c.alone(); err != nil { // what the phase before left has outlived its runner
		free()
		return nil, err
	}
	return c, nil
}

// alone has nothing of the workspace's user be at work. No other phase of the workspace is.
func (c *copies) alone() error {
	if c.user == 0 {
		return nil
	}
	return handover.End(c.user)
}

// give gives the engine's user what is at a path.
func (c *copies) give(at string) error {
	if c.user == 0 {
		return nil
	}
	return handover.Give(at, c.user)
}

func (c *copies) Show(shared, name, at string) error {
	if err := checkShown(name); err != nil {
		return err
	}
	if len(c.shown) > 0 && c.shown[0].at != at {
		if err := datafile.Straight(c.shown[0].at, at); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(at); err != nil {
		return err
	}
	if err := errors.Join(treecopy.Tree(shared, at, nil), c.give(at)); err != nil { // before it is looked at how it is
		return err
	}
	s := shownCopy{name: name, at: at, made: map[string]unix.Stat_t{}}
	if err := s.each(nil, func(rel string, st unix.Stat_t) error { s.made[rel] = st; return nil }); err != nil {
		return err
	}
	c.shown = append(c.shown, s)
	return errors.Join(layOver(WrittenDir(c.ground, name), at), c.give(at))
}

func (c *copies) Hide(name, at string) error {
	if err := checkShown(name); err != nil {
		return err
	}
	for i, s := range c.shown {
		if s.name == name {
			c.shown = append(c.shown[:i:i], c.shown[i+1:]...)
			break
		}
	}
	return errors.Join(os.RemoveAll(at), os.RemoveAll(WrittenDir(c.ground, name)))
}

// Collect finds what is not as it was copied.
func (c *copies) Collect(ctx context.Context) error {
	if len(c.shown) > 0 { // the first one holds the others
		if err := pinned.Measure(ctx, c.shown[0].at, nil); err != nil {
			return err
		}
	}
	for _, s := range c.shown {
		into := WrittenDir(c.ground, s.name)
		if err := os.RemoveAll(into); err != nil {
			return err
		}
		if err := os.MkdirAll(into, 0o755); err != nil {
			return err
		}
		seen := map[string]bool{}
		err := s.each(c.shown, func(rel string, st unix.Stat_t) error {
			seen[rel] = true
			old, known := s.made[rel]
			same := known && old.Mode == st.Mode &&
				(st.Mode&unix.S_IFMT == unix.S_IFDIR || old.Ino == st.Ino && old.Ctim == st.Ctim && old.Size == st.Size)
			if same {
				return nil
			}
			return treecopy.One(filepath.Join(s.at, rel), filepath.Join(into, rel))
		})
		if err != nil {
			return err
		}
		if err := s.markRemoved(into, seen); err != nil {
			return err
		}
	}
	return nil
}

// each calls fn for all that lies below, but not for what others show there.
func (s shownCopy) each(others []shownCopy, fn func(rel string, st unix.Stat_t) error) error {
	return filepath.WalkDir(s.at, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == s.at {
			return err
		}
		for _, o := range others {
			if o.at == path && o.name != s.name {
				return filepath.SkipDir
			}
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return err
		}
		rel, err := filepath.Rel(s.at, path)
		if err != nil {
			return err
		}
		return fn(rel, st)
	})
}

// markRemoved leaves an overlay's mark for each file that is not there any more.
func (s shownCopy) markRemoved(into string, seen map[string]bool) error {
	for rel := range s.made {
		parent := filepath.Dir(rel)
		if _, known := s.made[parent]; seen[rel] || known && !seen[parent] {
			continue
		}
		path := filepath.Join(into, rel)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := unix.Mknod(path, unix.S_IFCHR, 0); err != nil {
			return &fs.PathError{Op: "mark as removed", Path: path, Err: err}
		}
	}
	return nil
}

func (c *copies) Close() {
	_ = c.alone() // the next phase sees to it, too
	c.free()
}

// layOver puts what was written over a copy.
func layOver(written, at string) error {
	return filepath.WalkDir(written, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			if path == written && errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			return err
		}
		rel, err := filepath.Rel(written, path)
		if err != nil || path == written {
			return err
		}
		to := filepath.Join(at, rel)
		if d.Type()&fs.ModeCharDevice != 0 {
			return os.RemoveAll(to)
		}
		if info, err := os.Lstat(to); err == nil && (!info.IsDir() || !d.IsDir()) {
			if err := os.RemoveAll(to); err != nil {
				return err
			}
		}
		return treecopy.One(path, to)
	})
}
