// Package boltfile opens a bbolt file so that nothing which is wrong with it goes
// unseen: it is held against what bbolt's format allows before bbolt maps it, a
// page that turns out to be bad later is an error and no crash, and a file that is
// no longer the one that was opened is not written to. It copies the file while it
// is in use, and gives back the space that is free in it. What the records are, it
// does not know.
package boltfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync/atomic"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/tfops/tfops/internal/fault"
)

// Options are what Open may be told.
type Options struct {
	ReadOnly bool          // for a file that no other process writes
	Wait     time.Duration // for another process to let go of the file
}

// File is an open file.
type File struct {
	db      *bolt.DB
	path    string
	opened  atomic.Pointer[os.FileInfo] // which one; see Moved
	longest longest
}

// Open opens the file at path; one that does not exist is created. A file that is
// damaged is refused and left as it is.
func Open(path string, o Options) (*File, error) {
	if err := ensure(path, o.ReadOnly); err != nil {
		return nil, err
	}
	db, err := openChecked(path, o)
	if err != nil {
		return nil, err
	}
	f := &File{db: db, path: path}
	if err := f.remember(); err != nil {
		db.Close()
		return nil, err
	}
	return f, nil
}

// Close lets go of the file.
func (f *File) Close() error { return f.db.Close() }

// Path is where the file was opened.
func (f *File) Path() string { return f.path }

// View is one transaction that reads.
func (f *File) View(fn func(*bolt.Tx) error) error {
	defer f.took(time.Now(), false)
	return f.guarded(func() error { return f.db.View(fn) })
}

// Update is one transaction that writes. An error of the disk says what to do.
func (f *File) Update(fn func(*bolt.Tx) error) error {
	defer f.took(time.Now(), true)
	return f.cause(f.guarded(func() error { return f.db.Update(fn) }))
}

// ensure makes sure that there is a file to open, and that it can be one of ours.
func ensure(path string, readOnly bool) error {
	info, err := os.Stat(path)
	switch {
	case err == nil && !info.Mode().IsRegular():
		return fault.New(fault.Invalid, "move it away", "the store %s is not a file: it is %s", path,
			kindOf(info.Mode()))
	case err == nil && info.Size() == 0:
		return damaged(path, errors.New("the file is empty"))
	case err == nil:
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return fault.New(fault.Unavailable, "check the path and its permissions", "the store %s cannot be read: %w",
			path, err)
	case readOnly:
		return fault.New(fault.NotFound, "check the path: the store lies at tfops.db in the data directory",
			"there is no store at %s", path)
	}
	if err := create(path); err != nil {
		return fault.New(fault.Unavailable, "check that the data directory exists, is writable and has space",
			"the store %s cannot be created: %w", path, err)
	}
	return nil
}

func kindOf(m fs.FileMode) string {
	if m.IsDir() {
		return "a directory"
	}
	return "a special file"
}

// create makes a new file under another name first, so that a crash never
// leaves a half-made file under this one. Another process may do the same at
// the same time: its file is never replaced.
func create(path string) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	f.Close()
	db, err := bolt.Open(f.Name(), 0o600, nil)
	if err != nil {
		return err
	}
	if err := db.Close(); err != nil {
		return err
	}
	switch err := os.Link(f.Name(), path); {
	case errors.Is(err, fs.ErrExist):
		return nil
	case err != nil: // a file system without links
		if err := os.Rename(f.Name(), path); err != nil {
			return err
		}
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes a new name in a directory outlast a power cut.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, syscall.EINVAL) {
		return err
	}
	return nil
}

// openChecked opens the file and walks all of it. What bbolt panics over
// becomes an error here.
func openChecked(path string, o Options) (db *bolt.DB, err error) {
	old := debug.SetPanicOnFault(true)
	defer debug.SetPanicOnFault(old)
	defer func() {
		if r := recover(); r != nil {
			db, err = nil, damaged(path, fmt.Errorf("%v", r))
		}
	}()
	// As long as another process writes the file, reading it tells nothing.
	verified, err := verifyUnused(path)
	if err != nil {
		return nil, openFault(path, err)
	}
	if db, err = openFile(path, o); err != nil {
		return nil, openFault(path, err)
	}
	if !verified {
		err = verify(path)
	}
	if err == nil {
		err = db.View(check(path))
	}
	if err != nil {
		db.Close()
		return nil, openFault(path, err)
	}
	return db, nil
}

// verifyUnused verifies the file if no other process holds it.
func verifyUnused(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close() // and the lock with it
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB); err != nil {
		return false, nil // bbolt waits for it, or says why it cannot
	}
	return true, verify(path)
}

// errReplaced says that the file was compacted by its owner while this process
// waited for its lock, which was then that of a file that nobody uses.
var errReplaced = errors.New("the file was replaced")

const (
	// mapped is how much address space the file gets, in bytes. A file that grows beyond what
	// is mapped waits for all who read it, and they may take long.
	mapped = 1 << 30
	// growth is by how much it grows at least, in bytes. bbolt would take 16 MiB at the first
	// write to a file that is mapped so far.
	growth = 256 << 10
)

func openFile(path string, o Options) (*bolt.DB, error) {
	var f *os.File
	db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: o.Wait, ReadOnly: o.ReadOnly,
		FreelistType:    bolt.FreelistMapType,
		InitialMmapSize: mapped, OpenFile: func(name string, flag int, perm os.FileMode) (_ *os.File, err error) {
			f, err = os.OpenFile(name, flag&^os.O_CREATE, perm)
			return f, err
		}})
	if err != nil {
		return nil, err
	}
	db.AllocSize = growth
	mine, err := f.Stat()
	if err == nil {
		var there fs.FileInfo
		if there, err = os.Stat(path); err == nil && !os.SameFile(mine, there) {
			err = errReplaced
		}
	}
	if err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}

func openFault(path string, err error) error {
	var errno syscall.Errno
	lack, lacking := fault.LackOf(err)
	switch {
	case errors.Is(err, berrors.ErrTimeout), errors.Is(err, errReplaced):
		return fault.New(fault.Conflict, "stop the other process, or talk to it: tfops status",
			"the store %s is held by another process, a running `tfops serve` most likely", path)
	case errors.Is(err, fs.ErrPermission):
		return fault.New(fault.Forbidden, "run as the user that owns the data directory",
			"the store %s cannot be opened: %w", path, err)
	case lacking:
		return fault.New(fault.Unavailable, lack.Next, "the store %s cannot be opened: %s: %w", path, lack.What, err)
	case errors.As(err, &errno):
		return fault.New(fault.Unavailable, "look at the data directory's disk", "the store %s cannot be opened: %w",
			path, err)
	}
	return damaged(path, err)
}

// check walks every page of the file at path.
func check(path string) func(*bolt.Tx) error {
	return func(tx *bolt.Tx) error {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		if tx.Size() > info.Size() {
			return fmt.Errorf("the file is cut off: it has %d bytes of %d", info.Size(), tx.Size())
		}
		var first error
		for e := range tx.Check() {
			if first == nil {
				first = e
			}
		}
		return first
	}
}

// Damaged is the refusal of the file for what is wrong in it.
func (f *File) Damaged(cause error) error { return damaged(f.path, cause) }

func damaged(path string, cause error) error {
	return fault.New(fault.Internal,
		"tfops recover: it keeps this file aside and makes a new one of what the data directory tells; with a copy "+
			"that `tfops backup` made: "+
			"tfops recover --backup FILE",
		"the store %s is damaged and was left as it is: %w", path, damage{cause})
}
