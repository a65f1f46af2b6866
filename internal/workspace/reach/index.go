// Package reach tells what the module of a workspace reads in a tree, and so which
// workspaces a changed path touches, each with the chain of reasons. It knows the
// workspaces of a tree, too: its root modules, the matches of generators, and the
// order in which states are read.
//
// It opens files through fs.FS alone and evaluates nothing but paths.
package reach

import (
	"io/fs"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/tfops/tfops/internal/workspace"
)

// Index makes graphs and remembers what it read for the last ones, so that the
// graph after a commit costs what the commit touches. It is safe for concurrent
// use. Keep one for each repository.
type Index struct {
	memory *memory

	mu       sync.Mutex
	last     []*Graph // newest first, one for each set of workspaces
	prepared prepared
	most     int64            // bytes of code that a tree may have
	refused  map[string]error // trees with too much code, by their hash
}

// maxGraphs is how many graphs an Index keeps: one for each branch that is
// looked at, as long as they are not many.
const maxGraphs = 8

// NewIndex returns an Index that remembers nothing yet.
func NewIndex() *Index { return &Index{memory: newMemory(), most: maxPrepared} }

// Graph is the graph of one tree and the workspaces of its repository and
// branch. It reads nothing of the tree that has been read before, if the file
// system knows its content by hashes; see hashedTree. What cannot be read is
// told by its Err.
//
// The graph reads no more of the tree once it is made, apart from modules with
// symbolic links among their files that no workspace reaches.
func (x *Index) Graph(tree fs.FS, ws []workspace.Workspace) *Graph {
	s := newScan(tree, x.memory)
	g := &Graph{scan: s, root: s.root(), ws: ws, linked: map[linkedKey]*module{}}
	g.submodules = submodulesOf(tree, g.root)
	keys := make([]string, len(ws))
	for i, w := range ws {
		keys[i] = reachKey(w)
	}
	g.reaches = make([]*reach, len(ws))
	base := x.nearest(keys)
	g.derive(base, keys)
	g.work(s, keys)
	g.indexed(base)
	if g.err = s.err; g.err == nil {
		x.keep(g)
		x.shelve(tree)
	}
	s.forget()
	x.memory.prune()
	return g
}

// work makes the reaches that no graph before has, on all processors: the
// first look at a large repository is nothing but this.
func (g *Graph) work(s *scan, keys []string) {
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(g.ws)) {
		all.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(g.ws)); i = next.Add(1) - 1 {
				if g.reaches[i] == nil {
					g.reaches[i] = reachOf(g, s, g.ws[i], keys[i])
				}
			}
		})
	}
	all.Wait()
}

// nearest is the graph to start from: of the same workspaces if there is one,
// else the newest.
func (x *Index) nearest(keys []string) *Graph {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, g := range x.last {
		if g.same(keys) {
			return g
		}
	}
	if len(x.last) > 0 {
		return x.last[0]
	}
	return nil
}

func (g *Graph) same(keys []string) bool {
	return slices.EqualFunc(g.reaches, keys, func(r *reach, k string) bool { return r.key == k })
}

func (x *Index) keep(g *Graph) {
	keys := make([]string, len(g.reaches))
	for i, r := range g.reaches {
		keys[i] = r.key
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.last = slices.DeleteFunc(x.last, func(o *Graph) bool { return o.same(keys) })
	x.last = append([]*Graph{g}, x.last[:min(len(x.last), maxGraphs-1)]...)
	if x.prepared.tree == g.root.hash {
		x.prepared = prepared{}
	}
}

// derive takes over from another graph what the differences of the two trees
// do not touch.
func (g *Graph) derive(base *Graph, keys []string) {
	if base == nil || base.root.hash == "" || g.root.hash == "" {
		return
	}
	stale := make([]bool, len(base.reaches))
	if base.root != g.root {
		diffNodes(base.root, g.root, "", func(p string) {
			base.candidates(p, func(i int32) {
				stale[i] = stale[i] || base.reaches[i].depends(p) != nil || base.reaches[i].probes(p)
			})
		})
	}
	if base.same(keys) {
		for i, r := range base.reaches {
			if !stale[i] {
				g.reaches[i] = r
			}
		}
		return
	}
	fresh := map[string]*reach{}
	for i, r := range base.reaches {
		if !stale[i] {
			fresh[r.key] = r
		}
	}
	for i, k := range keys {
		g.reaches[i] = fresh[k]
	}
}

// probes reports whether a path counts even though it is plainly no input.
func (r *reach) probes(p string) bool {
	return slices.ContainsFunc(r.covers, func(c cover) bool { return c.kind == Wide && c.path != "." && c.has(p) })
}

// diffNodes calls f with every file that differs between two directories.
func diffNodes(a, b *node, dir string, f func(p string)) {
	if a == b || a != nil && b != nil && a.hash == b.hash && a.hash != "" {
		return
	}
	var none node
	if a == nil {
		a = &none
	}
	if b == nil {
		b = &none
	}
	both(a.files, b.files, func(l leaf) string { return l.name }, func(x, y *leaf) {
		if x == nil || y == nil || x.hash != y.hash || x.link != y.link {
			f(dir + either(x, y).name)
		}
	})
	both(a.dirs, b.dirs, func(c child) string { return c.name }, func(x, y *child) {
		var nx, ny *node
		if x != nil {
			nx = x.node
		}
		if y != nil {
			ny = y.node
		}
		diffNodes(nx, ny, dir+either(x, y).name+"/", f)
	})
}

func either[T any](a, b *T) *T {
	if a != nil {
		return a
	}
	return b
}

// both walks two sorted lists side by side; what only one has comes with nil.
func both[T any](a, b []T, name func(T) string, f func(x, y *T)) {
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		c := 0
		switch {
		case i == len(a):
			c = 1
		case j == len(b):
			c = -1
		default:
			c = strings.Compare(name(a[i]), name(b[j]))
		}
		switch {
		case c < 0:
			f(&a[i], nil)
			i++
		case c > 0:
			f(nil, &b[j])
			j++
		default:
			f(&a[i], &b[j])
			i, j = i+1, j+1
		}
	}
}
