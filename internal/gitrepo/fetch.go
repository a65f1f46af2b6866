package gitrepo

import (
	"context"
	"errors"
	"io/fs"

	"github.com/tfops/tfops/internal/gitrepo/fetch"
	"github.com/tfops/tfops/internal/gitrepo/packs"
	"github.com/tfops/tfops/internal/gitrepo/remote"
	"github.com/tfops/tfops/internal/gitrepo/snapshot"
)

// Fetched is what a fetch has to tell.
type Fetched struct {
	Repaired string // where a damaged mirror was moved to, before a new one took its place; empty when it was sound
	Reason   string // what was wrong with it
}

// Everything asks a Fetch for all branches and tags, followed or not.
const Everything = fetch.Everything

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
func (m *Mirror) inspect() (*snapshot.View, error) {
	full := !m.checked || m.suspect.Load()
	var open []*packs.Pack
	if !full {
		open = m.now.Packs()
	}
	v, err := snapshot.Load(m.dir, open, full)
	if err != nil {
		return nil, err
	}
	if err := snapshot.Sweep(m.dir, v); err != nil {
		return nil, err
	}
	m.now.Install(v)
	m.checked = true
	m.suspect.Store(false)
	return v, nil
}

// update brings a sound mirror up to date. What it makes counts only once all
// of it is on disk.
func (m *Mirror) update(ctx context.Context, have *snapshot.View, wanted []string) error {
	next, err := m.request(m.dir, have, wanted).Get(ctx)
	if err != nil {
		return err
	}
	err = m.ifInForce(func() error { return snapshot.Write(m.dir, next) })
	if err != nil {
		next.CloseNew(have)
		return err
	}
	m.now.Install(next)
	return nil
}

// request is what a fetch into dir is for.
func (m *Mirror) request(dir string, have *snapshot.View, wanted []string) fetch.Request {
	return fetch.Request{
		Connect: func(ctx context.Context) (remote.Source, error) {
			return remote.Connect(ctx, m.remote, m.at, m.http)
		},
		Dir: dir, Have: have, Wanted: wanted, Follows: m.follows, Asked: m.asked,
	}
}
