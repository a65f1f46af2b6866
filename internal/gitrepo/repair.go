package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/tfops/tfops/internal/gitrepo/packs"
	"github.com/tfops/tfops/internal/gitrepo/snapshot"
)

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
	if err := snapshot.Init(fresh); err != nil {
		return "", err
	}
	next, err := m.clone(ctx, fresh, wanted)
	if err != nil {
		return "", err
	}
	next.Rescue(ctx, fresh, m.dir)
	if err := snapshot.Write(fresh, next); err != nil {
		next.CloseNew(nil)
		return "", err
	}
	err = m.now.Exchange(next, func() error {
		return m.ifInForce(func() (err error) {
			if aside, err = snapshot.MoveAside(m.dir); err == nil {
				err = os.Rename(fresh, m.dir)
			}
			if err == nil {
				err = packs.SyncPath(filepath.Dir(m.dir))
			}
			for _, p := range next.Packs { // they moved with it
				p.Moved(m.dir)
			}
			return err
		})
	})
	if err != nil {
		next.CloseNew(nil)
		return "", err
	}
	m.checked = true
	m.suspect.Store(false)
	return aside, nil
}

func (m *Mirror) clone(ctx context.Context, dir string, wanted []string) (*snapshot.View, error) {
	next, err := m.request(dir, nil, wanted).Get(ctx)
	var bad *packs.Damage
	if errors.As(err, &bad) { // of a clone that is seconds old: not ours
		return nil, fmt.Errorf("the remote sent an incomplete answer: %s", bad)
	}
	return next, err
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
