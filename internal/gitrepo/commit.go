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
	"github.com/tfops/tfops/internal/lazyregexp"
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
	c, err := v.Commit(h)
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
	found, err := v.Contains(ctx, from, wanted)
	return found, m.readFault(ctx, "reading its history", err)
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
var coAuthor = lazyregexp.New(`(?mi)^[ \t]*co-authored-by[ \t]*:[ \t]*([^<\r\n]*?)[ \t]*<[ \t]*([^>\r\n]+?)[ \t]*>`)

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
	h, ok, err := v.ResolveName(ref, m.remote.Name)
	if err == nil && !ok {
		h, err = v.ResolveID(ref, m.remote.Name)
	}
	if err != nil {
		return "", err
	}
	commit, kind, err := v.Peel(h)
	if err != nil {
		return "", m.readFault(ctx, fmt.Sprintf("resolving %q", ref), err)
	}
	if kind != plumbing.CommitObject {
		return "", fault.New(fault.NotFound, "name a branch, a tag of a commit, or a commit id",
			"%q in repository %q names a %s and not a commit", ref, m.remote.Name, kind)
	}
	return commit.String(), nil
}
