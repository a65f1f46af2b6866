package gitrepo

import (
	"context"
	"errors"
	"io/fs"

	"github.com/tfops/tfops/internal/gitrepo/packs"
	"github.com/tfops/tfops/internal/gitrepo/remote"
)

// Fetched is what a fetch has to tell.
type Fetched struct {
	Repaired string // where a damaged mirror was moved to, before a new one took its place; empty when it was sound
	Reason   string // what was wrong with it
}

// Fetch makes the mirror's branches and tags those of the remote that are
// followed, whatever happened to them there, and brings the objects they need.
// Objects of earlier heads stay. A mirror found damaged is cloned again and
// moved aside. When Fetch fails, the mirror is as it was before.
//
// wanted names what is needed besides: a branch or a tag, HEAD, a full
// reference name, a commit id, or Everything. What the remote does not have, or
// does not give out, is passed over: Resolve says so. A name that was wanted
// counts as followed for an hour.
func (m *Mirror) Fetch(ctx context.Context, wanted ...string) (fetched Fetched, err error) {
	err = m.talking(ctx, func(ctx context.Context, m *Mirror) error {
		now, err := m.fetch(ctx, wanted)
		if now.Repaired != "" {
			fetched = now
		}
		return err
	})
	return fetched, err
}

func (m *Mirror) fetch(ctx context.Context, wanted []string) (Fetched, error) {
	done, err := m.write(ctx)
	if err != nil {
		return Fetched{}, err
	}
	defer done()
	have, err := m.inspect()
	if err == nil {
		err = m.update(ctx, have, wanted)
	}
	var bad *packs.Damage
	switch {
	case errors.As(err, &bad):
		where, err := m.replace(ctx, wanted)
		if err != nil {
			return Fetched{}, m.fetchFault(ctx, err)
		}
		return Fetched{Repaired: where, Reason: bad.Error()}, nil
	case errors.Is(err, fs.ErrNotExist):
		_, err = m.replace(ctx, wanted)
	}
	return Fetched{}, m.fetchFault(ctx, err)
}

// inspect loads the mirror from disk and checks it; once in each process, and
// whenever a read met damage, byte by byte.
func (m *Mirror) inspect() (*view, error) {
	full := !m.checked || m.suspect.Load()
	var open []*packs.Pack
	if !full {
		open = m.now.packs()
	}
	v, err := load(m.dir, open, full)
	if err != nil {
		return nil, err
	}
	if err := sweep(m.dir, v); err != nil {
		return nil, err
	}
	m.now.install(v)
	m.checked = true
	m.suspect.Store(false)
	return v, nil
}

// update brings a sound mirror up to date. What it makes counts only once all
// of it is on disk.
func (m *Mirror) update(ctx context.Context, have *view, wanted []string) error {
	next, err := m.request(m.dir, have, wanted).get(ctx)
	if err != nil {
		return err
	}
	err = m.ifInForce(func() error { return writeMirror(m.dir, next) })
	if err != nil {
		next.closeNew(have)
		return err
	}
	m.now.install(next)
	return nil
}

// request is what a fetch into dir is for.
func (m *Mirror) request(dir string, have *view, wanted []string) request {
	return request{
		connect: func(ctx context.Context) (remote.Source, error) { return remote.Connect(ctx, m.remote, m.at, m.http) },
		dir:     dir, have: have, wanted: wanted, follows: m.follows, asked: m.asked,
	}
}
