package store

import (
	"os"

	bolt "go.etcd.io/bbolt"
)

// compactFrom is the size in bytes below which compaction never pays.
const compactFrom = 16 << 20

// Compact rewrites the file when more than half of it is free space and it is
// larger than 16 MiB. bbolt never gives space back by itself. It is called
// before the store is used and reports whether it did anything.
func (s *Store) Compact() (bool, error) {
	var size, free int64
	err := s.db.View(func(tx *bolt.Tx) error {
		size = tx.Size()
		free = int64(s.db.Stats().FreePageN+s.db.Stats().PendingPageN) * int64(s.db.Info().PageSize)
		return nil
	})
	if err != nil || size < compactFrom || free*2 < size {
		return false, err
	}
	return true, s.compact()
}

func (s *Store) compact() error {
	tmp := s.path + ".compact"
	if err := os.RemoveAll(tmp); err != nil {
		return err
	}
	dst, err := bolt.Open(tmp, 0o600, nil)
	if err != nil {
		return s.cause(err)
	}
	if err := bolt.Compact(dst, s.db, 1<<20); err != nil {
		dst.Close()
		os.Remove(tmp)
		return s.cause(err)
	}
	if err := dst.Close(); err != nil {
		return err
	}
	// The old file stays open, and so locked, until the new one is in place and
	// locked as well: at no moment can another process slip in between.
	db, err := bolt.Open(tmp, 0o600, &bolt.Options{FreelistType: bolt.FreelistMapType})
	if err != nil {
		return err
	}
	if err := os.Rename(tmp, s.path); err != nil {
		db.Close()
		return err
	}
	old := s.db
	s.db = db
	return old.Close()
}
