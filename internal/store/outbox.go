package store

import (
	"cmp"
	"context"
	"time"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/run"
)

// The outbox: what is to be told lies in it from the transaction that decided
// it until the target has it. A delivery that was given up is a dead letter,
// kept apart so that looking for what is due stays quick.

var (
	bucketOutbox = []byte("outbox")
	bucketDead   = []byte("dead")

	keyNotice = []byte("notice")
)

const (
	// deadFor is how long a dead letter is kept.
	deadFor = 30 * 24 * time.Hour
	// deadMost is how many of them are kept; the oldest go.
	deadMost = 1000
)

// putDeliveries puts a delivery into the outbox for each target of each notice,
// due at once. A target that is named twice gets it once.
func putDeliveries(tx *txn, now time.Time, notices []run.Notice) error {
	_, err := addDeliveries(tx, now, notices)
	return err
}

func addDeliveries(tx *txn, now time.Time, notices []run.Notice) (ids []string, err error) {
	for _, n := range notices {
		if len(n.Targets) == 0 {
			continue
		}
		if n.ID == "" {
			n.ID = run.NewID(now, string(tx.Bucket(bucketMeta).Get(keyNotice)))
			if err := tx.Bucket(bucketMeta).Put(keyNotice, []byte(n.ID)); err != nil {
				return nil, err
			}
		}
		if n.At.IsZero() {
			n.At = now
		}
		for _, target := range n.Targets {
			d := run.Delivery{ID: run.DeliveryID(n.ID, target), Target: target, Notice: n, NextAt: now}
			if err := put(tx, bucketOutbox, d.ID, d); err != nil {
				return nil, err
			}
			ids = append(ids, d.ID)
		}
	}
	return ids, nil
}

// Tell puts notices into the outbox that come with no other change, such as of
// a configuration that is not valid. It returns the ids of their deliveries.
func (s *Store) Tell(ctx context.Context, notices ...run.Notice) (ids []string, err error) {
	err = s.update(ctx, func(tx *txn) error {
		ids, err = addDeliveries(tx, s.now(), notices)
		return err
	})
	if err != nil {
		return nil, err
	}
	return ids, nil
}

// TellAsked is Tell for what somebody asked for, who is recorded with it.
func (s *Store) TellAsked(ctx context.Context, n run.Notice, by run.Audit) (ids []string, err error) {
	err = s.decided(ctx, by, func(tx *txn) error {
		ids, err = addDeliveries(tx, s.now(), []run.Notice{n})
		return err
	})
	if err != nil {
		return nil, err
	}
	return ids, nil
}

// Told is closed once something was put into the outbox, after it was asked for.
func (s *Store) Told() <-chan struct{} { return s.told.Next() }

// deliveries walks a bucket of them, oldest notice first. A file of an older
// schema that is only read has none.
func deliveries(tx *txn, bucket []byte, fn func(run.Delivery) error) error {
	b := tx.Bucket(bucket)
	if b == nil {
		return nil
	}
	return b.ForEach(func(k, raw []byte) error {
		var d run.Delivery
		if err := decode(bucket, string(k), raw, &d); err != nil {
			return unreadable(bucket, string(k), err)
		}
		return fn(d)
	})
}

// Due lists the deliveries that are due, oldest notice first, at most so many
// of each target (0 for all), so that a target with many never hides another's.
// next is when the first of the others becomes due; zero when there is none.
func (s *Store) Due(ctx context.Context, now time.Time, perTarget int) (due []run.Delivery, next time.Time, err error) {
	err = s.view(ctx, func(tx *txn) error {
		of := map[string]int{}
		return deliveries(tx, bucketOutbox, func(d run.Delivery) error {
			switch {
			case d.NextAt.After(now):
				if next.IsZero() || d.NextAt.Before(next) {
					next = d.NextAt
				}
			case perTarget == 0 || of[d.Target] < perTarget:
				of[d.Target]++
				due = append(due, d)
			}
			return nil
		})
	})
	return due, next, err
}

// Waiting lists every delivery that is on its way, oldest notice first.
func (s *Store) Waiting(ctx context.Context) ([]run.Delivery, error) {
	return s.allDeliveries(ctx, bucketOutbox)
}

// Dead lists the deliveries that were given up, oldest notice first.
func (s *Store) Dead(ctx context.Context) ([]run.Delivery, error) {
	return s.allDeliveries(ctx, bucketDead)
}

func (s *Store) allDeliveries(ctx context.Context, bucket []byte) (all []run.Delivery, err error) {
	err = s.view(ctx, func(tx *txn) error {
		return deliveries(tx, bucket, func(d run.Delivery) error { all = append(all, d); return nil })
	})
	return all, err
}

// Delivered takes a delivery out of the outbox: its target has it. One that is
// not there any more is no error.
func (s *Store) Delivered(ctx context.Context, id string) error {
	return s.update(ctx, func(tx *txn) error { return tx.Bucket(bucketOutbox).Delete([]byte(id)) })
}

// Failed records an attempt that failed: it is due again at nextAt, or dead.
// It returns the dead letters that went to make room, oldest first. A delivery
// that is not there any more is no error.
func (s *Store) Failed(ctx context.Context, id, text string, nextAt time.Time, dead bool) (gone []run.Delivery, err error) {
	err = s.update(ctx, func(tx *txn) error {
		gone = nil
		d, ok, err := get[run.Delivery](tx, bucketOutbox, id)
		if err != nil || !ok {
			return err
		}
		d.Attempts, d.LastError, d.NextAt = d.Attempts+1, text, nextAt
		if !dead {
			return put(tx, bucketOutbox, id, d)
		}
		d.Dead, d.DeadAt = true, s.now()
		if err := move(tx, bucketOutbox, bucketDead, d); err != nil {
			return err
		}
		gone, err = buryOldest(tx, s.now())
		return err
	})
	return gone, err
}

func move(tx *txn, from, to []byte, d run.Delivery) error {
	return cmp.Or(tx.Bucket(from).Delete([]byte(d.ID)), put(tx, to, d.ID, d))
}

// buryOldest removes the dead letters that are past their time, or too many.
func buryOldest(tx *txn, now time.Time) (gone []run.Delivery, err error) {
	var all []run.Delivery
	if err := deliveries(tx, bucketDead, func(d run.Delivery) error { all = append(all, d); return nil }); err != nil {
		return nil, err
	}
	for i, d := range all {
		if len(all)-i <= deadMost && !d.DeadAt.Add(deadFor).Before(now) {
			continue
		}
		if err := tx.Bucket(bucketDead).Delete([]byte(d.ID)); err != nil {
			return nil, err
		}
		gone = append(gone, d)
	}
	return gone, nil
}

// Hasten makes due at once what waits for a target after a failed attempt: the
// target is back. It returns how many deliveries that are.
func (s *Store) Hasten(ctx context.Context, target string) (n int, err error) {
	err = s.update(ctx, func(tx *txn) error {
		n = 0
		var late []run.Delivery // a bucket must not change while it is walked
		err := deliveries(tx, bucketOutbox, func(d run.Delivery) error {
			if d.Target == target && d.NextAt.After(s.now()) {
				late = append(late, d)
			}
			return nil
		})
		if err != nil {
			return err
		}
		for _, d := range late {
			d.NextAt = s.now()
			if err := put(tx, bucketOutbox, d.ID, d); err != nil {
				return err
			}
		}
		n = len(late)
		return nil
	})
	return n, err
}

// Retry sends a dead letter again, at once and with as many attempts as a new
// one; one that still waits is due at once. by is recorded with it.
func (s *Store) Retry(ctx context.Context, id string, by run.Audit) error {
	return s.decided(ctx, by, func(tx *txn) error {
		for _, bucket := range [][]byte{bucketDead, bucketOutbox} {
			d, ok, err := get[run.Delivery](tx, bucket, id)
			if err != nil {
				return err
			}
			if ok {
				d.Dead, d.DeadAt, d.Attempts, d.NextAt = false, time.Time{}, 0, s.now()
				return move(tx, bucket, bucketOutbox, d)
			}
		}
		return noDelivery(id)
	})
}

// Drop removes a delivery, whether it is dead or still waits. by is recorded
// with it.
func (s *Store) Drop(ctx context.Context, id string, by run.Audit) error {
	return s.decided(ctx, by, func(tx *txn) error {
		found := false
		for _, bucket := range [][]byte{bucketDead, bucketOutbox} {
			found = found || tx.Bucket(bucket).Get([]byte(id)) != nil
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
	return fault.New(fault.NotFound, "tfops notify dead; one that has arrived is not kept", "there is no delivery %s in the outbox", id)
}
