package history

import (
	"context"
	"maps"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/tfops/tfops/internal/gitrepo/trees"
)

const (
	maxParents  = 16
	maxMergeLen = 2 * MaxCommits // commits between two parents

	mergeSurplus = 64 // what is not looked at may only be one base too many
)

// merged finds what a merge changed itself: the paths at which it is not what merging its
// parents, file by file, comes to. Where only one of them changed a file since they parted,
// that is what this one has. So its own is
//
//   - what none of its parents has: a file that had to be put together of two, and one that
//     somebody slipped in;
//   - a file of one parent where another one changed it, too: somebody chose, as
//     `git merge -s ours` does for all.
//
// Where parents parted at several commits (criss-cross merges) that has to hold for each.
func (r Reader) merged(ctx context.Context, c *object.Commit) (own []trees.Difference, slipped string, err error) {
	m := merge{r: r, commit: c, since: map[[2]plumbing.Hash]map[string]bool{}}
	for _, p := range c.ParentHashes {
		found, err := r.Diff(ctx, p.String(), c.Hash.String())
		if err != nil {
			return nil, "", err
		}
		byPath := make(map[string]trees.Difference, len(found))
		for _, d := range found {
			byPath[d.Path] = d
		}
		m.differs = append(m.differs, byPath)
	}
	paths := map[string]trees.Difference{}
	for _, found := range slices.Backward(m.differs) { // what it is to the first parent counts
		maps.Copy(paths, found)
	}
	for _, p := range slices.Sorted(maps.Keys(paths)) {
		is, err := m.own(ctx, p)
		if err != nil {
			return nil, "", err
		}
		if !is {
			continue
		}
		own = append(own, paths[p])
		if slipped == "" && len(m.differs) == 2 {
			asked, err := m.bothChanged(ctx, p)
			if err != nil {
				return nil, "", err
			}
			if !asked {
				slipped = p
			}
		}
	}
	return own, slipped, nil
}

// bothChanged reports whether both parents changed a path since they parted, so that merging
// them asks what it is to be.
func (m *merge) bothChanged(ctx context.Context, p string) (bool, error) {
	for _, of := range [][2]int{{0, 1}, {1, 0}} {
		if changed, err := m.changed(ctx, of[0], of[1], p); err != nil || !changed {
			return false, err
		}
	}
	return true, nil
}

// merge is one that is looked at.
type merge struct {
	r       Reader
	commit  *object.Commit
	differs []map[string]trees.Difference // from each of its parents
	bases   map[[2]int][]plumbing.Hash
	since   map[[2]plumbing.Hash]map[string]bool // what changed between two commits
}

// own reports whether a path is the merge's own.
func (m *merge) own(ctx context.Context, p string) (bool, error) {
	var others, same []int
	for i, found := range m.differs {
		if _, ok := found[p]; ok {
			others = append(others, i)
		} else {
			same = append(same, i)
		}
	}
	if len(same) == 0 {
		return true, nil
	}
	for _, i := range others {
		for _, j := range same {
			changed, err := m.changed(ctx, i, j, p)
			if err != nil || changed {
				return changed, err
			}
		}
	}
	return false, nil
}

// changed reports whether parent i changed a path since it parted from parent j.
func (m *merge) changed(ctx context.Context, i, j int, p string) (bool, error) {
	bases, err := m.parted(ctx, i, j)
	if err != nil {
		return false, err
	}
	for _, base := range bases {
		key := [2]plumbing.Hash{base, m.commit.ParentHashes[i]}
		if m.since[key] == nil {
			from := base.String()
			if base.IsZero() {
				from = ""
			}
			found, err := m.r.Diff(ctx, from, key[1].String())
			if err != nil {
				return false, err
			}
			m.since[key] = map[string]bool{}
			for _, d := range found {
				m.since[key][d.Path] = true
			}
		}
		if m.since[key][p] {
			return true, nil
		}
	}
	return false, nil
}

// parted are the commits at which two parents parted; a zero hash where they have nothing in
// common.
func (m *merge) parted(ctx context.Context, i, j int) ([]plumbing.Hash, error) {
	key := [2]int{min(i, j), max(i, j)}
	if found, ok := m.bases[key]; ok {
		return found, nil
	}
	w := newWalk(m.r)
	w.reach(m.commit.ParentHashes[i], ofHead)
	w.reach(m.commit.ParentHashes[j], ofBase)
	if err := w.run(ctx, maxMergeLen, mergeSurplus); err != nil {
		return nil, err
	}
	found := w.best()
	if len(found) == 0 {
		found = []plumbing.Hash{plumbing.ZeroHash}
	}
	if m.bases == nil {
		m.bases = map[[2]int][]plumbing.Hash{}
	}
	m.bases[key] = found
	return found, nil
}
