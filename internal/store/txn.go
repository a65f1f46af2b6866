package store

import (
	"bytes"
	"context"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/locks"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// txn is one transaction. It notes what it changes of the queue, so that the queue
// need not be read again after it.
type txn struct {
	*bolt.Tx
	runs, records, locks map[string]bool // the keys that were written or removed
	outbox               bool            // something was put into it
}

// note remembers that a record is not what it was.
func (tx *txn) note(bucket []byte, key string) {
	noted := func(set *map[string]bool, key string) {
		if *set == nil {
			*set = map[string]bool{}
		}
		(*set)[key] = true
	}
	switch string(bucket) {
	case string(bucketOutbox):
		tx.outbox = true
	case string(bucketRuns):
		noted(&tx.runs, key)
	case string(bucketVotes):
		id, _, _ := bytes.Cut([]byte(key), []byte{0})
		noted(&tx.runs, string(id))
	case string(bucketRecords):
		noted(&tx.records, key)
	case string(bucketLocks):
		noted(&tx.locks, key)
	}
}

// remove removes records; those that are not there are no error.
func remove(tx *txn, bucket []byte, keys ...string) error {
	for _, key := range keys {
		tx.note(bucket, key)
		if err := tx.Bucket(bucket).Delete([]byte(key)); err != nil {
			return err
		}
	}
	return nil
}

// update is one transaction that may write. What it changed of the queue is in the next
// queue before update returns.
func (s *Store) update(ctx context.Context, fn func(*txn) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.Moved(); err != nil {
		return err
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	var next *run.Queue
	tells := false
	defer s.took(time.Now(), true)
	err := s.cause(s.guarded(func() error {
		return s.db.Update(func(b *bolt.Tx) error {
			tx := &txn{Tx: b}
			err := fn(tx)
			if err == nil {
				next, err = s.after(tx)
			}
			tells = tx.outbox
			return err
		})
	}))
	switch {
	case err == nil && next != nil:
		s.live.Store(next)
	case err != nil && next != nil:
		s.live.Store(nil) // what the file has is not known: it is read again
	}
	if err == nil && tells {
		s.told.Send()
	}
	return err
}

func (s *Store) view(ctx context.Context, fn func(*txn) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	defer s.took(time.Now(), false)
	return s.guarded(func() error { return s.db.View(func(b *bolt.Tx) error { return fn(&txn{Tx: b}) }) })
}

// after is the queue as it is once the transaction is committed; nil when it is as it was.
func (s *Store) after(tx *txn) (*run.Queue, error) {
	if len(tx.runs)+len(tx.records)+len(tx.locks) == 0 {
		return nil, nil
	}
	before := s.live.Load()
	if before == nil { // nobody asked for it yet
		return nil, nil
	}
	d := before.Edit()
	for id := range tx.runs {
		if err := draftRun(tx, d, id); err != nil {
			return nil, err
		}
	}
	for name := range tx.records {
		rec, ok, err := get[workspace.Record](tx, bucketRecords, name)
		if err != nil {
			return nil, err
		}
		if rec.Name = name; ok {
			d.PutRecord(&rec)
		} else {
			d.DropRecord(name)
		}
	}
	for key := range tx.locks {
		l, ok, err := get[locks.Lock](tx, bucketLocks, key)
		if err != nil {
			return nil, err
		}
		if ok {
			d.PutLock(l)
		} else {
			d.DropLock(key)
		}
	}
	q := d.Queue()
	return &q, nil
}

func draftRun(tx *txn, d *run.Draft, id string) error {
	r, ok, err := get[run.Run](tx, bucketRuns, id)
	if err != nil {
		return err
	}
	if !ok {
		d.DropRun(id)
		return nil
	}
	var votes []approvals.Vote
	if !r.Status.Terminal() {
		if votes, err = getVotes(tx, id); err != nil {
			return err
		}
	}
	d.PutRun(&r, votes)
	return nil
}

// queue is the queue as of the last transaction that wrote. It is read from the file once.
func (s *Store) queue(tx *txn) (run.Queue, error) {
	q := s.live.Load()
	if q == nil {
		read, err := readQueue(tx)
		if err != nil {
			return run.Queue{}, err
		}
		q = &read
		s.live.Store(q)
	}
	now := *q
	now.Now = s.now()
	return now, nil
}

func readQueue(tx *txn) (run.Queue, error) {
	d := run.Queue{}.Edit()
	if err := eachActive(tx, "", func(id string) error { return draftRun(tx, d, id) }); err != nil {
		return run.Queue{}, err
	}
	err := each(tx, bucketRecords, func(k, raw, _ []byte) error {
		rec := &workspace.Record{}
		if err := decode(bucketRecords, string(k), raw, rec); err != nil {
			return unreadable(bucketRecords, string(k), err)
		}
		rec.Name = string(k)
		d.PutRecord(rec)
		return nil
	})
	if err != nil {
		return run.Queue{}, err
	}
	err = each(tx, bucketLocks, func(k, raw, _ []byte) error {
		var l locks.Lock
		if err := decode(bucketLocks, string(k), raw, &l); err != nil {
			return unreadable(bucketLocks, string(k), err)
		}
		d.PutLock(l)
		return nil
	})
	return d.Queue(), err
}

// Queue is everything that has not ended, with every record and every lock. It is in memory:
// asking for it costs nothing.
func (s *Store) Queue(ctx context.Context) (run.Queue, error) {
	if err := ctx.Err(); err != nil {
		return run.Queue{}, err
	}
	if q := s.live.Load(); q != nil {
		return s.queue(nil)
	}
	s.writing.Lock() // so that nothing is written between the look at the file and the note of it
	defer s.writing.Unlock()
	var q run.Queue
	err := s.view(ctx, func(tx *txn) (err error) { q, err = s.queue(tx); return err })
	return q, err
}
