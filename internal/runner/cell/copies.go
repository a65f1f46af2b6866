package cell

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/datafile"
	"github.com/tfops/tfops/internal/filelock"
	"github.com/tfops/tfops/internal/pinned"
)

// copies shows directories as copies, where the kernel does not let a runner mount. The
// path at which the engine sees its tree is one that all phases of the workspace share
// then, so they go one at a time.
type copies struct {
	ground string
	free   func() // the path
	shown  []shownCopy
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
	return &copies{ground: ground, free: free}, nil
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
	if err := CopyTree(shared, at, nil); err != nil {
		return err
	}
	s := shownCopy{name: name, at: at, made: map[string]unix.Stat_t{}}
	if err := s.each(nil, func(rel string, st unix.Stat_t) error { s.made[rel] = st; return nil }); err != nil {
		return err
	}
	c.shown = append(c.shown, s)
	return layOver(WrittenDir(c.ground, name), at)
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
			return copyOne(filepath.Join(s.at, rel), filepath.Join(into, rel))
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

func (c *copies) Close() { c.free() }

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
		return copyOne(path, to)
	})
}

// CopyTree copies directories, files and links, with their rights. What skip says is left out.
func CopyTree(from, to string, skip func(rel string) bool) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if skip != nil && skip(rel) {
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		return copyOne(path, filepath.Join(to, rel))
	})
}

// copyOne copies one entry, without what lies below it.
func copyOne(from, to string) error {
	info, err := os.Lstat(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	switch {
	case info.IsDir():
		if err := os.MkdirAll(to, 0o755); err != nil {
			return err
		}
		return os.Chmod(to, info.Mode().Perm()|0o700)
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return os.Symlink(target, to)
	case info.Mode().IsRegular():
		return CopyFile(from, to, info.Mode().Perm())
	}
	return nil // sockets and pipes mean nothing in another place
}

func CopyFile(from, to string, perm fs.FileMode) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Chmod(perm), out.Close())
}
