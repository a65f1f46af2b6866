package reach

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/tfops/tfops/internal/links"
	"github.com/tfops/tfops/internal/rootmodule"
)

// fileKind is how a file is read.
type fileKind byte

const (
	code fileKind = iota
	codeJSON
	values
	valuesJSON
	template
	dataJSON // decoded by the code
	dataYAML
	dataCSV
	versions
)

// node is a directory with all that is in it. A node says nothing of where it
// lies and never changes, so that graphs share those of equal directories.
type node struct {
	hash   string // "" when the file system does not say
	files  []leaf // sorted by name
	dirs   []child
	all    *module // of either engine's files; nil: it has no code
	plain  *module // as Terraform sees it
	linked bool    // some file of the code is a symbolic link: modules are made where the node lies
	links  bool    // there is a symbolic link in it, or below it
	count  int     // of entries in it and below it
	isCut  bool    // something below it is left out
	done   bool    // it is whole, and changes no more
}

// leaf is a file, a symbolic link or a submodule.
type leaf struct {
	name   string
	hash   string
	target string // of a symbolic link
	link   bool
	facts  *facts // of a file of code
}

type child struct {
	name string
	node *node
}

func (n *node) dir(name string) *node {
	if i, ok := slices.BinarySearchFunc(n.dirs, name,
		func(c child, s string) int { return strings.Compare(c.name, s) }); ok {
		return n.dirs[i].node
	}
	return nil
}

func (n *node) file(name string) *leaf {
	if i, ok := slices.BinarySearchFunc(n.files, name,
		func(l leaf, s string) int { return strings.Compare(l.name, s) }); ok {
		return &n.files[i]
	}
	return nil
}

// at is the directory of a clean path without symbolic links; nil when it is
// not there.
func (n *node) at(dir string) *node {
	if dir == "." {
		return n
	}
	for name := range strings.SplitSeq(dir, "/") {
		if n = n.dir(name); n == nil {
			return nil
		}
	}
	return n
}

// leaf is the file of a clean path without symbolic links on the way.
func (n *node) leafAt(p string) *leaf {
	if n = n.at(path.Dir(p)); n == nil {
		return nil
	}
	return n.file(path.Base(p))
}

// resolve follows the symbolic links of a path, as tree.resolve does.
func (n *node) resolve(p string) (real string, way []string, err error) {
	if clean := path.Clean(p); (clean == p || !n.links) && !path.IsAbs(p) && n.straight(clean) {
		if !inside(clean) {
			return "", nil, links.ErrOutside
		}
		return clean, nil, nil
	}
	return resolve(p, func(p string) (string, bool, error) {
		l := n.leafAt(p)
		if l == nil || !l.link {
			return "", false, nil
		}
		if l.target == "" {
			return "", true, errors.New("is a symbolic link, which cannot be read here")
		}
		return l.target, true, nil
	})
}

// straight reports whether no symbolic link is on the way of a clean path.
func (n *node) straight(p string) bool {
	for n != nil && n.links && p != "" {
		name, rest, _ := strings.Cut(p, "/")
		if f := n.file(name); f != nil && f.link {
			return false
		}
		n, p = n.dir(name), rest
	}
	return true
}

// The file system of a tree that knows its content by hashes implements
// hashedTree, and its entries hashed. What has the same hash is not read again.
type (
	hashedTree interface {
		// TreeHash names the content of a directory with all that is in it.
		TreeHash(dir string) (hash string, ok bool)
	}
	hashed interface {
		// Hash names the content of an entry of a directory.
		Hash() string
	}
)

// scan reads one tree into nodes.
type scan struct {
	fs     fs.FS
	links  fs.ReadLinkFS // nil: symbolic links cannot be read
	known  *memory
	here   map[string]*node // directories of this tree by hash: what is there twice is read once
	work   sync.WaitGroup
	busy   chan struct{} // bounds what is read at once
	kept   kept
	enough func() bool  // of Prepare: whether the rest is left for later; nil: nothing is
	bytes  atomic.Int64 // of the files that were read

	mu   sync.Mutex
	err  error    // the first of reading; nothing is remembered then
	used []*facts // of files that no node holds, as those of variables: memory does not
}

// atOnce is how many files are read and parsed at once.
const atOnce = 4

func newScan(fsys fs.FS, known *memory) *scan {
	links, _ := fsys.(fs.ReadLinkFS)
	return &scan{fs: fsys, links: links, known: known, here: map[string]*node{}, busy: make(chan struct{}, atOnce)}
}

// A few small trees that name each other many times stand for any number of files, and a
// directory can lie in itself a million times. Neither is ever exported (see
// gitrepo.Export), and walking them would take the daemon all of its memory.
const (
	maxEntries = 1_000_000
	maxPath    = 3584 // bytes
)

var errTooLarge = fmt.Errorf("the tree has more than %d entries", maxEntries)

// root reads the whole tree, but for what is known by its hash.
func (s *scan) root() *node {
	hash := ""
	if h, ok := s.fs.(hashedTree); ok {
		hash, _ = h.TreeHash(".")
	}
	n := s.directory(".", hash)
	s.work.Wait()
	if n.count > maxEntries { // whatever walks over all of its paths would never end
		s.failed(errTooLarge)
		n = &node{}
	}
	s.finish(n)
	return n
}

func (s *scan) directory(dir, hash string) *node {
	if n := s.known.node(hash); n != nil {
		return n
	}
	if n := s.here[hash]; n != nil {
		return n
	}
	n := &node{hash: hash}
	if hash != "" {
		s.here[hash] = n
	}
	entries, err := fs.ReadDir(s.fs, dir)
	if err != nil {
		s.failed(err)
		return n
	}
	n.files, n.count = make([]leaf, 0, len(entries)), len(entries)
	for _, e := range entries {
		if n.count > maxEntries {
			break
		}
		p, h := path.Join(dir, e.Name()), ""
		if e, ok := e.(hashed); ok {
			h = e.Hash()
		}
		switch {
		case e.Type()&fs.ModeSymlink != 0:
			n.links = true
			n.linked = n.linked || rootmodule.IsCode(e.Name(), true)
			n.files = append(n.files, leaf{name: e.Name(), hash: h, link: true, target: s.target(p)})
		case e.IsDir():
			if len(p) > maxPath {
				n.cut(s)
				continue
			}
			below := s.directory(p, h)
			n.dirs = append(n.dirs, child{e.Name(), below})
			if n.count += below.count; below.isCut {
				n.cut(s)
			}
		default:
			n.files = append(n.files, leaf{name: e.Name(), hash: h})
		}
	}
	// Git sorts directories differently.
	slices.SortFunc(n.files, func(a, b leaf) int { return strings.Compare(a.name, b.name) })
	slices.SortFunc(n.dirs, func(a, b child) int { return strings.Compare(a.name, b.name) })
	for i := range n.files {
		if f := &n.files[i]; !f.link && rootmodule.IsCode(f.name, true) {
			s.parse(path.Join(dir, f.name), f)
		}
	}
	return n
}

// cut notes that something below is left out since its path is too long: the directory's
// hash does not tell then what is in the node.
func (n *node) cut(s *scan) {
	delete(s.here, n.hash)
	n.hash, n.isCut = "", true
}

func (s *scan) target(p string) string {
	if s.links == nil {
		return ""
	}
	t, err := s.links.ReadLink(p)
	if errors.Is(err, fs.ErrInvalid) {
		return "/" // its target is no path: it leads nowhere, as one that leads out
	}
	if err != nil {
		return ""
	}
	return t
}

// parse reads a file of code in the background.
func (s *scan) parse(p string, f *leaf) {
	if f.facts = s.known.facts(f.hash, kindOf(p)); f.facts != nil {
		return
	}
	s.busy <- struct{}{}
	if s.enough != nil && s.enough() {
		<-s.busy
		s.failed(ErrLater)
		f.facts = &facts{unread: "it is read later", line: 1}
		return
	}
	s.work.Go(func() {
		defer func() { <-s.busy }()
		f.facts = s.read(p, f.hash, kindOf(p))
	})
}

// read is the facts of a file, given by a path without symbolic links.
func (s *scan) read(p, hash string, kind fileKind) *facts {
	f := s.readOnce(p, hash, kind)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used = append(s.used, f)
	return f
}

func (s *scan) readOnce(p, hash string, kind fileKind) *facts {
	if known := s.known.facts(hash, kind); known != nil {
		return known
	}
	if hash != "" {
		if kept := s.kept.facts(s.fs, fileKey{hash, kind}); kept != nil {
			return s.known.keepFacts(hash, kind, kept)
		}
	}
	if info, err := fs.Stat(s.fs, p); err == nil && info.Size() > rootmodule.MaxHCL {
		// What is too large to be parsed is not even read: it may be of any size.
		f := readFile(kind, tooLarge())
		if hash != "" {
			f = s.known.keepFacts(hash, kind, f)
		}
		return f
	}
	src, err := fs.ReadFile(s.fs, p)
	if err != nil {
		s.failed(err)
		return &facts{unread: "it cannot be read", line: 1} // not kept: it may be readable the next time
	}
	if hash == "" {
		sum := sha256.Sum256(src)
		hash = ownHash + string(sum[:])
		if known := s.known.facts(hash, kind); known != nil {
			return known
		}
	}
	s.known.parsed.Add(1)
	s.bytes.Add(int64(len(src)))
	return s.known.keepFacts(hash, kind, readFile(kind, src))
}

// tooLarge stands for any file that is too large to be parsed.
var tooLarge = sync.OnceValue(func() []byte { return make([]byte, rootmodule.MaxHCL+1) })

// ownHash is before the hash of a file of which the file system says none.
const ownHash = "content "

// finish makes the modules of what was read, and remembers it.
func (s *scan) finish(n *node) {
	if n.done {
		return
	}
	for _, c := range n.dirs {
		s.finish(c.node)
		n.links = n.links || c.node.links
	}
	n.all, n.plain = modulesOf(n.files, n.linked, nil)
	n.done = true
	if s.err == nil {
		s.known.keepNode(n)
	}
}

func (s *scan) failed(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
	}
}

func kindOf(name string) fileKind {
	switch isCode := rootmodule.IsCode(path.Base(name), true); {
	case isCode && rootmodule.IsJSON(name):
		return codeJSON
	case isCode:
		return code
	case rootmodule.IsJSON(name):
		return valuesJSON
	}
	return values
}
