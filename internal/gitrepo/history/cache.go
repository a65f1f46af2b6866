package history

import (
	"math"
	"slices"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
)

// Cache remembers commits, which never change. It is safe for concurrent use.
type Cache struct {
	mu      sync.Mutex
	links   map[plumbing.Hash]link
	commits map[plumbing.Hash]Commit
	weight  int // of commits, about their bytes
}

type link struct {
	when    int64
	parents []plumbing.Hash
}

// What is remembered at most; then it is forgotten, and read again.
const (
	maxLinks  = 100_000  // some 15 MB
	maxWeight = 32 << 20 // of commits, with what they changed
)

// unreadable is the date of a commit that cannot be read.
const unreadable = math.MinInt64

// links are the date and the parents of a commit.
func (r Reader) links(h plumbing.Hash) (when int64, parents []plumbing.Hash) {
	r.Cache.mu.Lock()
	l, ok := r.Cache.links[h]
	r.Cache.mu.Unlock()
	if ok {
		return l.when, l.parents
	}
	c, err := r.Commit(h)
	if err != nil {
		return unreadable, nil
	}
	l = link{max(c.Committer.When.Unix(), unreadable+1), slices.Clone(c.ParentHashes)}
	r.Cache.mu.Lock()
	defer r.Cache.mu.Unlock()
	if r.Cache.links == nil || len(r.Cache.links) >= maxLinks {
		r.Cache.links = map[plumbing.Hash]link{}
	}
	r.Cache.links[h] = l
	return l.when, l.parents
}

func (c *Cache) commit(h plumbing.Hash) (Commit, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	found, ok := c.commits[h]
	return found, ok
}

func (c *Cache) keep(h plumbing.Hash, one Commit) {
	weight := 256 + len(one.Message)
	for _, d := range one.Changes {
		weight += 64 + len(d.Path)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.weight += weight; c.commits == nil || c.weight > maxWeight {
		c.commits, c.weight = map[plumbing.Hash]Commit{}, weight
	}
	c.commits[h] = one
}
