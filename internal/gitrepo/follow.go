package gitrepo

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/tfops/tfops/internal/gitrepo/remote"
)

// keepAsked is how long a name that somebody asked for counts as followed.
const keepAsked = time.Hour

// Follow has the mirror keep only the branches for which follows is true, from
// the next fetch on, and the tags of what these have. nil is every branch and
// tag: so it is until somebody calls it. Heads lists all branches anyway.
//
// History is never cut short: who wrote what since the applied commit, and
// whether a commit is still part of a branch, is read from it.
func (m *Mirror) Follow(follows func(branch string) bool) {
	if follows == nil {
		m.follow.Store(nil)
		return
	}
	m.follow.Store(&follows)
}

// FollowTags has the mirror keep the tags for which follows is true, besides those
// of what the followed branches have.
func (m *Mirror) FollowTags(follows func(tag string) bool) { m.tagged.Store(&follows) }

func (m *Mirror) follows(name string) bool {
	follows, tagged := m.follow.Load(), m.tagged.Load()
	if follows == nil {
		return true
	}
	if tag, ok := strings.CutPrefix(name, remote.Tags); ok {
		return tagged != nil && (*tagged)(tag)
	}
	branch, ok := strings.CutPrefix(name, remote.Branches)
	return ok && (*follows)(branch)
}

// choice is what a fetch is to have afterwards.
type choice struct {
	refs map[string]plumbing.Hash
	ids  []plumbing.Hash // besides: commits that no chosen reference names
}

// choose picks from what the remote has. Tags that nobody asked for come with
// what they are tags of: see takeTags.
func (m *Mirror) choose(adv remote.Advert, v *view, ask request) choice {
	c := choice{refs: map[string]plumbing.Hash{}}
	now := time.Now()
	maps.DeleteFunc(m.asked, func(_ string, t time.Time) bool { return now.Sub(t) >= keepAsked })
	for _, w := range ask.wanted {
		if w == Everything {
			c.ids = append(c.ids, slices.Collect(maps.Values(adv.Refs))...)
			continue
		}
		names, id := adv.Find(w)
		for _, name := range names {
			if m.asked == nil {
				m.asked = map[string]time.Time{}
			}
			m.asked[name] = now
		}
		if !id.IsZero() && (v.Has(id) || !ask.named && adv.Gives(id)) {
			c.ids = append(c.ids, id)
		}
	}
	for name, h := range adv.Refs {
		_, asked := m.asked[name]
		target := cmp.Or(adv.Peeled[name], h)
		if asked || m.follows(name) || strings.HasPrefix(name, remote.Tags) && v.Has(target) {
			c.refs[name] = h
		}
	}
	return c
}

// missing is what a remote must be asked for: all of it when it is told of
// nothing, and nothing when all of it is there.
func (c choice) missing(v *view, whole bool) []plumbing.Hash {
	all := map[plumbing.Hash]bool{}
	lacks := false
	for _, h := range slices.Concat(slices.Collect(maps.Values(c.refs)), c.ids) {
		lacks = lacks || !v.Has(h)
		if whole || !v.Has(h) {
			all[h] = true
		}
	}
	if !lacks {
		return nil
	}
	return slices.SortedFunc(maps.Keys(all), func(a, b plumbing.Hash) int { return slices.Compare(a[:], b[:]) })
}

// takeTags takes over the tags of commits that are there.
func (v *view) takeTags(adv remote.Advert) {
	for name, h := range adv.Refs {
		if _, ok := v.refs[name]; ok || !strings.HasPrefix(name, remote.Tags) {
			continue
		}
		switch {
		case v.Has(h):
			v.refs[name] = h
		case v.Has(adv.Peeled[name]):
			v.lateTags = append(v.lateTags, h)
		}
	}
}
