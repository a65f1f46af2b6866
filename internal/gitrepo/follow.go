package gitrepo

import (
	"strings"

	"github.com/tfops/tfops/internal/gitrepo/remote"
)

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
