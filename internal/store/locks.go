package store

import (
	"fmt"
	"slices"

	"github.com/tfops/tfops/internal/locks"
	"github.com/tfops/tfops/internal/store/records"
)

// heldOn reads the locks under the keys of a workspace's state.
func heldOn(tx *records.Tx, keys []string) ([]locks.Lock, error) {
	var held []locks.Lock
	for _, key := range keys {
		l, ok, err := records.Get[locks.Lock](tx, records.Locks, key)
		if err != nil {
			return nil, err
		}
		if ok {
			held = append(held, l)
		}
	}
	return held, nil
}

// saveLocks makes what lies under the keys equal to held. One key holds one
// lock: a second one would be lost, so it is refused.
func saveLocks(tx *records.Tx, keys []string, held []locks.Lock) error {
	taken := map[string]bool{}
	for _, l := range held {
		if taken[l.State] || !slices.Contains(keys, l.State) {
			return fmt.Errorf("a lock on %q cannot be kept under %q", l.State, keys)
		}
		taken[l.State] = true
	}
	if err := tx.Remove(records.Locks, keys...); err != nil {
		return err
	}
	return putLocks(tx, held)
}

func putLocks(tx *records.Tx, held []locks.Lock) error {
	for _, l := range held {
		if err := tx.Put(records.Locks, l.State, l); err != nil {
			return err
		}
	}
	return nil
}
