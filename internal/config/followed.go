package config

import (
	"strings"

	"github.com/hashicorp/go-version"

	"github.com/tfops/tfops/internal/lazily"
)

var fullCommit = lazily.Pattern(`^[0-9a-f]{40}$`)

// checkFollowed checks what is followed besides a branch. It is one of the three.
func (r *reader) checkFollowed(s *settings) {
	var first string
	for _, f := range []struct {
		name string
		field[string]
	}{{"branch", s.branch}, {"tag", s.tag}, {"commit", s.commit}} {
		if f.set && first != "" {
			r.errorAt(f.rng, "two things to follow", "A workspace follows a branch, tags or one commit. Remove %s or %s.", first, f.name)
		}
		if f.set && first == "" {
			first = f.name
		}
	}
	if f := s.tag; f.set {
		if _, err := version.NewConstraint(f.val); err != nil || strings.TrimSpace(f.val) == "" {
			r.errorAt(f.rng, "not a version constraint", "tag says which versions may be followed: \">= 1.2, < 2\", \"~> 1.4\" or \"1.4.2\". What stands before the version in the tags is tag_prefix.")
		}
	}
	if f := s.tagPrefix; f.set && (strings.ContainsAny(f.val, " ~^:?*[\\\x7f") || strings.Contains(f.val, "..") || strings.HasPrefix(f.val, "/") ||
		strings.HasPrefix(f.val, "refs/") || strings.ContainsFunc(f.val, func(c rune) bool { return c < 0x20 })) {
		r.errorAt(f.rng, "not the beginning of a tag", "tag_prefix is what stands before the version in the tags, as it is: \"network/v\" for network/v1.4.2, without refs/tags/ and without patterns.")
	}
	if f := &s.commit; f.set {
		f.val = strings.ToLower(f.val)
		if !fullCommit().MatchString(f.val) {
			r.errorAt(f.rng, "not a full commit id", "commit is the full id of one commit, 40 hexadecimal digits: git rev-parse HEAD shows it.")
		}
	}
}
