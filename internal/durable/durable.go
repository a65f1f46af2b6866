// Package durable writes files so that they survive a power cut and a disk that fills up.
package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/datafile"
)

// Write puts a whole file in place or leaves what was there. It is on
// the disk when this returns.
func Write(path string, content []byte) error {
	if err := WriteUnlisted(path, content); err != nil {
		return err
	}
	return Sync(filepath.Dir(path))
}

// WriteUnlisted is Write for a file whose name may be lost when the machine
// goes down, as long as nothing else in its directory was made to stay.
func WriteUnlisted(path string, content []byte) error {
	dir, err := datafile.OpenDir(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	at, base := int(dir.Fd()), filepath.Base(path)
	f, name, err := createIn(dir, base)
	if err != nil {
		return err
	}
	defer unix.Unlinkat(at, name, 0) // of no effect once it was renamed
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := unix.Renameat(at, name, at, base); err != nil {
		return &os.LinkError{Op: "rename", Old: f.Name(), New: path, Err: err}
	}
	return nil
}

// createIn makes a file that is not there yet, with a hidden name of its own.
func createIn(dir *os.File, base string) (f *os.File, name string, err error) {
	for range 10_000 {
		name = fmt.Sprintf(".%s.%d", base, rand.Uint32())
		fd, err := unix.Openat(int(dir.Fd()), name, unix.O_CREAT|unix.O_EXCL|unix.O_RDWR|unix.O_CLOEXEC|unix.O_NOFOLLOW,
			0o600)
		path := filepath.Join(dir.Name(), name)
		switch {
		case err == nil:
			return os.NewFile(uintptr(fd), path), name, nil
		case !errors.Is(err, unix.EEXIST) && !errors.Is(err, unix.EINTR):
			return nil, "", &fs.PathError{Op: "open", Path: path, Err: err}
		}
	}
	return nil, "", &fs.PathError{Op: "open", Path: filepath.Join(dir.Name(), base), Err: fs.ErrExist}
}

// Sync has a file, or the names in a directory, survive a power cut.
func Sync(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Reserve allocates a file that something will be written into later, so that
// a disk that fills up in between cannot make it be lost: the result, or the
// state that an apply could not save.
func Reserve(path string, size int64) error {
	f, err := datafile.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	err = unix.Fallocate(int(f.Fd()), 0, 0, size)
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) {
		_, err = f.Write(make([]byte, size))
	}
	return errors.Join(err, f.Close())
}

// CommitReserved writes content into the reserved file and renames it to path,
// which is in the same directory.
func CommitReserved(reserve, path string, content []byte) error {
	f, err := datafile.OpenFile(reserve, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(content, 0)
	if err == nil {
		err = f.Truncate(int64(len(content)))
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(reserve, path); err != nil {
		return err
	}
	return Sync(filepath.Dir(path))
}

// Exists reports whether there is anything at a path, be it a link that leads nowhere.
func Exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// Remove removes a file; one that is not there is as good.
func Remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
