package records

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/tfops/tfops/internal/audit"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/signal"
	"github.com/tfops/tfops/internal/store/boltfile"
)

// DB is the records of a file, in transactions.
type DB struct {
	file *boltfile.File
	now  func() time.Time

	told    signal.Signal             // something was put into the outbox
	writing sync.Mutex                // held by the transaction that writes, until live is its outcome
	live    atomic.Pointer[run.Queue] // as of the last transaction that wrote; nil: to be read
	coming  atomic.Pointer[coming]    // what a transaction that is being committed makes of it
}

// coming is the queue of a transaction that is being committed. Others can read in the file what it
// wrote before the commit returns, and from then on the queue is this one.
type coming struct {
	tx          int // the file's number for the transaction
	before, now *run.Queue
}

// New reads and writes the records of a file that has this program's schema.
func New(f *boltfile.File, now func() time.Time) *DB {
	return &DB{file: f, now: func() time.Time { return now().UTC() }}
}

// Now is the time. A transaction asks for it once.
func (db *DB) Now() time.Time { return db.now() }

// Told is closed once something was put into the outbox, after it was asked for.
func (db *DB) Told() <-chan struct{} { return db.told.Next() }

// View is one transaction that reads.
func (db *DB) View(ctx context.Context, fn func(*Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return db.file.View(func(b *bolt.Tx) error {
		if c := db.coming.Load(); c != nil && b.ID() >= c.tx {
			db.live.CompareAndSwap(c.before, c.now)
		}
		return fn(&Tx{Tx: b})
	})
}

// Update is one transaction that may write. What it changed of the queue is in the next
// queue before Update returns, and before anybody can read it in the file.
func (db *DB) Update(ctx context.Context, fn func(*Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := db.file.Moved(); err != nil {
		return err
	}
	db.writing.Lock()
	defer db.writing.Unlock()
	var next *run.Queue
	tells := false
	err := db.file.Update(func(b *bolt.Tx) error {
		tx := &Tx{Tx: b}
		err := fn(tx)
		if err == nil {
			next, err = db.after(tx)
		}
		if err == nil && next != nil {
			db.coming.Store(&coming{tx: b.ID(), before: db.live.Load(), now: next})
		}
		tells = tx.outbox
		return err
	})
	db.coming.Store(nil)
	switch {
	case err == nil && next != nil:
		db.live.Store(next)
	case err != nil && next != nil:
		db.live.Store(nil) // what the file has is not known: it is read again
	}
	if err == nil && tells {
		db.told.Send()
	}
	return err
}

// Decide is Update for what somebody decided, who is recorded with it.
func (db *DB) Decide(ctx context.Context, by audit.Record, fn func(*Tx) error) error {
	by.At = db.now()
	return db.Update(ctx, func(tx *Tx) error {
		if err := fn(tx); err != nil {
			return err
		}
		return tx.AddAudits([]audit.Record{by})
	})
}
