package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/tfops/tfops/internal/gitrepo/packs"
	"github.com/tfops/tfops/internal/gitrepo/remote"
)

// Fetched is what a fetch has to tell.
type Fetched struct {
	Repaired string // where a damaged mirror was moved to, before a new one took its place; empty when it was sound
	Reason   string // what was wrong with it
}

// Everything asks a Fetch for all branches and tags, followed or not.
const Everything = "*"

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
	m.mu.Lock()
	var open []*packs.Pack
	if m.cur != nil && !full {
		open = m.cur.packs
	}
	m.mu.Unlock()
	v, err := load(m.dir, open, full)
	if err != nil {
		return nil, err
	}
	if err := sweep(m.dir, v); err != nil {
		return nil, err
	}
	m.mu.Lock()
	m.install(v)
	m.mu.Unlock()
	m.checked = true
	m.suspect.Store(false)
	return v, nil
}

// update brings a sound mirror up to date. What it makes counts only once all
// of it is on disk.
func (m *Mirror) update(ctx context.Context, have *view, wanted []string) error {
	next, err := m.get(ctx, m.dir, have, wanted)
	if err != nil {
		return err
	}
	err = m.ifInForce(func() error { return writeMirror(m.dir, next) })
	if err != nil {
		next.closeNew(have)
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.install(next)
	return nil
}

// get brings what is missing into packs in dir, and returns the view that
// includes them. References on disk are not touched. have is nil for a new
// mirror. What it opened is closed again when it fails.
//
// A host that does not negotiate is asked for everything instead.
func (m *Mirror) get(ctx context.Context, dir string, have *view, wanted []string) (*view, error) {
	ask := request{dir: dir, have: have, wanted: wanted}
	next, err := m.talk(ctx, ask)
	if len(wanted) > 0 && errors.As(err, new(*remote.Refusal)) {
		ask.named = true
		next, err = m.talk(ctx, ask)
	}
	if have != nil && errors.As(err, new(*remote.Refusal)) {
		ask.whole = true
		next, err = m.talk(ctx, ask)
	}
	if err == nil && len(next.lateTags) > 0 && !next.whole { // of what has only now arrived
		ask.have = next
		if more, err := m.talk(ctx, ask); err == nil {
			return more, nil
		}
		// They are asked for once more by the next fetch: what has arrived counts.
	}
	return next, err
}

// request is what one conversation with the remote is for.
type request struct {
	dir    string
	have   *view
	wanted []string
	named  bool // ask for nothing but what references name
	whole  bool // tell the remote nothing of what is there
}

func (m *Mirror) talk(ctx context.Context, ask request) (*view, error) {
	src, err := remote.Connect(ctx, m.remote, m.at, m.http)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	adv, err := src.List(ctx)
	if err != nil {
		return nil, err
	}
	return m.grow(ctx, src, adv, ask)
}

// grow gets what is missing into a new pack.
func (m *Mirror) grow(ctx context.Context, src remote.Source, adv remote.Advert, ask request) (*view, error) {
	have := ask.have
	next := &view{head: defaultBranch(adv, have), seen: map[plumbing.Hash]time.Time{}}
	if have != nil {
		next.packs, next.whole = slices.Clone(have.packs), have.whole
		maps.Copy(next.seen, have.seen)
	}
	chosen := m.choose(adv, next, ask)
	want := chosen.missing(next, ask.whole)
	if len(want) > 0 {
		if err := next.bring(ctx, src, want, ask); err != nil {
			return nil, err
		}
	}
	next.refs, next.lateTags = chosen.refs, nil
	next.takeTags(adv)
	now := time.Now()
	for _, h := range slices.Concat(slices.Collect(maps.Values(next.refs)), chosen.ids) {
		if next.Has(h) {
			next.seen[h] = now
		}
	}
	return next, nil
}

// bring gets a pack with all that want needs, and puts it first.
func (v *view) bring(ctx context.Context, src remote.Source, want []plumbing.Hash, ask request) error {
	told := ask.have
	if ask.whole {
		told = nil
	}
	var have remote.Stock // a nil *view is not nil in it
	if told != nil {
		have = told
	}
	info, err := packs.Write(ctx, ask.dir, func(w io.Writer) error { return src.Pack(ctx, want, have, w) })
	if err != nil {
		return err
	}
	if info.Name == "" && told != nil {
		return &packs.Damage{What: "after a fetch, nothing new is there"} // see arrived
	}
	if info.Name == "" {
		return errors.New("the remote sent no objects for the references it named")
	}
	p, err := packs.Open(ask.dir, info)
	if err != nil {
		return err
	}
	old := v.packs
	v.whole = ask.whole || told != nil && told.sentAgain(p)
	v.packs = append([]*packs.Pack{p}, old...)
	if err := v.arrived(want); err != nil {
		p.Close()
		removePack(ask.dir, p.Name)
		return err
	}
	if v.whole { // or the mirror would grow by a whole repository each time
		v.packs = append([]*packs.Pack{p}, slices.DeleteFunc(slices.Clone(old), p.Covers)...)
	}
	return nil
}

// sentAgain reports whether a pack has a commit that the remote was told of: it
// did not heed that, and sent everything.
func (v *view) sentAgain(p *packs.Pack) bool {
	return slices.ContainsFunc(v.Haves(), p.Has)
}

// arrived checks that what was asked for is there, with its tree. If not,
// either the remote or what we told it to have is at fault: a fresh clone
// settles which.
func (v *view) arrived(want []plumbing.Hash) error {
	for _, h := range want {
		if !v.Has(h) {
			return &packs.Damage{What: fmt.Sprintf("after a fetch, %s is not there", h)}
		}
	}
	return v.complete(want)
}

func defaultBranch(adv remote.Advert, have *view) string {
	switch {
	case remote.ValidRef(adv.Head):
		return adv.Head
	case have != nil:
		return have.head
	}
	return "refs/heads/main"
}

// closeNew closes the packs that old does not have.
func (v *view) closeNew(old *view) {
	for _, p := range v.packs {
		if old == nil || !slices.Contains(old.packs, p) {
			p.Close()
		}
	}
}

// removePack removes the files of a pack. What cannot be removed now is swept
// before the next fetch.
func removePack(dir, name string) {
	for _, suffix := range []string{".idx", ".pack"} {
		_ = os.Remove(packs.Base(dir, name) + suffix)
	}
}
