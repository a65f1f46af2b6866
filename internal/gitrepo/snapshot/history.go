package snapshot

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/gitrepo/remote"
)

// Contains reports whether a commit is another one, or in its history.
func (v *View) Contains(ctx context.Context, from, wanted plumbing.Hash) (bool, error) {
	seen := map[plumbing.Hash]bool{from: true}
	for todo := []plumbing.Hash{from}; len(todo) > 0; {
		h := todo[0]
		todo = todo[1:]
		if h == wanted {
			return true, nil
		}
		if err := ctx.Err(); err != nil {
			return false, err
		}
		if !v.Has(h) {
			continue // the remote is a shallow clone: history ends here
		}
		c, err := v.Commit(h)
		if err != nil {
			return false, err
		}
		for _, p := range c.ParentHashes {
			if !seen[p] {
				seen[p] = true
				todo = append(todo, p)
			}
		}
	}
	return false, nil
}

// ResolveName is what a name stands for; false when nothing has it.
func (v *View) ResolveName(ref, repository string) (plumbing.Hash, bool, error) {
	if ref == "HEAD" {
		ref = v.Head
	}
	if h, ok := v.Refs[ref]; ok {
		return h, true, nil
	}
	branch, isBranch := v.Refs["refs/heads/"+ref]
	tag, isTag := v.Refs["refs/tags/"+ref]
	if isBranch && isTag && branch != tag {
		return branch, false, fault.New(fault.NotFound, fmt.Sprintf("write refs/heads/%s or refs/tags/%s", ref, ref),
			"%q is both a branch and a tag of repository %q", ref, repository)
	}
	if isTag {
		return tag, true, nil
	}
	return branch, isBranch, nil
}

// ResolveID is the commit or tag that an id stands for, whole or abbreviated.
func (v *View) ResolveID(ref, repository string) (plumbing.Hash, error) {
	unknown := fault.New(fault.NotFound,
		"give a branch, a tag or a commit id of at least seven digits; a commit just pushed is known after the next "+
			"poll",
		"repository %q has no branch, tag or commit %q", repository, ref)
	ref = strings.ToLower(ref)
	if !remote.LooksLikeID(ref) {
		return plumbing.ZeroHash, unknown
	}
	var found []plumbing.Hash
	for _, p := range v.Packs {
		p.HashesWithPrefix(ref, func(h plumbing.Hash) {
			obj, err := v.Object(h)
			commit := err == nil && (obj.Type() == plumbing.CommitObject || obj.Type() == plumbing.TagObject)
			if commit && !slices.Contains(found, h) {
				found = append(found, h)
			}
		})
	}
	switch len(found) {
	case 0:
		return plumbing.ZeroHash, unknown
	case 1:
		return found[0], nil
	}
	var ids []string
	for _, h := range found {
		ids = append(ids, h.String())
	}
	slices.Sort(ids)
	return plumbing.ZeroHash,
		fault.New(fault.NotFound, "give more digits: "+strings.Join(ids, ", "),
			"%q could be %d commits of repository %q",
			ref, len(ids), repository)
}
