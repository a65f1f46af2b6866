package workspace

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/go-version"

	"github.com/tfops/tfops/internal/lazyregexp"
)

// Follow is what the workspace follows, as a key: a branch by its own name. No
// branch has a space in its name, so nothing else is taken for one.
func (w Workspace) Follow() string {
	switch {
	case w.Commit != "":
		return "commit " + w.Commit
	case w.Tag != "":
		return "tag " + w.TagPrefix + " " + w.Tag
	}
	return w.Branch
}

// Follows is Follow for a person, with the tag that it has led to if there is one.
func (w Workspace) Follows(tag string) string {
	switch {
	case w.Commit != "":
		return "commit " + w.Commit
	case w.Tag != "" && tag != "":
		return "tag " + tag + " (" + w.Tag + ")"
	case w.Tag != "":
		return strings.Join(strings.Fields("tags "+w.TagPrefix+" "+w.Tag), " ")
	}
	return "branch " + w.Branch
}

// Tag is a tag of a repository and the commit that it names.
type Tag struct {
	Name   string `json:"name"`
	Commit string `json:"commit"`
}

// versionText is a version in a tag: two or three numbers, so that tags such as v1,
// which are meant to move, are none. See semver.org for what may follow.
var versionText = lazyregexp.New(`^[0-9]+(\.[0-9]+){1,2}(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$`)

const maxTag = 256 // bytes

// TagVersion is the version in the name of a tag; false when it is not one that
// the workspace may follow. Without a prefix a "v" before the version is passed over.
func (w Workspace) TagVersion(name string) (*version.Version, bool) {
	text, ok := strings.CutPrefix(name, w.TagPrefix)
	if w.TagPrefix == "" {
		text = strings.TrimPrefix(text, "v")
	}
	if !ok || len(name) > maxTag || !versionText().MatchString(text) {
		return nil, false
	}
	v, err := version.NewVersion(text)
	return v, err == nil
}

// Newest is the tag with the highest version that fits, of tags by name with their
// commits. Versions before a release fit only a constraint that names one of the
// same release, as everywhere in Terraform. Of two names for one version the last
// in the alphabet counts.
func (w Workspace) Newest(tags map[string]string) (Tag, bool) {
	wanted, err := version.NewConstraint(w.Tag)
	if err != nil {
		return Tag{}, false
	}
	var best Tag
	var highest *version.Version
	for name, commit := range tags {
		v, ok := w.TagVersion(name)
		if !ok || !wanted.Check(v) {
			continue
		}
		if highest == nil || cmp.Or(v.Compare(highest), strings.Compare(name, best.Name)) > 0 {
			best, highest = Tag{name, commit}, v
		}
	}
	return best, highest != nil
}

// Versions are the names of the tags that have a version, the highest first.
func (w Workspace) Versions(tags map[string]string) []string {
	var names []string
	versions := map[string]*version.Version{}
	for name := range tags {
		if v, ok := w.TagVersion(name); ok {
			names, versions[name] = append(names, name), v
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(versions[b].Compare(versions[a]), strings.Compare(b, a))
	})
	return names
}

// FollowedTag is the tag that a workspace was led to. Tags should not move: what
// is unusual about this one is remembered until it is applied.
type FollowedTag struct {
	Tag
	Wanted string `json:"wanted"` // Follow of the workspace

	MovedFrom string `json:"moved_from,omitempty"` // the commit that it was at before
	After     string `json:"after,omitempty"`      // the higher tag that is not there any more
}

// NextTag is what is to be remembered of the tag that a workspace leads to now.
// before is what was remembered, nil for nothing; applied is the commit that was
// applied last.
func (w Workspace) NextTag(before *FollowedTag, now Tag, applied string) FollowedTag {
	next := FollowedTag{Tag: now, Wanted: w.Follow()}
	if before == nil || before.Wanted != next.Wanted {
		return next
	}
	was := *before
	if was.Commit == applied {
		was.MovedFrom, was.After = "", ""
	}
	if was.Name == now.Name {
		next.MovedFrom, next.After = was.MovedFrom, was.After
		if was.Commit != now.Commit {
			next.MovedFrom = cmp.Or(was.MovedFrom, was.Commit)
		}
		if next.MovedFrom == now.Commit {
			next.MovedFrom = "" // it is where it was
		}
		return next
	}
	for _, higher := range []string{was.After, was.Name} {
		old, ok := w.TagVersion(higher)
		if v, is := w.TagVersion(now.Name); ok && is && old.GreaterThan(v) {
			next.After = higher
			break
		}
	}
	return next
}

// Unusual says what a person should know before what the tag names is applied:
// the text, and in short why it waits. Both are empty for a tag as tags should be.
func (t FollowedTag) Unusual() (text, why string) {
	switch {
	case t.MovedFrom != "":
		return fmt.Sprintf("Tag %s was moved: it was at commit %s and is at %s now. "+
			"Tags should not move: ask who moved it.",
			t.Name, ShortCommit(t.MovedFrom), ShortCommit(t.Commit)), "tag " + t.Name + " was moved"
	case t.After != "":
		return fmt.Sprintf("Tag %s is gone, and %s is the highest one that fits now: the plan goes back to it.",
				t.After, t.Name),
			"tag " + t.After + " is gone"
	}
	return "", ""
}
