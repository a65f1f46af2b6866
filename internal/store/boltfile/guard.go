package boltfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/tfops/tfops/internal/fault"
)

// ErrDamaged is in the chain of every refusal of a file that is not what was
// written, as opposed to one that is held, unreadable or of another program.
var ErrDamaged = errors.New("damaged")

type damage struct{ error }

func (d damage) Is(target error) bool { return target == ErrDamaged }
func (d damage) Unwrap() error        { return d.error }

// remember notes which file was opened, by device and inode.
func (f *File) remember() error {
	info, err := os.Stat(f.path)
	if err != nil {
		return openFault(f.path, err)
	}
	f.opened.Store(&info)
	return nil
}

// Moved says whether the file at the path is no longer the one that was
// opened: it was removed, moved or replaced, by itself or with its directory.
// What is written to the open file then reaches nobody, so every write asks this
// first. nil when all is as it was.
func (f *File) Moved() error {
	next := "put the data directory back as it was and start tfops serve again; where tfops.db is lost: tfops recover"
	now, err := os.Stat(f.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fault.New(fault.Unavailable, next, "the store %s was removed or moved away while it was in use: %w",
			f.path, err)
	case err != nil:
		return fault.New(fault.Unavailable, "look at the data directory and its disk",
			"the store %s cannot be looked at: %w", f.path, err)
	case !os.SameFile(*f.opened.Load(), now):
		return fault.New(fault.Unavailable, next, "the store %s was replaced by another file while it was in use",
			f.path)
	}
	return nil
}

// guarded turns what bbolt panics over, when a page under it is not what it was
// as the file was verified, into an error: the daemon goes on to say so.
func (f *File) guarded(fn func() error) (err error) {
	old := debug.SetPanicOnFault(true)
	defer debug.SetPanicOnFault(old)
	defer func() {
		switch r := recover(); {
		case r == nil:
		case ofPages(r):
			err = damaged(f.path, fmt.Errorf("%v", r))
		default:
			panic(r) // a defect in what was asked of the store, not in its file
		}
	}()
	return fn()
}

// ofPages reports whether a panic comes from reading pages: the memory that the
// file is mapped into cannot be read, or bbolt found what cannot be.
func ofPages(r any) bool {
	_, faulted := r.(interface{ Addr() uintptr })
	text, _ := r.(string)
	return faulted || strings.HasPrefix(text, "assertion failed")
}

// cause turns an error of the file into one that says what to do.
func (f *File) cause(err error) error {
	if l, ok := fault.LackOf(err); ok {
		return fault.New(fault.Unavailable, l.Next, "the store %s cannot be written: %s: %w", f.path, l.What, err)
	}
	if errors.Is(err, syscall.EACCES) {
		return fault.New(fault.Unavailable, "look at the data directory's disk", "the store %s cannot be written: %w",
			f.path, err)
	}
	return err
}
