// Package changes remembers what the newest transactions touched, so that who looked
// before need not look at all again.
package changes

import (
	"slices"
	"sync/atomic"
)

// Change is what one transaction touched.
type Change struct {
	Runs       []string // ids, of those that have ended by it as well
	Workspaces []string // whose record, or one of whose runs, is another
	States     []string // keys of locks, and states of runs, from and to

	version uint64
	older   *Change // nil: what came before is not remembered
	depth   int
}

// remembered is how many changes are remembered at least. Who looks less often looks at all.
const remembered = 4096

// versions gives each change that is made in this process a number of its own.
var versions atomic.Uint64

// After is the change as the one that follows others; nil for the first one.
func (c Change) After(old *Change) *Change {
	c.version = versions.Add(1)
	if old != nil && old.depth >= 2*remembered {
		old = old.newest(remembered)
	}
	if c.older = old; old != nil {
		c.depth = old.depth + 1
	}
	return &c
}

// newest copies the newest changes, so that what came before can be forgotten.
func (c *Change) newest(n int) *Change {
	var all []*Change
	for ; c != nil && len(all) < n; c = c.older {
		all = append(all, c)
	}
	var older *Change
	for i, one := range slices.Backward(all) {
		kept := *one
		kept.older, kept.depth = older, len(all)-1-i
		older = &kept
	}
	return older
}

// Version is greater than that of every change that was made before; 0 of none.
func (c *Change) Version() uint64 {
	if c == nil {
		return 0
	}
	return c.version
}

// Since lists what came after a version, this change first; false when that is not
// remembered, and anything may have.
func (c *Change) Since(version uint64) (later []*Change, ok bool) {
	for ; c != nil; c = c.older {
		if c.version <= version {
			return later, c.version == version
		}
		later = append(later, c)
	}
	return nil, false
}
