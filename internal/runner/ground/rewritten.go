package ground

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/datafile"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/runner/diagnostics"
)

// MaxRewritten is how many files are named that a plan rewrote.
const MaxRewritten = 100

// Layer is what was written over a directory that many runs share, in the form of an overlay's
// upper directory.
type Layer struct {
	Shared, Written string
	At              string // how people know the directory, with slashes; "" for the tree itself
}

// Rewritten finds the files of shared directories that are not as they were: what somebody reads in
// the commit is not what the apply runs. more is how many are not named.
func Rewritten(layers []Layer) (found []plan.Rewritten, more int, err error) {
	r := rewriting{}
	for _, l := range layers {
		r.Layer = l
		err := filepath.WalkDir(l.Written, func(p string, d fs.DirEntry, err error) error {
			switch {
			case p == l.Written && errors.Is(err, fs.ErrNotExist):
				return nil
			case err != nil || p == l.Written:
				return err
			}
			rel, err := filepath.Rel(l.Written, p)
			if err != nil {
				return err
			}
			return r.look(rel, d)
		})
		if err != nil {
			return nil, 0, err
		}
	}
	return r.found, r.more, nil
}

type rewriting struct {
	Layer
	found []plan.Rewritten
	more  int
}

// look compares one thing that was written with what it lies over.
func (r *rewriting) look(rel string, d fs.DirEntry) error {
	was, err := os.Lstat(filepath.Join(r.Shared, rel))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
		return nil // it is new
	}
	if err != nil {
		return err
	}
	is, err := d.Info()
	if err != nil {
		return err
	}
	switch {
	case is.IsDir() && was.IsDir():
		return r.opaque(rel)
	case is.Mode()&fs.ModeCharDevice != 0 && was.IsDir():
		return r.removed(rel, nil)
	case is.Mode()&fs.ModeCharDevice != 0: // an overlay's mark
		r.note(rel, true)
		return nil
	case was.IsDir():
		return r.removed(rel, nil)
	}
	same, err := r.same(rel, was, is)
	if err == nil && !same {
		r.note(rel, false)
	}
	return err
}

// opaque finds what a directory hides that was made in the place of another one.
func (r *rewriting) opaque(rel string) error {
	mark := make([]byte, 8)
	n, err := unix.Lgetxattr(filepath.Join(r.Written, rel), "user.overlay.opaque", mark)
	if err != nil || string(mark[:n]) != "y" {
		return nil
	}
	return r.removed(rel, func(p string) bool {
		_, err := os.Lstat(filepath.Join(r.Written, p))
		return err == nil // it is looked at by itself
	})
}

// removed notes all files of a directory that is gone, but those that are there again.
func (r *rewriting) removed(rel string, again func(string) bool) error {
	return filepath.WalkDir(filepath.Join(r.Shared, rel), func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(r.Shared, p)
		if err == nil && (again == nil || !again(name)) {
			r.note(name, true)
		}
		return err
	})
}

func (r *rewriting) note(rel string, removed bool) {
	if len(r.found) == MaxRewritten {
		r.more++
		return
	}
	r.found = append(r.found, plan.Rewritten{Path: path.Join(r.At, filepath.ToSlash(rel)), Removed: removed})
}

// same reports whether a file is as it was: its kind, its rights, its content.
func (r *rewriting) same(rel string, was, is fs.FileInfo) (bool, error) {
	if was.Mode() != is.Mode() {
		return false, nil
	}
	before, after := filepath.Join(r.Shared, rel), filepath.Join(r.Written, rel)
	if is.Mode()&fs.ModeSymlink != 0 {
		a, err := os.Readlink(before)
		b, err2 := os.Readlink(after)
		return a == b, errors.Join(err, err2)
	}
	if !is.Mode().IsRegular() {
		return false, nil
	}
	if filepath.Base(rel) == diagnostics.DependencyLock && was.Size() < is.Size() {
		return grew(before, after)
	}
	if was.Size() != is.Size() {
		return false, nil
	}
	return equal(before, after)
}

func equal(before, after string) (bool, error) {
	a, err := datafile.Open(before)
	if err != nil {
		return false, err
	}
	defer a.Close()
	b, err := datafile.Open(after)
	if err != nil {
		return false, err
	}
	defer b.Close()
	one, two := make([]byte, 64<<10), make([]byte, 64<<10)
	for {
		n, err := io.ReadFull(a, one)
		m, err2 := io.ReadFull(b, two)
		if n != m || !bytes.Equal(one[:n], two[:m]) {
			return false, nil
		}
		if err != nil || err2 != nil {
			return ended(err) && ended(err2), nil
		}
	}
}

func ended(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }

// grew reports whether a lock file got lines and lost none: init adds the hashes of this platform.
func grew(before, after string) (bool, error) {
	a, err := datafile.Read(before, datafile.Record)
	if err != nil {
		return false, err
	}
	b, err := datafile.Read(after, datafile.Record)
	if err != nil {
		return false, err
	}
	rest := bytes.Split(b, []byte("\n"))
	for _, line := range bytes.Split(a, []byte("\n")) {
		for len(rest) > 0 && !bytes.Equal(rest[0], line) {
			rest = rest[1:]
		}
		if len(rest) == 0 {
			return false, nil
		}
		rest = rest[1:]
	}
	return true, nil
}
