package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/tfops/tfops/internal/gitrepo/local"
	"github.com/tfops/tfops/internal/gitrepo/packs"
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
	v, err := m.acquire()
	if errors.Is(err, fs.ErrNotExist) && !errors.As(err, new(*packs.Damage)) {
		return nil
	}
	if err != nil {
		return m.readFault(ctx, "reading its mirror", err)
	}
	defer m.release(v)
	if len(v.packs) <= manyPacks || m.suspect.Load() {
		return nil
	}
	if err := m.repack(ctx, v, keep); err != nil {
		return m.maintainFault(ctx, err)
	}
	return nil
}

func (m *Mirror) repack(ctx context.Context, v *view, keep []string) error {
	store := &local.Library{Packs: v.packs} // which stay open for the views that have them
	next := &view{refs: v.refs, head: v.head, whole: v.whole, seen: v.recent(keep, time.Now())}
	walk := local.NewWalker(ctx, store)
	for _, h := range slices.Concat(slices.Collect(maps.Values(v.refs)), slices.Collect(maps.Keys(next.seen))) {
		if err := walk.Object(h); err != nil {
			return err
		}
	}
	info, err := packs.Write(ctx, m.dir, func(w io.Writer) error { return local.Encode(ctx, w, store, *walk) })
	if err != nil {
		return err
	}
	if info.Name != "" {
		p, err := packs.Open(m.dir, info)
		if err != nil {
			return err
		}
		next.packs = []*packs.Pack{p}
	}
	for _, h := range walk.Found {
		if !next.Has(h) {
			next.closeNew(v)
			return fmt.Errorf("object %s is not in the new pack", h)
		}
	}
	if err := writeMirror(m.dir, next); err != nil {
		next.closeNew(v)
		return err
	}
	m.mu.Lock()
	m.install(next)
	m.mu.Unlock()
	return sweep(m.dir, next) // views of before have their packs open
}

// recent is the part of seen that is still to be kept: what a reference names,
// what is in keep, what was seen lately; without what the mirror lacks.
func (v *view) recent(keep []string, now time.Time) map[plumbing.Hash]time.Time {
	kept := map[plumbing.Hash]time.Time{}
	for h, t := range v.seen {
		if now.Sub(t) < keepSeen && v.Has(h) {
			kept[h] = t
		}
	}
	for _, sha := range keep {
		h := plumbing.NewHash(sha)
		if _, ok := kept[h]; !ok && plumbing.IsHash(sha) && v.Has(h) {
			kept[h] = v.seen[h]
		}
	}
	for _, h := range v.refs {
		kept[h] = v.seen[h]
	}
	return kept
}
