// Package store keeps tfops's records in one bbolt file: runs, votes, events,
// locks, workspace records and the audit log. Logs and plans stay in files
// beside it.
//
// Every exported method is one transaction with one time. What it decides is in
// packages run, locks and drift: a store loads what these ask for, in one
// transaction, and stores what they say. How records lie in the file is in package
// records, and the file itself in package boltfile.
package store

import (
	"context"
	"io"
	"time"

	"github.com/tfops/tfops/internal/store/boltfile"
	"github.com/tfops/tfops/internal/store/journal"
	"github.com/tfops/tfops/internal/store/outbox"
	"github.com/tfops/tfops/internal/store/records"
	"github.com/tfops/tfops/internal/store/repair"
)

// ErrDamaged is in the chain of every refusal of a file that is not what was
// written, as opposed to one that is held, unreadable or of another program.
var ErrDamaged = boltfile.ErrDamaged

// Options are what Open may be told.
type Options struct {
	Now      func() time.Time // the clock; time.Now by default
	ReadOnly bool             // for a file of a stopped daemon
	Wait     time.Duration    // for another process to let go of the file; a second by default
}

// Store is an open file.
type Store struct {
	file *boltfile.File
	db   *records.DB

	outbox.Outbox
	journal.Journal
}

// Open opens the file at path and brings its schema up to date; a file that
// does not exist is created. A file that is damaged, or comes from a newer
// tfops, is refused and left as it is.
func Open(path string, o Options) (*Store, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Wait == 0 {
		o.Wait = time.Second
	}
	f, err := boltfile.Open(path, boltfile.Options{ReadOnly: o.ReadOnly, Wait: o.Wait})
	if err != nil {
		return nil, err
	}
	db := records.New(f, o.Now)
	err = records.Migrate(f, o.ReadOnly)
	if err == nil {
		err = repair.Records(f, db, o.ReadOnly)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	f.Longest() // opening holds nobody up
	return &Store{file: f, db: db, Outbox: outbox.New(db), Journal: journal.New(db)}, nil
}

// Close lets go of the file.
func (s *Store) Close() error { return s.file.Close() }

// Moved says whether the file at the store's path is no longer the one that was
// opened. Every write asks this first. nil when all is as it was.
func (s *Store) Moved() error { return s.file.Moved() }

// Compact rewrites the file when much of it is free, and reports whether it did. It
// is called before the store is used.
func (s *Store) Compact() (bool, error) { return s.file.Compact() }

// Backup writes a copy of the file as it is at one moment, while it is in use. An
// error of w is returned as it is.
func (s *Store) Backup(ctx context.Context, w io.Writer) error { return s.file.Backup(ctx, w) }

// Longest is the longest transaction since it was asked for last; zero for none.
func (s *Store) Longest() boltfile.Longest { return s.file.Longest() }

// ParkedRecords lists those that were set aside because they were not what was
// written, oldest first.
func (s *Store) ParkedRecords(ctx context.Context) (all []repair.Parked, err error) {
	err = s.db.View(ctx, func(tx *records.Tx) error { all, err = repair.ListParked(tx); return err })
	return all, err
}
