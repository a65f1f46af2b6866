package gitrepo

import (
	"context"
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/gitrepo/commits"
	"github.com/tfops/tfops/internal/gitrepo/history"
	"github.com/tfops/tfops/internal/gitrepo/packs"
	"github.com/tfops/tfops/internal/gitrepo/signatures"
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
	return commits.Of(c), nil
}

// Signed reads a commit, given by its full id, as far as its signature goes.
func (m *Mirror) Signed(ctx context.Context, sha string) (signatures.Signed, error) {
	h, err := m.fullID(sha)
	if err != nil {
		return signatures.Signed{}, err
	}
	v, done, err := m.read()
	if err != nil {
		return signatures.Signed{}, err
	}
	defer done()
	if !v.Has(h) {
		return signatures.Signed{}, m.unknownCommit(sha)
	}
	obj, err := v.Object(h)
	if err == nil && obj.Size() > packs.MaxCommit {
		err = fmt.Errorf("commit %s: %w", h, packs.ErrMalformed)
	}
	if err != nil {
		return signatures.Signed{}, m.readFault(ctx, "reading commit "+sha, err)
	}
	raw, err := packs.Content(h, obj, plumbing.CommitObject)
	return signatures.Of(raw), m.readFault(ctx, "reading commit "+sha, err)
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

// Range reads the commits that lie between two, given by their full ids, and what each of
// them changed: see package history. An empty base is the beginning.
func (m *Mirror) Range(ctx context.Context, base, head string) (history.Range, error) {
	v, done, err := m.read()
	if err != nil {
		return history.Range{}, err
	}
	defer done()
	for _, sha := range []string{base, head} {
		if sha != "" && !m.Has(sha) {
			return history.Range{}, m.unknownCommit(sha)
		}
	}
	found, err := history.Reader{Objects: v, Diff: m.differences, Cache: &m.history}.Range(ctx, base, head)
	return found, m.readFault(ctx, "reading its history", err)
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
