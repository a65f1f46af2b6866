// Package trees reads the trees of commits: as a file system, as files in a
// directory, and for what differs between two. There is one rule for what is in
// them, so that all three agree.
//
// A tree comes from whoever may push: what must not become a file is left out of
// all that is made of it.
package trees

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

	"github.com/tfops/tfops/internal/gitrepo/packs"
	"github.com/tfops/tfops/internal/links"
)

// The modes that Git writes into trees.
const (
	modeTree    = 0o040000
	modeLink    = 0o120000
	ModeGitlink = 0o160000 // a submodule
	modeType    = 0o170000
	ModeRegular = 0o100000
)

// Entry is one line of a tree, exactly as it is stored: nothing is checked yet.
type Entry struct {
	Name string
	mode uint32
	Hash plumbing.Hash

	module bool // it is a submodule that is followed, and hash is its tree
}

// Kind is the type of the entry, without its permissions.
func (e Entry) Kind() uint32   { return e.mode & modeType }
func (e Entry) IsTree() bool   { return e.Kind() == modeTree }
func (e Entry) Missing() bool  { return e.mode == 0 }
func (e Entry) runnable() bool { return e.mode&0o111 != 0 }

// ParseTree reads the stored form of a tree: mode, space, name, NUL, 20 bytes.
func ParseTree(raw []byte) ([]Entry, error) {
	entries := make([]Entry, 0, len(raw)/40)
	for len(raw) > 0 {
		head, rest, ok := bytes.Cut(raw, []byte{0})
		mode, name, ok2 := strings.Cut(string(head), " ")
		if !ok || !ok2 || len(rest) < len(plumbing.Hash{}) {
			return nil, packs.ErrMalformed
		}
		m, err := strconv.ParseUint(mode, 8, 32)
		if err != nil || m == 0 {
			return nil, packs.ErrMalformed
		}
		e := Entry{Name: name, mode: uint32(m), Hash: plumbing.Hash(rest[:20])}
		entries, raw = append(entries, e), rest[20:]
	}
	return entries, nil
}

// Reader reads trees out of packs and remembers them. Where submodules are
// followed, each of them is a directory of the tree that it is in.
type Reader struct {
	packs []*packs.Pack
	known *treeCache
	sub   *Submodules // nil: none

	store storer.EncodedObjectStorer // in place of packs; nil: none
}

type treeCache struct {
	mu sync.Mutex
	m  map[plumbing.Hash][]Entry
}

func newTreeCache() *treeCache { return &treeCache{m: map[plumbing.Hash][]Entry{}} }

// New reads trees out of packs, with the submodules that are there.
func New(packs []*packs.Pack, sub *Submodules) Reader {
	return Reader{packs: packs, known: newTreeCache(), sub: sub}
}

func (t Reader) read(h plumbing.Hash) ([]Entry, error) {
	t.known.mu.Lock()
	entries, ok := t.known.m[h]
	t.known.mu.Unlock()
	if ok {
		return entries, nil
	}
	entries, err := t.Stored(h)
	if err != nil {
		return nil, err
	}
	for i, e := range entries {
		if t.sub == nil || e.Kind() != ModeGitlink {
			continue
		}
		if tree, ok := t.sub.Roots[e.Hash]; ok {
			entries[i] = Entry{Name: e.Name, mode: modeTree, Hash: tree, module: true}
		}
	}
	t.known.mu.Lock()
	t.known.m[h] = entries
	t.known.mu.Unlock()
	return entries, nil
}

// Stored reads a tree as it is stored: submodules are gitlinks.
func (t Reader) Stored(h plumbing.Hash) ([]Entry, error) {
	raw, err := t.content(h, plumbing.TreeObject)
	if err != nil {
		return nil, err
	}
	entries, err := ParseTree(raw)
	if err != nil {
		return nil, fmt.Errorf("tree %s: %w", h, err)
	}
	return entries, nil
}

// Pack is where an object is; nil when it is nowhere.
func (t Reader) Pack(h plumbing.Hash) *packs.Pack {
	if i := slices.IndexFunc(t.packs, func(p *packs.Pack) bool { return p.Has(h) }); i >= 0 {
		return t.packs[i]
	}
	return nil
}

// Object reads any object.
func (t Reader) Object(h plumbing.Hash) (plumbing.EncodedObject, error) {
	if t.store != nil {
		return t.store.EncodedObject(plumbing.AnyObject, h)
	}
	if p := t.Pack(h); p != nil {
		return p.Get(h)
	}
	return nil, fmt.Errorf("object %s: %w", h, plumbing.ErrObjectNotFound)
}

func (t Reader) content(h plumbing.Hash, kind plumbing.ObjectType) ([]byte, error) {
	obj, err := t.Object(h)
	if err != nil {
		return nil, err
	}
	return packs.Content(h, obj, kind)
}

// lookup finds a name in a tree; the zero entry when it is not there.
func (t Reader) lookup(tree plumbing.Hash, name string) (Entry, error) {
	entries, err := t.read(tree)
	if err != nil {
		return Entry{}, err
	}
	if i := slices.IndexFunc(entries, func(e Entry) bool { return e.Name == name }); i >= 0 {
		return entries[i], nil
	}
	return Entry{}, nil
}

// resolve walks a slash-separated path from the root as a kernel would, following
// symbolic links, the last one only if asked to. A name that is not there, or
// would not be in an export, stands for a directory that may appear later when
// lax, so that "gone/../../x" is seen to leave the tree; otherwise it ends the
// walk with fs.ErrNotExist.
func (t Reader) resolve(root plumbing.Hash, p string, follow, lax bool) (Entry, error) {
	at := &position{Reader: t, stack: []Entry{{mode: modeTree, Hash: root}}, lax: lax}
	err := links.Walk(at, p, follow)
	return at.here(), err
}

// position is a links.Place in a tree of Git's.
type position struct {
	Reader
	stack []Entry
	path  int // how long the path from the root is, in bytes
	lax   bool
}

func (p *position) here() Entry { return p.stack[len(p.stack)-1] }

func (p *position) Stay() error {
	if here := p.here(); p.lax || here.IsTree() || here.Kind() == ModeGitlink {
		return nil
	}
	return fs.ErrNotExist
}

func (p *position) Up() bool {
	if len(p.stack) == 1 {
		return false
	}
	p.path -= len(p.here().Name) + 1
	p.stack = p.stack[:len(p.stack)-1]
	return true
}

func (p *position) Enter(name string, follow bool) (target string, link bool, err error) {
	var e Entry
	if here := p.here(); here.IsTree() {
		if e, err = p.lookup(here.Hash, name); err != nil {
			return "", false, err
		}
	}
	if p.path+len(name) > MaxPath || unwritable(e) != "" {
		e = Entry{}
	}
	if e.Kind() == modeLink && follow {
		target, err = p.linkTarget(e)
		return target, true, err
	}
	if e.Missing() && !p.lax {
		return "", false, fs.ErrNotExist
	}
	e.Name = name
	p.stack = append(p.stack, e)
	p.path += len(name) + 1
	return "", false, nil
}

// linkTarget is what a symbolic link holds, whether it can be followed or not.
func (t Reader) linkTarget(e Entry) (string, error) {
	raw, err := t.content(e.Hash, plumbing.BlobObject)
	return string(raw), err
}

// Complete reports an object that a tree needs and that is not there. Trees that are
// done are not read again.
func (t Reader) Complete(tree plumbing.Hash, done map[plumbing.Hash]bool) error {
	if done[tree] {
		return nil
	}
	done[tree] = true
	raw, err := t.content(tree, plumbing.TreeObject)
	if err != nil {
		return err
	}
	entries, err := ParseTree(raw)
	if err != nil {
		return fmt.Errorf("tree %s: %w", tree, err)
	}
	var malformed error
	for _, e := range entries {
		switch {
		case e.IsTree():
			err = t.Complete(e.Hash, done)
		case e.Kind() != ModeGitlink && t.Pack(e.Hash) == nil:
			err = fmt.Errorf("object %s: %w", e.Hash, plumbing.ErrObjectNotFound)
		}
		if errors.Is(err, packs.ErrMalformed) { // what else is there must be whole all the same
			malformed, err = err, nil
		}
		if err != nil {
			return err
		}
	}
	return malformed
}

// Stored reads trees out of a store of objects.
func Stored(s storer.EncodedObjectStorer) Reader { return Reader{store: s, known: newTreeCache()} }
