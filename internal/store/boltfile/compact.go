package boltfile

import (
	"errors"
	"os"
	"path/filepath"

	bolt "go.etcd.io/bbolt"
)

// compactFrom is the size in bytes below which compaction never pays.
const compactFrom = 16 << 20

// Compact rewrites the file when more than half of it is free space and it is
// larger than 16 MiB. bbolt never gives space back by itself. It is called
// before the store is used and reports whether it did anything.
func (f *File) Compact() (bool, error) {
	var size, free int64
	err := f.db.View(func(tx *bolt.Tx) error {
		size = tx.Size()
		free = int64(f.db.Stats().FreePageN+f.db.Stats().PendingPageN) * int64(f.db.Info().PageSize)
		return nil
	})
	if err != nil || size < compactFrom || free*2 < size {
		return false, err
	}
	return true, f.Rewrite()
}

// Rewrite writes the file again, without what is free in it.
func (f *File) Rewrite() error {
	tmp := f.path + ".compact"
	db, err := f.copyTo(tmp)
	if err != nil {
		os.Remove(tmp)
		return f.cause(err)
	}
	// The old file stays open, and so locked, until the new one is in place and
	// locked as well: at no moment can another process slip in between. One that
	// waits for the old file's lock gets it, and sees that it was replaced.
	if err := os.Rename(tmp, f.path); err != nil {
		db.Close()
		os.Remove(tmp)
		return f.cause(err)
	}
	old := f.db
	f.db = db
	// Until the new name is on the disk, a power cut would bring the old file
	// back, without what is written to the new one from here on.
	return f.cause(errors.Join(f.remember(), syncDir(filepath.Dir(f.path)), old.Close()))
}

// copyTo writes what is in use of the file to another one, and opens that.
func (f *File) copyTo(path string) (*bolt.DB, error) {
	if err := os.RemoveAll(path); err != nil { // what a crash left
		return nil, err
	}
	dst, err := bolt.Open(path, 0o600, nil)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(bolt.Compact(dst, f.db, 1<<20), dst.Close()); err != nil {
		return nil, err
	}
	return openFile(path, Options{})
}
