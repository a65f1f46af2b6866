package records

import (
	"context"

	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/locks"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// after is the queue as it is once the transaction is committed; nil when it is as it was.
func (db *DB) after(tx *Tx) (*run.Queue, error) {
	if len(tx.runs)+len(tx.records)+len(tx.locks) == 0 {
		return nil, nil
	}
	before := db.live.Load()
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
		rec, ok, err := Get[workspace.Record](tx, Workspaces, name)
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
		l, ok, err := Get[locks.Lock](tx, Locks, key)
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

func draftRun(tx *Tx, d *run.Draft, id string) error {
	r, ok, err := Get[run.Run](tx, Runs, id)
	if err != nil {
		return err
	}
	if !ok {
		d.DropRun(id)
		return nil
	}
	var votes []approvals.Vote
	if !r.Status.Terminal() {
		if votes, err = List[approvals.Vote](tx, Votes, Owned(id)); err != nil {
			return err
		}
	}
	d.PutRun(&r, votes)
	return nil
}

// QueueIn is the queue as of the last transaction that wrote. It is read from the file once.
func (db *DB) QueueIn(tx *Tx) (run.Queue, error) {
	q := db.live.Load()
	if q == nil {
		read, err := readQueue(tx)
		if err != nil {
			return run.Queue{}, err
		}
		q = &read
		db.live.Store(q)
	}
	now := *q
	now.Now = db.now()
	return now, nil
}

func readQueue(tx *Tx) (run.Queue, error) {
	d := run.Queue{}.Edit()
	for _, id := range tx.ActiveIDs("") {
		if err := draftRun(tx, d, id); err != nil {
			return run.Queue{}, err
		}
	}
	for r := range tx.Walk(Workspaces, "") {
		rec := &workspace.Record{}
		if err := r.Decode(rec); err != nil {
			return run.Queue{}, err
		}
		rec.Name = string(r.Key)
		d.PutRecord(rec)
	}
	held, err := List[locks.Lock](tx, Locks, "")
	for _, l := range held {
		d.PutLock(l)
	}
	return d.Queue(), err
}

// Queue is everything that has not ended, with every record and every lock. It is in memory:
// asking for it costs nothing.
func (db *DB) Queue(ctx context.Context) (run.Queue, error) {
	if err := ctx.Err(); err != nil {
		return run.Queue{}, err
	}
	if q := db.live.Load(); q != nil {
		return db.QueueIn(nil)
	}
	db.writing.Lock() // so that nothing is written between the look at the file and the note of it
	defer db.writing.Unlock()
	var q run.Queue
	err := db.View(ctx, func(tx *Tx) (err error) { q, err = db.QueueIn(tx); return err })
	return q, err
}
