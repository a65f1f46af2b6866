// Package datafile opens what lies below a data directory. Code of a plan, a failing disk
// or a slip by hand may leave anything there under a name that is known: a pipe that
// nobody writes to, a link to a device that never ends or to the key, a file of a terabyte.
// Whoever opens that waits or reads for ever, or shows what it should not. So only regular
// files are opened, of the process's own user; below a directory that Beneath names no link is
// followed, wherever it is in the path, and elsewhere none at its end; and what is read whole
// has a bound.
package datafile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Bounds of what is read whole, in bytes: far above what tfops writes.
const (
	Record = 64 << 20  // what tfops says of a run or a workspace
	Large  = 512 << 20 // plans and states
)

// Why something is not read.
var (
	ErrStrange  = errors.New("it is no regular file; look what it is, and move it away")
	ErrForeign  = errors.New("it belongs to another user; look what it is, and move it away")
	ErrTooLarge = errors.New("it is far larger than such a file can be; look what it is, and move it away")
)

// Open opens a file to read from it. ErrStrange, in a *fs.PathError, where it is none.
func Open(path string) (*os.File, error) { return OpenFile(path, os.O_RDONLY, 0) }

// OpenFile is os.OpenFile for regular files alone.
func OpenFile(path string, flag int, perm fs.FileMode) (*os.File, error) {
	strange := &fs.PathError{Op: "open", Path: path, Err: ErrStrange}
	// What is there is emptied once it is known to be a file, and whose.
	f, root, err := openBelow(path, flag&^os.O_TRUNC|unix.O_NONBLOCK, perm)
	switch {
	// A link; a socket, or a pipe without a reader; a directory that is written to.
	case errors.Is(err, unix.ELOOP), errors.Is(err, unix.EXDEV), errors.Is(err, unix.ENXIO),
		errors.Is(err, unix.EISDIR):
		return nil, strange
	case err != nil:
		return nil, err
	}
	var st unix.Stat_t
	err = unix.Fstat(int(f.Fd()), &st)
	switch {
	case err != nil:
		err = &fs.PathError{Op: "stat", Path: path, Err: err}
	case st.Mode&unix.S_IFMT != unix.S_IFREG || isSecret(root, &st):
		err = strange
	case !ours(path, root, &st):
		err = &fs.PathError{Op: "open", Path: path, Err: ErrForeign}
	case flag&os.O_TRUNC != 0:
		err = f.Truncate(0)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// OpenSole is Open of a file that has this name alone. Of what an engine could link to, a
// file that has another name may be anything.
func OpenSole(path string) (*os.File, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	var st unix.Stat_t
	if err = unix.Fstat(int(f.Fd()), &st); err == nil && st.Nlink > 1 {
		err = &fs.PathError{Op: "open", Path: path, Err: ErrStrange}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// ReadSole is Read of a file that has this name alone.
func ReadSole(path string, most int64) ([]byte, error) {
	f, err := OpenSole(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return ReadFrom(f, most)
}

// Read reads a whole file of at most so many bytes. ErrTooLarge, in a *fs.PathError, where
// it has more.
func Read(path string, most int64) ([]byte, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return ReadFrom(f, most)
}

// Write is os.WriteFile for regular files alone.
func Write(path string, content []byte, perm fs.FileMode) error {
	f, err := OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, perm)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Close())
}

// ReadLinked is Read of a file that a link may lead to: of a repository, or in memory.
func ReadLinked(path string, most int64) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(err, &fs.PathError{Op: "open", Path: path, Err: ErrStrange})
	}
	return ReadFrom(f, most)
}

// ReadFrom is Read of a file that is open, from where it stands.
func ReadFrom(f *os.File, most int64) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	tooLarge := &fs.PathError{Op: "read", Path: f.Name(), Err: fmt.Errorf("%w (%d bytes, and no more than %d are read)",
		ErrTooLarge, info.Size(), most)}
	if info.Size() > most {
		return nil, tooLarge
	}
	b := make([]byte, 0, info.Size()+512)
	for {
		n, err := f.Read(b[len(b):cap(b)])
		if b = b[:len(b)+n]; int64(len(b)) > most { // it grows
			return nil, tooLarge
		}
		if errors.Is(err, io.EOF) {
			return b, nil
		}
		if err != nil {
			return nil, err
		}
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
	}
}

// ErrLink says that a symbolic link lies where a directory should be.
var ErrLink = errors.New("a symbolic link lies in its place; look what put it there")

// Straight reports ErrLink, in a *fs.PathError, where a symbolic link lies on the way from root to path, its end
// included. What is not there is no link. It tells of this moment: nobody else may be at work below root.
func Straight(root, path string) error {
	rel, err := filepath.Rel(root, path)
	if err != nil || !filepath.IsLocal(rel) {
		return &fs.PathError{Op: "open", Path: path, Err: ErrLink}
	}
	at := root
	for step := range strings.SplitSeq(rel, string(filepath.Separator)) {
		at = filepath.Join(at, step)
		info, err := os.Lstat(at)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case info.Mode()&fs.ModeSymlink != 0:
			return &fs.PathError{Op: "open", Path: at, Err: ErrLink}
		}
	}
	return nil
}
