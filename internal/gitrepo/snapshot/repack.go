package snapshot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/tfops/tfops/internal/gitrepo/local"
	"github.com/tfops/tfops/internal/gitrepo/packs"
)

// Repack makes one pack in dir of all that references and seen need, and returns
// the view that has it.
func (v *View) Repack(ctx context.Context, dir string, seen map[plumbing.Hash]time.Time) (*View, error) {
	store := &local.Library{Packs: v.Packs} // which stay open for the views that have them
	next := &View{Refs: v.Refs, Head: v.Head, Whole: v.Whole, Seen: seen}
	walk := local.NewWalker(ctx, store)
	for _, h := range slices.Concat(slices.Collect(maps.Values(v.Refs)), slices.Collect(maps.Keys(next.Seen))) {
		if err := walk.Object(h); err != nil {
			return nil, err
		}
	}
	info, err := packs.Write(ctx, dir, func(w io.Writer) error { return local.Encode(ctx, w, store, *walk) })
	if err != nil {
		return nil, err
	}
	if info.Name != "" {
		p, err := packs.Open(dir, info)
		if err != nil {
			return nil, err
		}
		next.Packs = []*packs.Pack{p}
	}
	for _, h := range walk.Found {
		if !next.Has(h) {
			next.CloseNew(v)
			return nil, fmt.Errorf("object %s is not in the new pack", h)
		}
	}
	if err := Write(dir, next); err != nil {
		next.CloseNew(v)
		return nil, err
	}
	return next, nil
}

// Recent is the part of seen that is still to be kept: what a reference names,
// what is in keep, what was seen since; without what the mirror lacks.
func (v *View) Recent(keep []string, since time.Time) map[plumbing.Hash]time.Time {
	kept := map[plumbing.Hash]time.Time{}
	for h, t := range v.Seen {
		if t.After(since) && v.Has(h) {
			kept[h] = t
		}
	}
	for _, sha := range keep {
		h := plumbing.NewHash(sha)
		if _, ok := kept[h]; !ok && plumbing.IsHash(sha) && v.Has(h) {
			kept[h] = v.Seen[h]
		}
	}
	for _, h := range v.Refs {
		kept[h] = v.Seen[h]
	}
	return kept
}

// Rescue carries over into a view in dir superseded heads that a damaged mirror still
// has in full: no remote can give them again. It takes what can be had and leaves the
// rest: the runs that refer to those heads then say so.
func (v *View) Rescue(ctx context.Context, dir, damaged string) {
	st, err := readState(damaged)
	if err != nil {
		return
	}
	store := local.OpenLibrary(filepath.Join(damaged, "objects"))
	defer store.Close()
	for sha, seen := range st.Seen {
		h := plumbing.NewHash(sha)
		if ctx.Err() != nil {
			return
		}
		if !v.Has(h) && v.carryOver(ctx, dir, store, h) != nil {
			continue
		}
		if _, known := v.Seen[h]; !known {
			v.Seen[h] = seen
		}
	}
}

// carryOver copies one head with all that it needs, having read every object
// and compared it with its id first.
func (v *View) carryOver(ctx context.Context, dir string, store *local.Library, head plumbing.Hash) error {
	walk := local.NewWalker(ctx, store)
	walk.Skip = v.Has
	if err := walk.Object(head); err != nil {
		return err
	}
	for _, h := range walk.Found {
		obj, err := walk.Read(h)
		if err != nil {
			return err
		}
		r, err := obj.Reader()
		if err != nil {
			return err
		}
		id, err := packs.ObjectID(obj.Type(), obj.Size(), r)
		if err = errors.Join(err, r.Close()); err != nil {
			return err
		}
		if id != h {
			return fmt.Errorf("object %s has changed on disk", h)
		}
	}
	info, err := packs.Write(ctx, dir, func(w io.Writer) error { return local.Encode(ctx, w, store, *walk) })
	if err != nil || info.Name == "" {
		return err
	}
	p, err := packs.Open(dir, info)
	if err != nil {
		return err
	}
	v.Packs = append([]*packs.Pack{p}, v.Packs...)
	return nil
}
