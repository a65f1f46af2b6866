package gitrepo

import (
	"context"
	"errors"
	"reflect"
	"sync"

	"github.com/tfops/tfops/internal/gitrepo/remote"
)

// inForce says which of the Mirrors of a directory talks to its remote: of those
// that were ever asked to, the newest.
type inForce struct {
	mu       sync.Mutex
	made     uint64 // the number of the newest Mirror, asked or not
	mirror   *Mirror
	replaced context.Context // done once another remote came into force
	replace  context.CancelFunc
}

// WithRemote is the same mirror with another remote: another URL, access, or
// way to read LFS and submodules. Nothing else changes until it is first asked
// for what the remote has, or to fetch; a configuration that never comes into
// force leaves no trace. From then on the remote is the one in force: fetches
// through the Mirrors made before are fetches from it. What they are at is
// ended and begun again, and nothing of an older remote is written any more.
// What they read, with LFS and submodules or without, stays as it was.
//
// Whatever was fetched stays, also when the new remote is another repository.
func (m *Mirror) WithRemote(r remote.Remote) (*Mirror, error) {
	other, err := newMirror(m.directory, r)
	if err != nil {
		return nil, err
	}
	m.force.mu.Lock()
	defer m.force.mu.Unlock()
	m.force.made++
	other.number = m.force.made
	return other, nil
}

var errReplaced = errors.New("another remote is in force now")

// enforce has a Mirror talk to its remote from now on, unless a newer one does,
// and returns the one that does.
func (m *Mirror) enforce() (*Mirror, context.Context) {
	f := &m.force
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mirror != nil && m.number <= f.mirror.number {
		return f.mirror, f.replaced
	}
	if f.mirror == nil || !f.mirror.sameRemote(m) {
		if f.replace != nil {
			f.replace()
		}
		f.replaced, f.replace = context.WithCancel(context.Background())
	}
	f.mirror = m
	return m, f.replaced
}

func (m *Mirror) sameRemote(other *Mirror) bool { return reflect.DeepEqual(m.remote, other.remote) }

// talking calls use with the Mirror whose remote is in force. When another
// remote comes into force meanwhile, use is ended and called with that one.
func (m *Mirror) talking(ctx context.Context, use func(context.Context, *Mirror) error) error {
	for {
		now, replaced := m.enforce()
		turn, cancel := context.WithCancel(ctx)
		stop := context.AfterFunc(replaced, cancel)
		err := use(turn, now)
		stop()
		cancel()
		if replaced.Err() == nil || ctx.Err() != nil {
			return err
		}
	}
}

// ifInForce calls write while the remote is in force, and no other one can come
// into force before it has ended.
func (m *Mirror) ifInForce(write func() error) error {
	m.force.mu.Lock()
	defer m.force.mu.Unlock()
	if !m.force.mirror.sameRemote(m) {
		return errReplaced
	}
	return write()
}
