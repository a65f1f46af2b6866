package gitrepo

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/storer"

	"github.com/tfops/tfops/internal/links"
)

// The modes that Git writes into trees.
const (
	modeTree    = 0o040000
	modeLink    = 0o120000
	modeGitlink = 0o160000 // a submodule
	modeType    = 0o170000
	modeRegular = 0o100000
)

// entry is one line of a tree, exactly as it is stored: nothing is checked yet.
type entry struct {
	name string
	mode uint32
	hash plumbing.Hash

	module bool // it is a submodule that is followed, and hash is its tree
}

func (e entry) kind() uint32   { return e.mode & modeType }
func (e entry) isTree() bool   { return e.kind() == modeTree }
func (e entry) missing() bool  { return e.mode == 0 }
func (e entry) runnable() bool { return e.mode&0o111 != 0 }

// parseTree reads the stored form of a tree: mode, space, name, NUL, 20 bytes.
func parseTree(raw []byte) ([]entry, error) {
	entries := make([]entry, 0, len(raw)/40)
	for len(raw) > 0 {
		head, rest, ok := bytes.Cut(raw, []byte{0})
		mode, name, ok2 := strings.Cut(string(head), " ")
		if !ok || !ok2 || len(rest) < len(plumbing.Hash{}) {
			return nil, errMalformed
		}
		m, err := strconv.ParseUint(mode, 8, 32)
		if err != nil || m == 0 {
			return nil, errMalformed
		}
		e := entry{name: name, mode: uint32(m), hash: plumbing.Hash(rest[:20])}
		entries, raw = append(entries, e), rest[20:]
	}
	return entries, nil
}

// trees reads trees out of packs and remembers them. Where submodules are
// followed, each of them is a directory of the tree that it is in.
type trees struct {
	packs []*pack
	known *treeCache
	sub   *mounted // nil: none

	store storer.EncodedObjectStorer // in place of packs; nil: none
}

type treeCache struct {
	mu sync.Mutex
	m  map[plumbing.Hash][]entry
}

func newTreeCache() *treeCache { return &treeCache{m: map[plumbing.Hash][]entry{}} }

// newTrees reads trees out of packs, with the submodules that are there.
func newTrees(packs []*pack, sub *mounted) trees {
	return trees{packs: packs, known: newTreeCache(), sub: sub}
}

func (t trees) read(h plumbing.Hash) ([]entry, error) {
	t.known.mu.Lock()
	entries, ok := t.known.m[h]
	t.known.mu.Unlock()
	if ok {
		return entries, nil
	}
	entries, err := t.stored(h)
	if err != nil {
		return nil, err
	}
	for i, e := range entries {
		if t.sub == nil || e.kind() != modeGitlink {
			continue
		}
		if tree, ok := t.sub.roots[e.hash]; ok {
			entries[i] = entry{name: e.name, mode: modeTree, hash: tree, module: true}
		}
	}
	t.known.mu.Lock()
	t.known.m[h] = entries
	t.known.mu.Unlock()
	return entries, nil
}

// stored reads a tree as it is stored: submodules are gitlinks.
func (t trees) stored(h plumbing.Hash) ([]entry, error) {
	raw, err := t.content(h, plumbing.TreeObject)
	if err != nil {
		return nil, err
	}
	entries, err := parseTree(raw)
	if err != nil {
		return nil, fmt.Errorf("tree %s: %w", h, err)
	}
	return entries, nil
}

// pack is where an object is; nil when it is nowhere.
func (t trees) pack(h plumbing.Hash) *pack {
	if i := slices.IndexFunc(t.packs, func(p *pack) bool { return p.has(h) }); i >= 0 {
		return t.packs[i]
	}
	return nil
}

func (t trees) object(h plumbing.Hash) (plumbing.EncodedObject, error) {
	if t.store != nil {
		return t.store.EncodedObject(plumbing.AnyObject, h)
	}
	if p := t.pack(h); p != nil {
		return p.get(h)
	}
	return nil, fmt.Errorf("object %s: %w", h, plumbing.ErrObjectNotFound)
}

func (t trees) content(h plumbing.Hash, kind plumbing.ObjectType) ([]byte, error) {
	obj, err := t.object(h)
	if err != nil {
		return nil, err
	}
	return contentOf(h, obj, kind)
}

// lookup finds a name in a tree; the zero entry when it is not there.
func (t trees) lookup(tree plumbing.Hash, name string) (entry, error) {
	entries, err := t.read(tree)
	if err != nil {
		return entry{}, err
	}
	if i := slices.IndexFunc(entries, func(e entry) bool { return e.name == name }); i >= 0 {
		return entries[i], nil
	}
	return entry{}, nil
}

// resolve walks a slash-separated path from the root as a kernel would, following
// symbolic links, the last one only if asked to. A name that is not there, or
// would not be in an export, stands for a directory that may appear later when
// lax, so that "gone/../../x" is seen to leave the tree; otherwise it ends the
// walk with fs.ErrNotExist.
func (t trees) resolve(root plumbing.Hash, p string, follow, lax bool) (entry, error) {
	at := &position{trees: t, stack: []entry{{mode: modeTree, hash: root}}, lax: lax}
	err := links.Walk(at, p, follow)
	return at.here(), err
}

// position is a links.Place in a tree of Git's.
type position struct {
	trees
	stack []entry
	path  int // how long the path from the root is, in bytes
	lax   bool
}

func (p *position) here() entry { return p.stack[len(p.stack)-1] }

func (p *position) Stay() error {
	if here := p.here(); p.lax || here.isTree() || here.kind() == modeGitlink {
		return nil
	}
	return fs.ErrNotExist
}

func (p *position) Up() bool {
	if len(p.stack) == 1 {
		return false
	}
	p.path -= len(p.here().name) + 1
	p.stack = p.stack[:len(p.stack)-1]
	return true
}

func (p *position) Enter(name string, follow bool) (target string, link bool, err error) {
	var e entry
	if here := p.here(); here.isTree() {
		if e, err = p.lookup(here.hash, name); err != nil {
			return "", false, err
		}
	}
	if p.path+len(name) > maxPath || unwritable(e) != "" {
		e = entry{}
	}
	if e.kind() == modeLink && follow {
		target, err = p.linkTarget(e)
		return target, true, err
	}
	if e.missing() && !p.lax {
		return "", false, fs.ErrNotExist
	}
	e.name = name
	p.stack = append(p.stack, e)
	p.path += len(name) + 1
	return "", false, nil
}

// linkTarget is what a symbolic link holds, whether it can be followed or not.
func (t trees) linkTarget(e entry) (string, error) {
	raw, err := t.content(e.hash, plumbing.BlobObject)
	return string(raw), err
}

func (t trees) complete(tree plumbing.Hash, done map[plumbing.Hash]bool) error {
	if done[tree] {
		return nil
	}
	done[tree] = true
	raw, err := t.content(tree, plumbing.TreeObject)
	if err != nil {
		return err
	}
	entries, err := parseTree(raw)
	if err != nil {
		return fmt.Errorf("tree %s: %w", tree, err)
	}
	var malformed error
	for _, e := range entries {
		switch {
		case e.isTree():
			err = t.complete(e.hash, done)
		case e.kind() != modeGitlink && t.pack(e.hash) == nil:
			err = fmt.Errorf("object %s: %w", e.hash, plumbing.ErrObjectNotFound)
		}
		if errors.Is(err, errMalformed) { // what else is there must be whole all the same
			malformed, err = err, nil
		}
		if err != nil {
			return err
		}
	}
	return malformed
}

// storedTrees reads trees out of a store of objects.
func storedTrees(s storer.EncodedObjectStorer) trees { return trees{store: s, known: newTreeCache()} }
