package trees

import (
	"crypto/sha256"
	"maps"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// Submodules are the submodules of a tree. A commit's id says what is in it, so a
// gitlink stands for the same files wherever it is.
type Submodules struct {
	on    bool                            // submodules are followed
	Roots map[plumbing.Hash]plumbing.Hash // by the commit of a gitlink: its tree
	// trees with a followed gitlink below them: their ids do not tell their files
	Mixed   map[plumbing.Hash]bool
	URLs    map[string]string // by path: what .gitmodules says
	Paths   []string          // of those that are there
	Missing []MissingSubmodule
	digest  string // of which ones are there
}

// NewSubmodules are none yet; on says whether they are followed.
func NewSubmodules(on bool) Submodules {
	return Submodules{on: on, Roots: map[plumbing.Hash]plumbing.Hash{}, Mixed: map[plumbing.Hash]bool{},
		URLs: map[string]string{}}
}

// Seal names what is there, once all is.
func (s *Submodules) Seal() {
	sum := sha256.New()
	for _, h := range slices.SortedFunc(maps.Keys(s.Roots),
		func(a, b plumbing.Hash) int { return slices.Compare(a[:], b[:]) }) {
		sum.Write(h[:])
	}
	s.digest = string(sum.Sum(nil))
	slices.Sort(s.Paths)
	slices.SortFunc(s.Missing, func(a, b MissingSubmodule) int { return strings.Compare(a.Path, b.Path) })
}

// name is the id of an entry's content. The id of a tree does not tell which of
// the submodules below it are there.
func (s *Submodules) name(e Entry) string {
	if s != nil && s.Mixed[e.Hash] {
		return string(e.Hash[:]) + s.digest
	}
	return string(e.Hash[:])
}

func (s *Submodules) follows() bool { return s != nil && s.on }

// both are the submodules of two trees together.
func both(a, b *Submodules) *Submodules {
	all := &Submodules{on: a.on, Roots: maps.Clone(a.Roots)}
	maps.Copy(all.Roots, b.Roots)
	return all
}

// readdressed are submodules whose URL changed, or that got one or lost it: one that could
// not be had may be there now, and the other way round.
func readdressed(a, b *Submodules) (paths []string) {
	for p, url := range b.URLs {
		if before, ok := a.URLs[p]; !ok || before != url {
			paths = append(paths, p+"/")
		}
	}
	for p := range a.URLs {
		if _, ok := b.URLs[p]; !ok {
			paths = append(paths, p+"/")
		}
	}
	return paths
}
