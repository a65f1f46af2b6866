package local

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/tfops/tfops/internal/gitrepo/packs"
	"github.com/tfops/tfops/internal/gitrepo/trees"
)

// Walker lists all that is reachable, once each, parents before children.
type Walker struct {
	ctx   context.Context
	store *Library
	Skip  func(plumbing.Hash) bool // what need not be listed, nor what it reaches; may be nil
	done  map[plumbing.Hash]bool
	Found []plumbing.Hash
	last  map[string]plumbing.Hash        // by path: what was found there last
	near  map[plumbing.Hash]plumbing.Hash // what was found at the same path before
}

// NewWalker makes a walker that has found nothing yet.
func NewWalker(ctx context.Context, store *Library) *Walker {
	return &Walker{ctx: ctx, store: store, done: map[plumbing.Hash]bool{}, last: map[string]plumbing.Hash{},
		near: map[plumbing.Hash]plumbing.Hash{}}
}

// add lists an object that is at a path.
func (w *Walker) add(h plumbing.Hash, at string) {
	w.Found = append(w.Found, h)
	if len(at) > trees.MaxPath { // directories can lie in one another without end
		return
	}
	if before, ok := w.last[at]; ok {
		w.near[h] = before
	}
	w.last[at] = h
}

func (w *Walker) Read(h plumbing.Hash) (plumbing.EncodedObject, error) {
	if err := w.ctx.Err(); err != nil {
		return nil, err
	}
	return w.store.object(h)
}

// Object walks from a commit, a tag, a tree or a blob. History is walked in a
// loop and not by recursion: it may be very long.
func (w *Walker) Object(start plumbing.Hash) error {
	for todo := []plumbing.Hash{start}; len(todo) > 0; {
		h := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if w.seen(h) {
			continue
		}
		obj, err := w.Read(h)
		if errors.Is(err, plumbing.ErrObjectNotFound) && h != start {
			continue // the source is a shallow clone: history ends here
		}
		if err != nil {
			return fmt.Errorf("object %s: %w", h, err)
		}
		w.Found = append(w.Found, h)
		switch obj.Type() {
		case plumbing.CommitObject:
			c := &object.Commit{Hash: h}
			if obj.Size() <= packs.MaxCommit && c.Decode(obj) == nil { // a malformed object reaches nothing
				todo = append(todo, c.ParentHashes...)
				err = w.tree(c.TreeHash, "")
			}
		case plumbing.TagObject:
			var tag object.Tag
			if obj.Size() <= packs.MaxCommit && tag.Decode(obj) == nil {
				err = w.Object(tag.Target)
			}
		case plumbing.TreeObject:
			err = w.entries(obj, "")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *Walker) seen(h plumbing.Hash) bool {
	if w.done[h] || w.Skip != nil && w.Skip(h) {
		return true
	}
	w.done[h] = true
	return false
}

func (w *Walker) tree(h plumbing.Hash, at string) error {
	if w.seen(h) {
		return nil
	}
	obj, err := w.Read(h)
	if err != nil {
		return fmt.Errorf("tree %s: %w", h, err)
	}
	w.add(h, at)
	if obj.Type() != plumbing.TreeObject {
		return nil
	}
	return w.entries(obj, at)
}

func (w *Walker) entries(of plumbing.EncodedObject, at string) error {
	raw, err := packs.ReadObject(of)
	if err != nil {
		return err
	}
	entries, err := trees.ParseTree(raw)
	if err != nil {
		return nil
	}
	for _, e := range entries {
		p := at
		if len(at) <= trees.MaxPath {
			p += e.Name
			if e.IsTree() {
				p += "/"
			}
		}
		switch {
		case e.IsTree():
			if err := w.tree(e.Hash, p); err != nil {
				return err
			}
		case e.Kind() != trees.ModeGitlink && !w.seen(e.Hash):
			w.add(e.Hash, p)
		}
	}
	return nil
}
