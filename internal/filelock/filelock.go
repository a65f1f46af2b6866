// Package filelock has processes do one after the other what they must not do at once.
package filelock

import (
	"context"
	"time"

	"github.com/gofrs/flock"
)

// Take takes the lock of a file, until release is called or the process ends. waiting is called
// where another one has it; the end of ctx ends the wait with its cause. The file stays: who
// removes one that another process waits for lets two in.
func Take(ctx context.Context, path string, waiting func()) (release func(), err error) {
	l := flock.New(path, flock.SetPermissions(0o600))
	return take(ctx, l, l.TryLock, l.TryLockContext, waiting)
}

// Share is Take of a lock that is shared with others of its kind.
func Share(ctx context.Context, path string, waiting func()) (release func(), err error) {
	l := flock.New(path, flock.SetPermissions(0o600))
	return take(ctx, l, l.TryRLock, l.TryRLockContext, waiting)
}

func take(ctx context.Context, l *flock.Flock, try func() (bool, error),
	wait func(context.Context, time.Duration) (bool, error), waiting func()) (release func(), err error) {
	free, err := try()
	if err == nil && !free {
		waiting()
		_, err = wait(ctx, 10*time.Millisecond)
	}
	if ctx.Err() != nil && err != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		_ = l.Close()
		return nil, err
	}
	return func() { _ = l.Close() }, nil
}
