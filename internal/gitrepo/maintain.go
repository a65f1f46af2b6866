package gitrepo

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/tfops/tfops/internal/gitrepo/packs"
	"github.com/tfops/tfops/internal/gitrepo/snapshot"
)

const (
	manyPacks = 20             // each fetch leaves one, and each makes every read slower
	keepSeen  = 24 * time.Hour // a head is kept so long after it was last seen: a run for it may be on its way
)

// Maintain makes one pack of many, once many have piled up; otherwise it does
// nothing. What goes into it: all that branches and tags need, all that any
// head needs that a fetch saw within the last day, and all that the commits in
// keep need (full ids; unknown ones are passed over). The rest is dropped, so
// keep must name every commit that a run may still be exported at.
//
// Call it now and then, daily or after some hundred fetches. Reads go on
// beside it; a fetch waits.
func (m *Mirror) Maintain(ctx context.Context, keep []string) error {
	if err := m.maintainModules(ctx); err != nil {
		return m.maintainFault(ctx, err)
	}
	done, err := m.write(ctx)
	if err != nil {
		return err
	}
	defer done()
	v, err := m.now.Acquire(m.dir)
	if errors.Is(err, fs.ErrNotExist) && !errors.As(err, new(*packs.Damage)) {
		return nil
	}
	if err != nil {
		return m.readFault(ctx, "reading its mirror", err)
	}
	defer m.now.Release(v)
	if len(v.Packs) <= manyPacks || m.suspect.Load() {
		return nil
	}
	next, err := v.Repack(ctx, m.dir, v.Recent(keep, time.Now().Add(-keepSeen)))
	if err != nil {
		return m.maintainFault(ctx, err)
	}
	m.now.Install(next)
	return m.maintainFault(ctx, snapshot.Sweep(m.dir, next)) // views of before have their packs open
}
