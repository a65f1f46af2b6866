package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/tfops/tfops/internal/gitrepo/local"
	"github.com/tfops/tfops/internal/gitrepo/packs"
)

const keepDamaged = 2 // older ones make room, or a failing disk would fill up with them

// replace clones the remote next to the mirror and puts the clone in its
// place. What stood there is moved aside, and where to is returned. The clone
// is whole before anything is moved, so a fetch that fails half way costs
// nothing.
func (m *Mirror) replace(ctx context.Context, wanted []string) (aside string, err error) {
	fresh := m.dir + ".new"
	if err := os.RemoveAll(fresh); err != nil { // left by an interrupted one
		return "", err
	}
	defer os.RemoveAll(fresh)
	if err := initMirror(fresh); err != nil {
		return "", err
	}
	next, err := m.clone(ctx, fresh, wanted)
	if err != nil {
		return "", err
	}
	m.rescue(ctx, fresh, next)
	if err := writeMirror(fresh, next); err != nil {
		next.closeNew(nil)
		return "", err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	err = m.ifInForce(func() error {
		if aside, err = m.moveAside(); err == nil {
			err = os.Rename(fresh, m.dir)
		}
		if err == nil {
			err = packs.SyncPath(filepath.Dir(m.dir))
		}
		return err
	})
	if err != nil {
		next.closeNew(nil)
		return "", err
	}
	for _, p := range next.packs { // they moved with it
		p.Moved(m.dir)
	}
	m.install(next)
	m.checked = true
	m.suspect.Store(false)
	return aside, nil
}

func (m *Mirror) clone(ctx context.Context, dir string, wanted []string) (*view, error) {
	next, err := m.get(ctx, dir, nil, wanted)
	var bad *packs.Damage
	if errors.As(err, &bad) { // of a clone that is seconds old: not ours
		return nil, fmt.Errorf("the remote sent an incomplete answer: %s", bad)
	}
	return next, err
}

// moveAside renames what is at the mirror's place, if anything.
func (m *Mirror) moveAside() (string, error) {
	if _, err := os.Lstat(m.dir); errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	old, err := filepath.Glob(globEscape(m.dir) + ".damaged-*")
	if err != nil {
		return "", err
	}
	slices.Sort(old) // by time, which is how their names end
	for len(old) >= keepDamaged {
		if err := os.RemoveAll(old[0]); err != nil {
			return "", err
		}
		old = old[1:]
	}
	aside := m.dir + ".damaged-" + time.Now().UTC().Format("20060102T150405.000000Z")
	return aside, os.Rename(m.dir, aside)
}

func globEscape(path string) string {
	var out []rune
	for _, r := range path {
		if slices.Contains([]rune(`*?[\`), r) {
			out = append(out, '\\')
		}
		out = append(out, r)
	}
	return string(out)
}

// rescue carries over superseded heads that the damaged mirror still has in
// full: no remote can give them again. It takes what can be had and leaves the
// rest: the runs that refer to those heads then say so.
func (m *Mirror) rescue(ctx context.Context, fresh string, next *view) {
	st, err := readState(m.dir)
	if err != nil {
		return
	}
	store := local.OpenLibrary(filepath.Join(m.dir, "objects"))
	defer store.Close()
	for sha, seen := range st.Seen {
		h := plumbing.NewHash(sha)
		if ctx.Err() != nil {
			return
		}
		if !next.Has(h) && carryOver(ctx, fresh, next, store, h) != nil {
			continue
		}
		if _, known := next.seen[h]; !known {
			next.seen[h] = seen
		}
	}
}

// carryOver copies one head with all that it needs, having read every object
// and compared it with its id first.
func carryOver(ctx context.Context, fresh string, next *view, store *local.Library, head plumbing.Hash) error {
	walk := local.NewWalker(ctx, store)
	walk.Skip = next.Has
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
	info, err := packs.Write(ctx, fresh, func(w io.Writer) error { return local.Encode(ctx, w, store, *walk) })
	if err != nil || info.Name == "" {
		return err
	}
	p, err := packs.Open(fresh, info)
	if err != nil {
		return err
	}
	next.packs = append([]*packs.Pack{p}, next.packs...)
	return nil
}
