// Package outbox keeps what people are to be told: from the transaction that decided
// it until its target has it. A delivery that was given up is a dead letter, kept apart
// so that looking for what is due stays quick.
package outbox

import (
	"cmp"
	"context"
	"time"

	"github.com/tfops/tfops/internal/audit"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/ids"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/store/records"
)

// Outbox is the part of a store that notices are sent from.
type Outbox struct{ db *records.DB }

// New is the outbox among the records.
func New(db *records.DB) Outbox { return Outbox{db} }

// Add puts a delivery into the outbox for each target of each notice, and returns
// their ids.
func Add(tx *records.Tx, now time.Time, notices []run.Notice) (added []string, err error) {
	for _, n := range notices {
		if len(n.Targets) == 0 {
			continue
		}
		if n.ID == "" {
			n.ID = ids.New(now, tx.LastNotice())
			if err := tx.SetLastNotice(n.ID); err != nil {
				return nil, err
			}
		}
		for _, d := range n.Deliveries(now) {
			if err := tx.Put(records.Outbox, d.ID, d); err != nil {
				return nil, err
			}
			added = append(added, d.ID)
		}
	}
	return added, nil
}

// Tell puts notices into the outbox that come with no other change, such as of
// a configuration that is not valid. It returns the ids of their deliveries.
func (o Outbox) Tell(ctx context.Context, notices ...run.Notice) (ids []string, err error) {
	err = o.db.Update(ctx, func(tx *records.Tx) error {
		ids, err = Add(tx, o.db.Now(), notices)
		return err
	})
	if err != nil {
		return nil, err
	}
	return ids, nil
}

// TellAsked is Tell for what somebody asked for, who is recorded with it.
func (o Outbox) TellAsked(ctx context.Context, n run.Notice, by audit.Record) (ids []string, err error) {
	err = o.db.Decide(ctx, by, func(tx *records.Tx) error {
		ids, err = Add(tx, o.db.Now(), []run.Notice{n})
		return err
	})
	if err != nil {
		return nil, err
	}
	return ids, nil
}

// Told is closed once something was put into the outbox, after it was asked for.
func (o Outbox) Told() <-chan struct{} { return o.db.Told() }

// Due lists the deliveries that are due, oldest notice first, at most so many
// of each target (0 for all), so that a target with many never hides another's.
// next is when the first of the others becomes due; zero when there is none.
func (o Outbox) Due(ctx context.Context, now time.Time, perTarget int) (due []run.Delivery, next time.Time, err error) {
	all, err := o.Waiting(ctx)
	of := map[string]int{}
	for _, d := range all {
		switch {
		case d.NextAt.After(now):
			if next.IsZero() || d.NextAt.Before(next) {
				next = d.NextAt
			}
		case perTarget == 0 || of[d.Target] < perTarget:
			of[d.Target]++
			due = append(due, d)
		}
	}
	return due, next, err
}

// Waiting lists every delivery that is on its way, oldest notice first.
func (o Outbox) Waiting(ctx context.Context) ([]run.Delivery, error) {
	return o.list(ctx, records.Outbox)
}

// Dead lists the deliveries that were given up, oldest notice first.
func (o Outbox) Dead(ctx context.Context) ([]run.Delivery, error) { return o.list(ctx, records.Dead) }

func (o Outbox) list(ctx context.Context, bucket []byte) (all []run.Delivery, err error) {
	err = o.db.View(ctx, func(tx *records.Tx) error {
		all, err = records.List[run.Delivery](tx, bucket, "")
		return err
	})
	return all, err
}

// Delivered takes a delivery out of the outbox: its target has it. One that is
// not there any more is no error.
func (o Outbox) Delivered(ctx context.Context, id string) error {
	return o.db.Update(ctx, func(tx *records.Tx) error { return tx.Bucket(records.Outbox).Delete([]byte(id)) })
}

// Failed records an attempt that failed: it is due again at nextAt, or dead.
// It returns the dead letters that went to make room, oldest first. A delivery
// that is not there any more is no error.
func (o Outbox) Failed(
	ctx context.Context, id, text string, nextAt time.Time, dead bool,
) (gone []run.Delivery, err error) {
	err = o.db.Update(ctx, func(tx *records.Tx) error {
		gone = nil
		d, ok, err := records.Get[run.Delivery](tx, records.Outbox, id)
		if err != nil || !ok {
			return err
		}
		now := o.db.Now()
		d.Fail(text, nextAt, dead, now)
		if !dead {
			return tx.Put(records.Outbox, id, d)
		}
		if err := move(tx, records.Outbox, records.Dead, d); err != nil {
			return err
		}
		all, err := records.List[run.Delivery](tx, records.Dead, "")
		if err != nil {
			return err
		}
		gone = run.Outdated(all, now)
		for _, d := range gone {
			if err := tx.Remove(records.Dead, d.ID); err != nil {
				return err
			}
		}
		return nil
	})
	return gone, err
}

func move(tx *records.Tx, from, to []byte, d run.Delivery) error {
	return cmp.Or(tx.Bucket(from).Delete([]byte(d.ID)), tx.Put(to, d.ID, d))
}

// MakeDue makes due at once what waits for a target after a failed attempt: the
// target is back. It returns how many deliveries that are.
func (o Outbox) MakeDue(ctx context.Context, target string) (n int, err error) {
	err = o.db.Update(ctx, func(tx *records.Tx) error {
		n = 0
		all, err := records.List[run.Delivery](tx, records.Outbox, "")
		if err != nil {
			return err
		}
		now := o.db.Now()
		for _, d := range all {
			if d.Target != target || !d.NextAt.After(now) {
				continue
			}
			d.NextAt = now
			if err := tx.Put(records.Outbox, d.ID, d); err != nil {
				return err
			}
			n++
		}
		return nil
	})
	return n, err
}

// Retry sends a dead letter again, at once and with as many attempts as a new
// one; one that still waits is due at once. by is recorded with it.
func (o Outbox) Retry(ctx context.Context, id string, by audit.Record) error {
	return o.db.Decide(ctx, by, func(tx *records.Tx) error {
		for _, bucket := range [][]byte{records.Dead, records.Outbox} {
			d, ok, err := records.Get[run.Delivery](tx, bucket, id)
			if err != nil {
				return err
			}
			if ok {
				d.Retry(o.db.Now())
				return move(tx, bucket, records.Outbox, d)
			}
		}
		return noDelivery(id)
	})
}

// Drop removes a delivery, whether it is dead or still waits. by is recorded
// with it.
func (o Outbox) Drop(ctx context.Context, id string, by audit.Record) error {
	return o.db.Decide(ctx, by, func(tx *records.Tx) error {
		found := false
		for _, bucket := range [][]byte{records.Dead, records.Outbox} {
			found = found || tx.Has(bucket, id)
			if err := tx.Bucket(bucket).Delete([]byte(id)); err != nil {
				return err
			}
		}
		if !found {
			return noDelivery(id)
		}
		return nil
	})
}

func noDelivery(id string) error {
	return fault.New(fault.NotFound, "tfops notify dead; one that has arrived is not kept",
		"there is no delivery %s in the outbox", id)
}
