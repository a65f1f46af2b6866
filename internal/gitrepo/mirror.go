package gitrepo

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"net/http"
	"path"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/gitrepo/history"
	"github.com/tfops/tfops/internal/gitrepo/packs"
	"github.com/tfops/tfops/internal/gitrepo/remote"
	"github.com/tfops/tfops/internal/gitrepo/snapshot"
	"github.com/tfops/tfops/internal/gitrepo/submodules"
	"github.com/tfops/tfops/internal/gitrepo/trees"
)

// Mirror is a bare mirror of one remote in one directory. It is safe for
// concurrent use: fetches take turns, reads go on beside them. A directory is
// opened once in the life of a process; WithRemote is for a remote that changes.
//
// Heads and Fetch end when their context does, whatever the remote does; they
// have no time limit of their own, so give the context a deadline. Every error
// is a *fault.Error that carries no secret: Unavailable when it may pass,
// Forbidden or Invalid when the configuration or the remote must change first.
type Mirror struct {
	*directory
	remote remote.Remote
	at     remote.Address
	http   http.RoundTripper // for http and https
	number uint64            // of the Mirrors of this directory

	follow  atomic.Pointer[func(branch string) bool]
	tagged  atomic.Pointer[func(tag string) bool]
	modules modules // of its submodules
	history history.Cache
}

// directory is what the Mirrors of one directory share.
type directory struct {
	dir string

	writing chan struct{} // holds one token: whoever has it may write
	suspect atomic.Bool   // a read met damage: the next fetch checks every byte

	checked bool                 // every byte was checked in this process; guarded by writing
	asked   map[string]time.Time // full names that a fetch was asked for; guarded by writing

	now        snapshot.Holder
	force      inForce
	submodules moduleMirrors
}

// Open returns the mirror of a remote in dir, which is made by the first
// Fetch. It checks the remote's URL and does nothing else.
func Open(dir string, r remote.Remote) (*Mirror, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fault.New(fault.Internal, "", "the directory of the mirror of repository %q: %w", r.Name, err)
	}
	return newMirror(&directory{dir: abs, writing: make(chan struct{}, 1), asked: map[string]time.Time{}}, r)
}

func newMirror(d *directory, r remote.Remote) (*Mirror, error) {
	at, err := r.Parse()
	if err != nil {
		return nil, err
	}
	for _, a := range r.Submodules.Access {
		if _, err := submodules.Prefix(a); err != nil {
			return nil, err
		}
	}
	rt, err := r.Transport(at)
	if err != nil {
		return nil, err
	}
	return &Mirror{directory: d, remote: r, at: at, http: rt}, nil
}

// Close waits for a running fetch and lets go of the open files. The mirror can
// be used again afterwards.
func (m *Mirror) Close() error {
	m.writing <- struct{}{}
	defer func() { <-m.writing }()
	m.submodules.mu.Lock()
	for _, sub := range m.submodules.open {
		_ = sub.Close() // it never fails
	}
	m.submodules.mu.Unlock()
	m.now.Drop()
	return nil
}

// write waits for its turn to write; the caller calls the returned function
// when it is done.
func (m *Mirror) write(ctx context.Context) (func(), error) {
	select {
	case m.writing <- struct{}{}:
		return func() { <-m.writing }, nil
	case <-ctx.Done():
		return nil, m.remote.Fault(ctx, ctx.Err())
	}
}

// read takes the current view for a read; the caller calls the returned
// function when it is done.
func (m *Mirror) read() (*snapshot.View, func(), error) {
	v, err := m.now.Acquire(m.dir)
	if errors.Is(err, fs.ErrNotExist) && !errors.As(err, new(*packs.Damage)) {
		return nil, nil, m.notFetched()
	}
	if err != nil {
		return nil, nil, m.readFault(context.Background(), "reading its mirror", err)
	}
	return v, func() { m.now.Release(v) }, nil
}

// ask asks the remote in force which refs it has.
func (m *Mirror) ask(ctx context.Context) (adv remote.Advert, err error) {
	err = m.talking(ctx, func(ctx context.Context, m *Mirror) (err error) {
		adv, err = m.list(ctx)
		return err
	})
	return adv, err
}

func (m *Mirror) list(ctx context.Context) (remote.Advert, error) {
	src, err := remote.Connect(ctx, m.remote, m.at, m.http)
	if err != nil {
		return remote.Advert{}, m.remote.Fault(ctx, err)
	}
	defer src.Close()
	adv, err := src.List(ctx)
	if err != nil {
		return remote.Advert{}, m.remote.Fault(ctx, err)
	}
	return adv, nil
}

// Heads asks the remote for its branches and the commits they are at. An empty
// repository has none. Nothing is stored.
func (m *Mirror) Heads(ctx context.Context) (map[string]string, error) {
	adv, err := m.ask(ctx)
	if err != nil {
		return nil, err
	}
	heads := map[string]string{}
	for name, h := range adv.Refs {
		if branch, ok := strings.CutPrefix(name, "refs/heads/"); ok {
			heads[branch] = h.String()
		}
	}
	return heads, nil
}

// Head asks the remote which commit a branch is at. Nothing is stored.
func (m *Mirror) Head(ctx context.Context, branch string) (string, error) {
	adv, err := m.ask(ctx)
	if err != nil {
		return "", err
	}
	h, ok := adv.Refs[remote.Branches+branch]
	if !ok {
		return "", fault.New(fault.NotFound, "push it", "branch %s is not in repository %q", branch, m.remote.Name)
	}
	return h.String(), nil
}

// Tags asks the remote for its tags and what they are tags of; commits, unless
// somebody tagged something else. Nothing is stored.
func (m *Mirror) Tags(ctx context.Context) (map[string]string, error) {
	adv, err := m.ask(ctx)
	if err != nil {
		return nil, err
	}
	found := map[string]string{}
	for name, h := range adv.Refs {
		if tag, ok := strings.CutPrefix(name, remote.Tags); ok {
			found[tag] = cmp.Or(adv.Peeled[name], h).String()
		}
	}
	return found, nil
}

// Note says what people should know of how the repository is fetched; empty for
// nothing.
func (m *Mirror) Note() string {
	v, done, err := m.read()
	if err != nil {
		return ""
	}
	defer done()
	if missing := m.lacking(); len(missing) > 0 {
		what := "submodule "
		if path.Base(missing[0].Path) == trees.ModulesFile {
			what = "" // the file that names them
		}
		return what + missing[0].Path + " " + missing[0].Why
	}
	if v.Whole {
		return "its host does not negotiate what to send: each new commit brings the whole repository again"
	}
	return ""
}

// Has reports whether the commit of that full id can be read from the mirror
// without a fetch. It is false while the mirror is known to be damaged.
func (m *Mirror) Has(sha string) bool {
	if m.suspect.Load() || !plumbing.IsHash(sha) {
		return false
	}
	v, done, err := m.read()
	if err != nil {
		return false
	}
	defer done()
	obj, err := v.Object(plumbing.NewHash(sha))
	return err == nil && obj.Type() == plumbing.CommitObject
}

// tree is the root tree of a commit given by its full id.
func (m *Mirror) tree(ctx context.Context, v *snapshot.View, sha string) (plumbing.Hash, error) {
	h, err := m.fullID(sha)
	if err != nil {
		return h, err
	}
	if !v.Has(h) {
		return h, m.unknownCommit(sha)
	}
	c, err := v.Commit(h)
	if err != nil {
		return h, m.readFault(ctx, "reading commit "+sha, err)
	}
	return c.TreeHash, nil
}

func (m *Mirror) fullID(sha string) (plumbing.Hash, error) {
	if !plumbing.IsHash(sha) {
		return plumbing.ZeroHash,
			fault.New(fault.Invalid, "use the full commit id of 40 hexadecimal digits", "%q is not a full commit id",
				sha)
	}
	return plumbing.NewHash(sha), nil
}
