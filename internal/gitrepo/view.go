package gitrepo

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/tfops/tfops/internal/gitrepo/packs"
	"github.com/tfops/tfops/internal/gitrepo/trees"
)

// view is the mirror as of one moment: it never changes, so reads need no lock
// and a fetch disturbs none of them. The packs it names stay open until the
// last user lets go of it.
type view struct {
	refs  map[string]plumbing.Hash // by full name, heads and tags
	head  string                   // full name of the remote's default branch; may be empty
	packs []*packs.Pack            // newest first
	seen  map[plumbing.Hash]time.Time
	whole bool // the last fetch that brought something brought everything: the host does not negotiate

	lateTags []plumbing.Hash // tag objects of commits that are there, to be fetched next

	users   int  // guarded by the holder's mu
	retired bool // guarded by the holder's mu
}

func (v *view) Has(h plumbing.Hash) bool {
	for _, p := range v.packs {
		if p.Has(h) {
			return true
		}
	}
	return false
}

// object reads one object; plumbing.ErrObjectNotFound when the mirror lacks it.
func (v *view) object(h plumbing.Hash) (plumbing.EncodedObject, error) {
	for _, p := range v.packs {
		if p.Has(h) {
			return p.Get(h)
		}
	}
	return nil, fmt.Errorf("object %s: %w", h, plumbing.ErrObjectNotFound)
}

// commit reads a commit.
func (v *view) commit(h plumbing.Hash) (*object.Commit, error) {
	obj, err := v.object(h)
	if err != nil {
		return nil, err
	}
	c := &object.Commit{Hash: h}
	if obj.Type() != plumbing.CommitObject || obj.Size() > packs.MaxCommit || c.Decode(obj) != nil {
		return nil, fmt.Errorf("commit %s: %w", h, packs.ErrMalformed)
	}
	return c, nil
}

const maxTagDepth = 8 // tags of tags; nobody nests them

// peel follows annotated tags to what they name.
func (v *view) peel(h plumbing.Hash) (plumbing.Hash, plumbing.ObjectType, error) {
	for range maxTagDepth {
		obj, err := v.object(h)
		if err != nil {
			return h, plumbing.InvalidObject, err
		}
		if obj.Type() != plumbing.TagObject {
			return h, obj.Type(), nil
		}
		var tag object.Tag
		if obj.Size() > packs.MaxCommit || tag.Decode(obj) != nil {
			return h, plumbing.InvalidObject, fmt.Errorf("tag %s: %w", h, packs.ErrMalformed)
		}
		h = tag.Target
	}
	return h, plumbing.InvalidObject, fmt.Errorf("tag %s is nested too deep: %w", h, packs.ErrMalformed)
}

const maxHaves = 1024

// Haves names commits that the mirror has, to spare their transfer: the heads,
// then their ancestors breadth first, since a remote may have dropped a head
// that a force-push replaced. The mirror has all that they need.
func (v *view) Haves() []plumbing.Hash {
	done := map[plumbing.Hash]bool{}
	var found, next []plumbing.Hash
	for _, h := range v.refs {
		if h, kind, err := v.peel(h); err == nil && kind == plumbing.CommitObject {
			next = append(next, h)
		}
	}
	for len(next) > 0 && len(found) < maxHaves {
		h := next[0]
		next = next[1:]
		if done[h] || !v.Has(h) {
			continue
		}
		done[h] = true
		found = append(found, h)
		if c, err := v.commit(h); err == nil {
			next = append(next, c.ParentHashes...)
		}
	}
	return found
}

// complete reports damage when the tree of a head is not all in the view.
// Histories are not walked: nothing but a head's tree is ever exported before
// that commit was a head.
func (v *view) complete(heads []plumbing.Hash) error {
	t := trees.New(v.packs, nil)
	done := map[plumbing.Hash]bool{}
	for _, head := range heads {
		h, kind, err := v.peel(head)
		if err == nil && kind == plumbing.CommitObject {
			c, cerr := v.commit(h)
			if err = cerr; err == nil {
				err = t.Complete(c.TreeHash, done)
			}
		}
		if err != nil && !errors.Is(err, packs.ErrMalformed) {
			return &packs.Damage{What: fmt.Sprintf("commit %s", head), Err: err}
		}
	}
	return nil
}

// closeNew closes the packs that old does not have.
func (v *view) closeNew(old *view) {
	for _, p := range v.packs {
		if old == nil || !slices.Contains(old.packs, p) {
			p.Close()
		}
	}
}
