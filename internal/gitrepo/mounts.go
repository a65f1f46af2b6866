package gitrepo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/gitrepo/packs"
	"github.com/tfops/tfops/internal/gitrepo/remote"
	"github.com/tfops/tfops/internal/gitrepo/snapshot"
	"github.com/tfops/tfops/internal/gitrepo/submodules"
	"github.com/tfops/tfops/internal/gitrepo/trees"
)

// mounts are the submodules of a commit that is looked at, and where they are read.
type mounts struct {
	trees.Submodules
	mirrors []*Mirror
}

// moduleMirrors are the mirrors of a repository's submodules.
type moduleMirrors struct {
	mu   sync.Mutex         // guards the modules of the Mirrors of this directory, too
	open map[string]*Mirror // by directory; of Mirrors that differ in their remote, the newest
}

// modules are what one Mirror reads submodules with.
type modules struct {
	open    map[string]*Mirror        // by directory
	brought map[string]broughtModules // by commit
}

type broughtModules struct {
	missing []trees.MissingSubmodule
	at      time.Time
}

const (
	submoduleTimeout = 30 * time.Minute    // for all of a commit
	bringAgain       = 20 * time.Second    // after some could not be had
	moduleRest       = 30 * 24 * time.Hour // a mirror that nobody used for so long is removed
	maxBrought       = 64
)

// Submodules brings the submodules of a commit that is in the mirror, where they
// are followed: Tree and Changed have their files from then on. It returns those
// that are missing. What is missing is asked for again now and then.
func (m *Mirror) Submodules(ctx context.Context, sha string) ([]trees.MissingSubmodule, error) {
	if !m.remote.Submodules.On {
		return nil, nil
	}
	m.submodules.mu.Lock()
	b, ok := m.modules.brought[sha]
	m.submodules.mu.Unlock()
	if ok && (len(b.missing) == 0 || time.Since(b.at) < bringAgain) {
		return b.missing, nil
	}
	v, done, err := m.read()
	if err != nil {
		return nil, err
	}
	defer done()
	_, found, err := m.mounted(ctx, v, sha, true)
	if err != nil {
		return nil, err
	}
	m.submodules.mu.Lock()
	defer m.submodules.mu.Unlock()
	if m.modules.brought == nil || len(m.modules.brought) >= maxBrought {
		m.modules.brought = map[string]broughtModules{}
	}
	m.modules.brought[sha] = broughtModules{found.Missing, time.Now()}
	return found.Missing, nil
}

// lacking are the missing submodules of the commit that was looked at last.
func (m *Mirror) lacking() []trees.MissingSubmodule {
	m.submodules.mu.Lock()
	defer m.submodules.mu.Unlock()
	var last broughtModules
	for _, b := range m.modules.brought {
		if b.at.After(last.at) {
			last = b
		}
	}
	return last.missing
}

// mounting finds the submodules of a commit.
type mounting struct {
	*mounts
	m     *Mirror
	fetch bool
	count int
	todo  []mountPoint
	done  []func() // lets go of what was read
}

// mountPoint is a repository whose submodules are to be found: the root, or a submodule.
type mountPoint struct {
	path  string // empty for the root
	at    remote.Address
	depth int
	from  trees.Reader
	tree  plumbing.Hash
	above []plumbing.Hash // the trees that lead to it
}

// mounted is the tree of a commit with its submodules; see mount.
func (m *Mirror) mounted(ctx context.Context, v *snapshot.View, sha string, fetch bool) (root plumbing.Hash,
	sub *mounts, err error) {
	if root, err = m.tree(ctx, v, sha); err != nil {
		return root, nil, err
	}
	sub, err = m.mount(ctx, v, root, fetch)
	return root, sub, m.readFault(ctx, "reading the submodules of commit "+sha, err)
}

// mount finds the submodules of a tree, and fetches what is not there if asked
// to. A submodule that cannot be had is told, and is no error.
func (m *Mirror) mount(ctx context.Context, v *snapshot.View, root plumbing.Hash, fetch bool) (*mounts, error) {
	w := &mounting{m: m, fetch: fetch, mounts: &mounts{Submodules: trees.NewSubmodules(m.remote.Submodules.On)}}
	if !m.remote.Submodules.On {
		return w.mounts, nil
	}
	defer func() {
		for _, done := range w.done {
			done()
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, submoduleTimeout)
	defer cancel()
	w.todo = []mountPoint{{at: m.at, from: trees.New(v.Packs, nil), tree: root}}
	for len(w.todo) > 0 {
		p := w.todo[0]
		w.todo = w.todo[1:]
		if err := w.point(ctx, p); err != nil {
			return nil, err
		}
	}
	w.Seal()
	return w.mounts, nil
}

// point finds the submodules of one repository.
func (w *mounting) point(ctx context.Context, p mountPoint) error {
	entries, err := submodules.Of(p.from, p.tree)
	if err != nil {
		if errors.Is(err, plumbing.ErrObjectNotFound) {
			return err // damage of the mirror
		}
		w.lack(path.Join(p.path, trees.ModulesFile), submodules.Refuse("mend the file, and push", "cannot be read: %v",
			err))
		return nil
	}
	for _, e := range entries {
		if e.Wrong != nil && (e.Path == "" || submodules.Climbs(e.Path)) {
			w.lack(path.Join(p.path, trees.ModulesFile),
				submodules.Refuse("mend the file, and push", "names a submodule that %v", e.Wrong))
			continue
		}
		link, above, err := submodules.Gitlink(p.from, p.tree, e.Path)
		if err != nil {
			return err
		}
		if link.Missing() {
			continue // it was removed, and its entry is left
		}
		above = slices.Concat(p.above, above)
		for _, h := range above {
			w.Mixed[h] = true
		}
		full := path.Join(p.path, e.Path)
		w.URLs[full] = e.URL
		err = w.follow(ctx, p, e, mountPoint{path: full, depth: p.depth + 1, above: above}, link.Hash)
		if ctx.Err() != nil && context.Cause(ctx) == context.Canceled {
			return err
		}
		if err != nil {
			w.lack(full, err)
		}
	}
	return nil
}

// follow mounts one submodule, and leaves its own ones to be found.
func (w *mounting) follow(ctx context.Context, from mountPoint, e submodules.Entry, to mountPoint,
	commit plumbing.Hash) error {
	w.count++
	switch {
	case e.Wrong != nil:
		return e.Wrong
	case w.count > submodules.Max:
		return submodules.Refuse("have fewer of them", "is one of more than %d submodules", submodules.Max)
	case to.depth > submodules.MaxDepth:
		return submodules.Refuse("put it higher up", "is a submodule within %d others", submodules.MaxDepth)
	}
	var err error
	if to.at, err = submodules.Address(from.at, e.URL); err != nil {
		return err
	}
	sub, err := w.m.module(to.at)
	if err != nil {
		return err
	}
	if err := sub.bring(ctx, commit.String(), w.fetch); err != nil {
		return err
	}
	v, done, err := sub.read()
	if err != nil {
		return err
	}
	w.done = append(w.done, done)
	c, err := v.Commit(commit)
	if err != nil {
		return sub.readFault(ctx, "reading commit "+commit.String(), err)
	}
	w.Roots[commit] = c.TreeHash
	w.Paths = append(w.Paths, to.path)
	if !slices.Contains(w.mirrors, sub) {
		w.mirrors = append(w.mirrors, sub)
	}
	to.from, to.tree = trees.New(v.Packs, nil), c.TreeHash
	w.todo = append(w.todo, to)
	return nil
}

// lack notes that a submodule is not there.
func (w *mounting) lack(p string, err error) {
	missing := trees.MissingSubmodule{Path: p, Why: err.Error(), Next: fault.Next(err)}
	var refused *submodules.Refused
	if errors.As(err, &refused) {
		missing.Next = refused.Next
	} else {
		missing.Why, missing.Passing = "cannot be fetched: "+missing.Why, true
	}
	w.Missing = append(w.Missing, missing)
}

// bring has a submodule's commit in its mirror: by its id where the host gives
// it, or else with all that the host has.
func (m *Mirror) bring(ctx context.Context, sha string, ask bool) error {
	if m.Has(sha) {
		return nil
	}
	if !ask {
		return fault.New(fault.Unavailable, "tfops poll "+m.remote.Name,
			"repository %q: commit %s of %s has not been fetched yet", m.remote.Name, sha, m.at.Display())
	}
	for _, wanted := range []string{sha, Everything} {
		if _, err := m.Fetch(ctx, wanted); err != nil {
			return err
		}
		if m.Has(sha) {
			return nil
		}
	}
	return fault.New(fault.NotFound, "push that commit there, or commit the submodule at one that is there",
		"%s has no commit %s", m.at.Display(), sha)
}

// module is the mirror of a submodule that is at an address.
func (m *Mirror) module(at remote.Address) (*Mirror, error) {
	remote, err := submodules.Remote(m.remote, m.at, at, filepath.Dir(m.dir))
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(remote.URL))
	dir := filepath.Join(m.dir, "modules", hex.EncodeToString(sum[:12])+".git")
	m.submodules.mu.Lock()
	defer m.submodules.mu.Unlock()
	sub := m.modules.open[dir]
	if sub == nil {
		if sub, err = m.openModule(dir, remote); err != nil {
			return nil, err
		}
	}
	_ = os.Chtimes(dir, time.Time{}, time.Now()) // for maintainModules; a wrong guess costs a fetch
	return sub, nil
}

// openModule opens the mirror of a submodule, or takes the one that is open
// with another remote. The caller holds submodules.mu.
func (m *Mirror) openModule(dir string, r remote.Remote) (sub *Mirror, err error) {
	known := m.submodules.open[dir]
	if known == nil {
		sub, err = Open(dir, r)
	} else {
		sub, err = newMirror(known.directory, r)
	}
	if err != nil {
		return nil, err
	}
	sub.number = m.number
	sub.Follow(func(string) bool { return false }) // nothing but the commits that are asked for
	if m.modules.open == nil {
		m.modules.open = map[string]*Mirror{}
	}
	m.modules.open[dir] = sub
	if m.submodules.open == nil {
		m.submodules.open = map[string]*Mirror{}
	}
	if known == nil || known.number < sub.number {
		m.submodules.open[dir] = sub
	}
	return sub, nil
}

// maintainModules is Maintain for the mirrors of submodules. All commits that
// were ever asked for are kept: no branch may have them any more. What nobody
// used for long is removed as a whole.
func (m *Mirror) maintainModules(ctx context.Context) error {
	dirs, err := filepath.Glob(filepath.Join(globEscape(m.dir), "modules", "*.git"))
	for _, dir := range dirs {
		info, serr := os.Stat(dir)
		m.submodules.mu.Lock()
		sub := m.submodules.open[dir]
		if serr == nil && time.Since(info.ModTime()) > moduleRest && sub == nil {
			err = errors.Join(err, os.RemoveAll(dir))
		}
		m.submodules.mu.Unlock()
		if sub == nil {
			continue
		}
		keep := []string{}
		if v, done, rerr := sub.read(); rerr == nil {
			for h := range v.Seen {
				keep = append(keep, h.String())
			}
			done()
		}
		err = errors.Join(err, sub.Maintain(ctx, keep))
	}
	return err
}

// lease takes the packs of the submodules that are there now; the caller calls
// the returned function when it is done.
func (s *mounts) lease() (packs []*packs.Pack, release func()) {
	var all []func()
	for _, sub := range s.mirrors {
		if v, done, err := sub.read(); err == nil {
			packs, all = append(packs, v.Packs...), append(all, done)
		}
	}
	return packs, func() {
		for _, done := range all {
			done()
		}
	}
}
