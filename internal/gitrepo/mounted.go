package gitrepo

import (
	"crypto/sha256"
	"maps"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// mounted are the submodules of a tree. A commit's id says what is in it, so a
// gitlink stands for the same files wherever it is.
type mounted struct {
	on      bool                            // submodules are followed
	roots   map[plumbing.Hash]plumbing.Hash // by the commit of a gitlink: its tree
	mixed   map[plumbing.Hash]bool          // trees with a followed gitlink below them: their ids do not tell their files
	urls    map[string]string               // by path: what .gitmodules says
	paths   []string                        // of those that are there
	missing []MissingSubmodule
	digest  string // of which ones are there
}

func newMounted(on bool) mounted {
	return mounted{on: on, roots: map[plumbing.Hash]plumbing.Hash{}, mixed: map[plumbing.Hash]bool{}, urls: map[string]string{}}
}

// seal names what is there, once all is.
func (s *mounted) seal() {
	sum := sha256.New()
	for _, h := range slices.SortedFunc(maps.Keys(s.roots), func(a, b plumbing.Hash) int { return slices.Compare(a[:], b[:]) }) {
		sum.Write(h[:])
	}
	s.digest = string(sum.Sum(nil))
	slices.Sort(s.paths)
	slices.SortFunc(s.missing, func(a, b MissingSubmodule) int { return strings.Compare(a.Path, b.Path) })
}

// name is the id of an entry's content. The id of a tree does not tell which of
// the submodules below it are there.
func (s *mounted) name(e entry) string {
	if s != nil && s.mixed[e.hash] {
		return string(e.hash[:]) + s.digest
	}
	return string(e.hash[:])
}

func (s *mounted) follows() bool { return s != nil && s.on }

// both are the submodules of two trees together.
func both(a, b *mounted) *mounted {
	all := &mounted{on: a.on, roots: maps.Clone(a.roots)}
	maps.Copy(all.roots, b.roots)
	return all
}

// readdressed are submodules whose URL changed, or that got one or lost it: one that could
// not be had may be there now, and the other way round.
func readdressed(a, b *mounted) (paths []string) {
	for p, url := range b.urls {
		if before, ok := a.urls[p]; !ok || before != url {
			paths = append(paths, p+"/")
		}
	}
	for p := range a.urls {
		if _, ok := b.urls[p]; !ok {
			paths = append(paths, p+"/")
		}
	}
	return paths
}
