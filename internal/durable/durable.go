// Package durable writes files so that they survive a power cut and a disk that fills up.
package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
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
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // of no effect once it was renamed
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
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
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_TRUNC, 0o600)
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
	f, err := os.OpenFile(reserve, os.O_CREATE|os.O_RDWR, 0o600)
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
