// Package history reads what lies between two commits: which commits there are, and what
// each of them changed itself.
//
// # Clocks
//
// A commit has any date that somebody wrote into it. Dates only order the walk: newer ones
// are looked at first, so that it ends soon. Where they are wrong a commit of the base's
// history may be taken for one of the range, never the other way round.
//
// # Merges
//
// What a merge only takes over from one of its parents is not its own: see merge.go.
package history

import (
	"context"
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/gitrepo/commits"
	"github.com/tfops/tfops/internal/gitrepo/trees"
)

// MaxCommits is how many commits a range may have.
const MaxCommits = 20_000

// Range is what lies between a base and a head.
type Range struct {
	Commits []Commit // in the history of the head, and not in that of the base; newest first
	// Lost are the commits that are in the history of the base, and not in that of the head. There are
	// some where a forced push took the base away, or somebody went back.
	Lost []Commit
	// Cut is a commit of the range whose parent is not there, since the remote is a shallow
	// clone: what came before it is not known. Empty: nothing is missing.
	Cut string
}

// Commit is one of a range.
type Commit struct {
	commits.Commit
	Parents int
	// Changes are the paths that it changed itself. A first commit has its whole tree.
	Changes []trees.Difference
	// Unread is why that is not known; then it may have changed anything.
	Unread string
	// Slipped is a path that a merge changed itself although at most one of its two parents had
	// changed it: no merging asks for that. Of other commits, and of larger merges, it is "".
	Slipped string
}

// Objects are the commits that are there.
type Objects interface {
	Has(plumbing.Hash) bool
	Commit(plumbing.Hash) (*object.Commit, error)
}

// Reader reads the history of one repository.
type Reader struct {
	Objects
	// Diff compares the trees of two commits; an empty from is a tree with nothing.
	Diff  func(ctx context.Context, from, to string) ([]trees.Difference, error)
	Cache *Cache
}

// Range reads what lies between two commits, which need not be related; an empty base is
// the beginning. More than MaxCommits are an Invalid fault.
func (r Reader) Range(ctx context.Context, base, head string) (Range, error) {
	w := newWalk(r)
	w.reach(plumbing.NewHash(head), ofHead)
	if base != "" {
		w.reach(plumbing.NewHash(base), ofBase)
	}
	if err := w.run(ctx, MaxCommits, surplus); err != nil {
		return Range{}, err
	}
	out := Range{Cut: w.cut()}
	for _, h := range w.order {
		var to *[]Commit
		switch w.nodes[h].sides {
		case ofHead:
			to = &out.Commits
		case ofBase:
			to = &out.Lost
		default:
			continue
		}
		c, err := r.commit(ctx, h)
		if err != nil {
			return Range{}, err
		}
		*to = append(*to, c)
	}
	return out, nil
}

// commit reads a commit, and what it changed itself.
func (r Reader) commit(ctx context.Context, h plumbing.Hash) (Commit, error) {
	if c, ok := r.Cache.commit(h); ok {
		return c, nil
	}
	raw, err := r.Commit(h)
	if err != nil {
		return Commit{}, err
	}
	c := Commit{Commit: commits.Of(raw), Parents: len(raw.ParentHashes)}
	c.Changes, c.Slipped, err = r.changes(ctx, raw)
	if fault.Is(err, fault.Invalid) || fault.Is(err, fault.NotFound) {
		c.Changes, c.Unread, err = nil, err.Error(), nil
	}
	if err != nil {
		return Commit{}, err
	}
	r.Cache.keep(h, c)
	return c, nil
}

func (r Reader) changes(ctx context.Context, c *object.Commit) (found []trees.Difference, slipped string, err error) {
	switch n := len(c.ParentHashes); {
	case n == 0:
		found, err = r.Diff(ctx, "", c.Hash.String())
	case n == 1:
		found, err = r.Diff(ctx, c.ParentHashes[0].String(), c.Hash.String())
	case n > maxParents:
		err = fault.New(fault.Invalid, "merge fewer branches at once", "commit %s merges %d branches at once",
			c.Hash, n)
	default:
		return r.merged(ctx, c)
	}
	return found, "", err
}

func tooLong() error {
	return fault.New(fault.Invalid, "", "more than %s commits lie in between", fmt.Sprint(MaxCommits))
}
