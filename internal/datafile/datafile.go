// Package datafile opens what lies below a data directory. Code of a plan, a failing disk
// or a slip by hand may leave anything there under a name that is known: a pipe that
// nobody writes to, a link to a device that never ends, a file of a terabyte. Whoever
// opens that waits or reads for ever, and with it every workspace. So only regular files
// are opened, no link is followed at the end of a path, and what is read whole has a bound.
package datafile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

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
	ErrTooLarge = errors.New("it is far larger than such a file can be; look what it is, and move it away")
)

// Open opens a file to read from it. ErrStrange, in a *fs.PathError, where it is none.
func Open(path string) (*os.File, error) { return OpenFile(path, os.O_RDONLY, 0) }

// OpenFile is os.OpenFile for regular files alone.
func OpenFile(path string, flag int, perm fs.FileMode) (*os.File, error) {
	f, err := os.OpenFile(path, flag|unix.O_NOFOLLOW|unix.O_NONBLOCK, perm)
	if errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENXIO) { // a link; a socket, or a pipe without a reader
		return nil, &fs.PathError{Op: "open", Path: path, Err: ErrStrange}
	}
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: path, Err: ErrStrange}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
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
