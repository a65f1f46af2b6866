package authorship

import (
	"slices"
	"strings"

	"github.com/tfops/tfops/internal/gitrepo/history"
	"github.com/tfops/tfops/internal/gitrepo/trees"
)

// touching are the commits of a range that touch the workspace, in the same order.
func (q Question) touching(all []history.Commit) []history.Commit {
	f := follower{all: all, at: map[string][]int{}, found: make([]bool, len(all)), asked: map[string]bool{}}
	for i, c := range all {
		f.found[i] = c.Unread != ""
		for _, d := range c.Changes {
			f.at[d.Path] = append(f.at[d.Path], i)
		}
	}
	for p := range f.at {
		if q.touches(p) {
			f.ask(p)
		}
	}
	for len(f.todo) > 0 {
		p := f.todo[0]
		f.todo = f.todo[1:]
		f.follow(p)
	}
	var out []history.Commit
	for i, c := range all {
		if f.found[i] {
			out = append(out, c)
		}
	}
	return out
}

// follower follows paths through commits.
type follower struct {
	all   []history.Commit
	at    map[string][]int // by path: the commits that change it
	found []bool           // of all: it touches the workspace
	asked map[string]bool
	todo  []string
}

func (f *follower) ask(p string) {
	if !f.asked[p] {
		f.asked[p] = true
		f.todo = append(f.todo, p)
	}
}

// follow has the commits that change a path touch the workspace. Of one that adds it, all
// that it removes may be what it was before.
func (f *follower) follow(p string) {
	for _, i := range f.at[p] {
		f.found[i] = true
		if !adds(f.all[i].Changes, p) || f.all[i].Parents == 0 {
			continue
		}
		for _, d := range f.all[i].Changes {
			if d.New.IsZero() {
				f.ask(d.Path)
			}
		}
	}
}

// adds reports whether a path is new among changes, which are sorted.
func adds(changes []trees.Difference, p string) bool {
	i, ok := slices.BinarySearchFunc(changes, p, func(d trees.Difference, p string) int {
		return strings.Compare(d.Path, p)
	})
	return ok && changes[i].Old.IsZero()
}
