package storetest

import (
	"context"
	"errors"

	"github.com/tfops/tfops/internal/run"
)

// decider is the part of a store that calls functions inside of its transactions.
type decider interface {
	Claim(context.Context, func(run.Queue) (string, func(*run.Tx) error)) (run.Run, bool, error)
	Change(ctx context.Context, id string, fn func(*run.Tx) error) (run.Run, error)
	ChangeWorkspace(ctx context.Context, workspace string, fn func(*run.WorkspaceTx) error) error
}

// Twice is a store that calls every function twice: once in a transaction that comes to
// nothing, as a store may that tries again, and then for good. Who uses it sees a function that
// does more than to decide, such as to write a file.
func Twice(s decider) Deciders { return Deciders{s} }

// Deciders is what Twice returns.
type Deciders struct{ store decider }

var errAgain = errors.New("once more")

// Change is that of a store.
func (d Deciders) Change(ctx context.Context, id string, fn func(*run.Tx) error) (run.Run, error) {
	if _, err := d.store.Change(ctx, id, again(fn)); !errors.Is(err, errAgain) {
		return run.Run{}, err
	}
	return d.store.Change(ctx, id, fn)
}

// ChangeWorkspace is that of a store.
func (d Deciders) ChangeWorkspace(ctx context.Context, workspace string, fn func(*run.WorkspaceTx) error) error {
	if err := d.store.ChangeWorkspace(ctx, workspace, again(fn)); !errors.Is(err, errAgain) {
		return err
	}
	return d.store.ChangeWorkspace(ctx, workspace, fn)
}

// Claim is that of a store.
func (d Deciders) Claim(
	ctx context.Context, pick func(run.Queue) (string, func(*run.Tx) error),
) (run.Run, bool, error) {
	r, ok, err := d.store.Claim(ctx, func(q run.Queue) (string, func(*run.Tx) error) {
		id, fn := pick(q)
		return id, again(fn)
	})
	if !errors.Is(err, errAgain) {
		return r, ok, err
	}
	return d.store.Claim(ctx, pick)
}

// again is a function whose transaction comes to nothing.
func again[T any](fn func(T) error) func(T) error {
	return func(v T) error {
		if err := fn(v); err != nil {
			return err
		}
		return errAgain
	}
}
