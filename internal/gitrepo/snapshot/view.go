package snapshot

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

// View is the mirror as of one moment: it never changes, so reads need no lock
// and a fetch disturbs none of them. The packs it names stay open until the
// last user lets go of it.
type View struct {
	Refs  map[string]plumbing.Hash // by full name, heads and tags
	Head  string                   // full name of the remote's default branch; may be empty
	Packs []*packs.Pack            // newest first
	Seen  map[plumbing.Hash]time.Time
	Whole bool // the last fetch that brought something brought everything: the host does not negotiate

	LateTags []plumbing.Hash // tag objects of commits that are there, to be fetched next

	users   int  // guarded by the holder's mu
	retired bool // guarded by the holder's mu
}

func (v *View) Has(h plumbing.Hash) bool {
	return slices.ContainsFunc(v.Packs, func(p *packs.Pack) bool { return p.Has(h) })
}

// Object reads one object; plumbing.ErrObjectNotFound when the mirror lacks it.
func (v *View) Object(h plumbing.Hash) (plumbing.EncodedObject, error) {
	for _, p := range v.Packs {
		if p.Has(h) {
			return p.Get(h)
		}
	}
	return nil, fmt.Errorf("object %s: %w", h, plumbing.ErrObjectNotFound)
}

// Commit reads a commit.
func (v *View) Commit(h plumbing.Hash) (*object.Commit, error) {
	obj, err := v.Object(h)
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

// Peel follows annotated tags to what they name.
func (v *View) Peel(h plumbing.Hash) (plumbing.Hash, plumbing.ObjectType, error) {
	for range maxTagDepth {
		obj, err := v.Object(h)
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
func (v *View) Haves() []plumbing.Hash {
	done := map[plumbing.Hash]bool{}
	var found, next []plumbing.Hash
	for _, h := range v.Refs {
		if h, kind, err := v.Peel(h); err == nil && kind == plumbing.CommitObject {
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
		if c, err := v.Commit(h); err == nil {
			next = append(next, c.ParentHashes...)
		}
	}
	return found
}

// Complete reports damage when the tree of a head is not all in the view.
// Histories are not walked: nothing but a head's tree is ever exported before
// that commit was a head.
func (v *View) Complete(heads []plumbing.Hash) error {
	t := trees.New(v.Packs, nil)
	done := map[plumbing.Hash]bool{}
	for _, head := range heads {
		h, kind, err := v.Peel(head)
		if err == nil && kind == plumbing.CommitObject {
			c, cerr := v.Commit(h)
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

// CloseNew closes the packs that old does not have.
func (v *View) CloseNew(old *View) {
	for _, p := range v.Packs {
		if old == nil || !slices.Contains(old.Packs, p) {
			p.Close()
		}
	}
}
