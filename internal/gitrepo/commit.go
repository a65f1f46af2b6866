package gitrepo

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/gitrepo/remote"
	"github.com/tfops/tfops/internal/lazily"
)

// Commit reads a commit by its full id.
func (m *Mirror) Commit(ctx context.Context, sha string) (Commit, error) {
	h, err := m.fullID(sha)
	if err != nil {
		return Commit{}, err
	}
	v, done, err := m.read()
	if err != nil {
		return Commit{}, err
	}
	defer done()
	if !v.Has(h) {
		return Commit{}, m.unknownCommit(sha)
	}
	c, err := v.commit(h)
	if err != nil {
		return Commit{}, m.readFault(ctx, "reading commit "+sha, err)
	}
	message := decodeText(c.Message, string(c.Encoding))
	return Commit{
		SHA:       c.Hash.String(),
		Author:    person(c.Author, string(c.Encoding)),
		Committer: person(c.Committer, string(c.Encoding)),
		CoAuthors: coAuthors(message),
		Message:   message,
		Time:      c.Committer.When,
	}, nil
}

// Contains reports whether a commit is another one, or in its history; both are
// given by their full ids.
func (m *Mirror) Contains(ctx context.Context, head, sha string) (bool, error) {
	from, err := m.fullID(head)
	if err != nil {
		return false, err
	}
	wanted, err := m.fullID(sha)
	if err != nil {
		return false, err
	}
	v, done, err := m.read()
	if err != nil {
		return false, err
	}
	defer done()
	if !v.Has(from) {
		return false, m.unknownCommit(head)
	}
	seen := map[plumbing.Hash]bool{from: true}
	for todo := []plumbing.Hash{from}; len(todo) > 0; {
		h := todo[0]
		todo = todo[1:]
		if h == wanted {
			return true, nil
		}
		if err := ctx.Err(); err != nil {
			return false, m.readFault(ctx, "reading its history", err)
		}
		if !v.Has(h) {
			continue // the remote is a shallow clone: history ends here
		}
		c, err := v.commit(h)
		if err != nil {
			return false, m.readFault(ctx, "reading commit "+h.String(), err)
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

func person(s object.Signature, encoding string) Person {
	return Person{Name: decodeText(s.Name, encoding), Email: decodeText(s.Email, encoding)}
}

// decodeText makes UTF-8 of what a commit holds. Latin-1 is the one other
// encoding that is still met.
func decodeText(s, encoding string) string {
	if utf8.ValidString(s) {
		return s
	}
	switch strings.ToLower(encoding) {
	case "iso-8859-1", "iso8859-1", "latin1", "latin-1":
		var b strings.Builder
		for _, c := range []byte(s) {
			b.WriteRune(rune(c))
		}
		return b.String()
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// coAuthor is a Co-authored-by line. Every line counts, not only those of the
// last paragraph: a co-author may not approve, so one too many is the safe side.
var coAuthor = lazily.Pattern(`(?mi)^[ \t]*co-authored-by[ \t]*:[ \t]*([^<\r\n]*?)[ \t]*<[ \t]*([^>\r\n]+?)[ \t]*>`)

func coAuthors(message string) []Person {
	var found []Person
	for _, m := range coAuthor().FindAllStringSubmatch(message, -1) {
		if p := (Person{Name: m[1], Email: m[2]}); !slices.Contains(found, p) {
			found = append(found, p)
		}
	}
	return found
}

// Resolve turns the name of a branch or a tag, HEAD, a full reference name, or
// a commit id, whole or its first seven digits at least, into a commit id. A
// name goes before an id. What is unknown, or could mean two commits, is a
// NotFound fault.
func (m *Mirror) Resolve(ctx context.Context, ref string) (string, error) {
	v, done, err := m.read()
	if err != nil {
		return "", err
	}
	defer done()
	h, ok, err := m.resolveName(v, ref)
	if err == nil && !ok {
		h, err = m.resolveID(v, ref)
	}
	if err != nil {
		return "", err
	}
	commit, kind, err := v.peel(h)
	if err != nil {
		return "", m.readFault(ctx, fmt.Sprintf("resolving %q", ref), err)
	}
	if kind != plumbing.CommitObject {
		return "", fault.New(fault.NotFound, "name a branch, a tag of a commit, or a commit id", "%q in repository %q names a %s and not a commit", ref, m.remote.Name, kind)
	}
	return commit.String(), nil
}

func (m *Mirror) resolveName(v *view, ref string) (plumbing.Hash, bool, error) {
	if ref == "HEAD" {
		ref = v.head
	}
	if h, ok := v.refs[ref]; ok {
		return h, true, nil
	}
	branch, isBranch := v.refs["refs/heads/"+ref]
	tag, isTag := v.refs["refs/tags/"+ref]
	if isBranch && isTag && branch != tag {
		return branch, false, fault.New(fault.NotFound, fmt.Sprintf("write refs/heads/%s or refs/tags/%s", ref, ref),
			"%q is both a branch and a tag of repository %q", ref, m.remote.Name)
	}
	if isTag {
		return tag, true, nil
	}
	return branch, isBranch, nil
}

func (m *Mirror) resolveID(v *view, ref string) (plumbing.Hash, error) {
	unknown := fault.New(fault.NotFound, "give a branch, a tag or a commit id of at least seven digits; a commit just pushed is known after the next poll",
		"repository %q has no branch, tag or commit %q", m.remote.Name, ref)
	ref = strings.ToLower(ref)
	if !remote.LooksLikeID(ref) {
		return plumbing.ZeroHash, unknown
	}
	var found []plumbing.Hash
	for _, p := range v.packs {
		p.HashesWithPrefix(ref, func(h plumbing.Hash) {
			obj, err := v.object(h)
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
	return plumbing.ZeroHash, fault.New(fault.NotFound, "give more digits: "+strings.Join(ids, ", "), "%q could be %d commits of repository %q", ref, len(ids), m.remote.Name)
}
