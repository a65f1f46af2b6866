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
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/tfops/tfops/internal/fault"
)

// Fetched is what a fetch has to tell.
type Fetched struct {
	Repaired string // where a damaged mirror was moved to, before a new one took its place; empty when it was sound
	Reason   string // what was wrong with it
}

// Fetch makes the mirror's branches and tags those of the remote, whatever
// happened to them there, and brings the objects they need. Objects of earlier
// heads stay. A mirror found damaged is cloned again and moved aside. When
// Fetch fails, the mirror is as it was before.
func (m *Mirror) Fetch(ctx context.Context) (Fetched, error) {
	done, err := m.write(ctx)
	if err != nil {
		return Fetched{}, err
	}
	defer done()
	have, err := m.inspect()
	if err == nil {
		err = m.update(ctx, have)
	}
	var bad *damage
	switch {
	case errors.As(err, &bad):
		where, err := m.replace(ctx)
		if err != nil {
			return Fetched{}, m.fetchFault(ctx, err)
		}
		return Fetched{Repaired: where, Reason: bad.Error()}, nil
	case errors.Is(err, fs.ErrNotExist):
		_, err = m.replace(ctx)
	}
	return Fetched{}, m.fetchFault(ctx, err)
}

// fetchFault tells a failing disk of ours from a failing remote.
func (m *Mirror) fetchFault(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() == nil && strings.HasPrefix(failedPath(err), m.dir) {
		return fault.New(fault.Internal, "check that disk: its space, its rights, its health",
			"repository %q: what was fetched cannot be stored: %w", m.remote.Name, err)
	}
	return m.remote.netFault(ctx, err)
}

// failedPath is the file that an operation failed on; empty when it was none.
func failedPath(err error) string {
	var file *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &file):
		return file.Path
	case errors.As(err, &link):
		return link.Old
	}
	return ""
}

// inspect loads the mirror from disk and checks it; once in each process, and
// whenever a read met damage, byte by byte.
func (m *Mirror) inspect() (*view, error) {
	full := !m.checked || m.suspect.Load()
	m.mu.Lock()
	var open []*pack
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
func (m *Mirror) update(ctx context.Context, have *view) error {
	src, err := m.connect(ctx)
	if err != nil {
		return err
	}
	defer src.close()
	adv, err := src.list(ctx)
	if err != nil {
		return err
	}
	next, err := grow(ctx, m.dir, src, adv, have)
	if err != nil {
		return err
	}
	if err := writeMirror(m.dir, next); err != nil {
		next.closeNew(have)
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.install(next)
	return nil
}

// grow gets what is missing into a new pack in dir, and returns the view that
// includes it. References on disk are not touched. have is nil for a new mirror.
func grow(ctx context.Context, dir string, src source, adv advert, have *view) (*view, error) {
	next := &view{refs: adv.refs, head: defaultBranch(adv, have), seen: map[plumbing.Hash]time.Time{}}
	if have != nil {
		next.packs = slices.Clone(have.packs)
		maps.Copy(next.seen, have.seen)
	}
	now := time.Now()
	missing := map[plumbing.Hash]bool{}
	for _, h := range adv.refs {
		next.seen[h] = now
		if !next.has(h) {
			missing[h] = true
		}
	}
	if len(missing) == 0 {
		return next, nil
	}
	want := slices.Collect(maps.Keys(missing))
	info, err := writePack(dir, func(w io.Writer) error { return src.pack(ctx, want, have, w) })
	if err != nil {
		return nil, err
	}
	if info.Name == "" {
		return nil, errors.New("the remote sent no objects for the references it named")
	}
	p, err := openPack(dir, info)
	if err != nil {
		return nil, err
	}
	next.packs = append([]*pack{p}, next.packs...)
	if err := next.arrived(want); err != nil {
		p.file.Close()
		removePack(dir, p.name)
		return nil, err
	}
	return next, nil
}

// arrived checks that what was asked for is there, with its tree. If not,
// either the remote or what we told it to have is at fault: a fresh clone
// settles which.
func (v *view) arrived(want []plumbing.Hash) error {
	for _, h := range want {
		if !v.has(h) {
			return &damage{what: fmt.Sprintf("after a fetch, %s is not there", h)}
		}
	}
	return v.complete(want)
}

func defaultBranch(adv advert, have *view) string {
	switch {
	case validRef(adv.head):
		return adv.head
	case have != nil:
		return have.head
	}
	return "refs/heads/main"
}

// closeNew closes the packs that old does not have.
func (v *view) closeNew(old *view) {
	for _, p := range v.packs {
		if old == nil || !slices.Contains(old.packs, p) {
			p.file.Close()
		}
	}
}

// removePack removes the files of a pack. What cannot be removed now is swept
// before the next fetch.
func removePack(dir, name string) {
	for _, suffix := range []string{".idx", ".pack"} {
		_ = os.Remove(packBase(dir, name) + suffix)
	}
}
