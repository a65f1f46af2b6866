// Package fetch brings what a mirror lacks: it chooses among the references of a
// remote, says what is there already, and takes one pack in.
package fetch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/tfops/tfops/internal/gitrepo/packs"
	"github.com/tfops/tfops/internal/gitrepo/remote"
	"github.com/tfops/tfops/internal/gitrepo/snapshot"
)

// Everything asks a Fetch for all branches and tags, followed or not.
const Everything = "*"

// keepAsked is how long a name that somebody asked for counts as followed.
const keepAsked = time.Hour

// Get brings what is missing into packs, and returns the view that includes them.
// References on disk are not touched. What it opened is closed again when it fails.
//
// A host that does not negotiate is asked for everything instead.
func (ask Request) Get(ctx context.Context) (*snapshot.View, error) {
	next, err := ask.talk(ctx)
	if len(ask.Wanted) > 0 && errors.As(err, new(*remote.Refusal)) {
		ask.named = true
		next, err = ask.talk(ctx)
	}
	if ask.Have != nil && errors.As(err, new(*remote.Refusal)) {
		ask.whole = true
		next, err = ask.talk(ctx)
	}
	if err == nil && len(next.LateTags) > 0 && !next.Whole { // of what has only now arrived
		ask.Have = next
		if more, err := ask.talk(ctx); err == nil {
			return more, nil
		}
		// They are asked for once more by the next fetch: what has arrived counts.
	}
	return next, err
}

// Request is what one fetch is for. Its upper fields are settings.
type Request struct {
	Connect func(context.Context) (remote.Source, error)
	Dir     string
	Have    *snapshot.View // nil for a new mirror
	Wanted  []string
	Follows func(name string) bool // of a reference, by its full name
	Asked   map[string]time.Time   // names that were wanted, and when; added to

	named bool // ask for nothing but what references name
	whole bool // tell the remote nothing of what is there
}

func (ask Request) talk(ctx context.Context) (*snapshot.View, error) {
	src, err := ask.Connect(ctx)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	adv, err := src.List(ctx)
	if err != nil {
		return nil, err
	}
	return ask.grow(ctx, src, adv)
}

// grow gets what is missing into a new pack.
func (ask Request) grow(ctx context.Context, src remote.Source, adv remote.Advert) (*snapshot.View, error) {
	have := ask.Have
	next := &snapshot.View{Head: defaultBranch(adv, have), Seen: map[plumbing.Hash]time.Time{}}
	if have != nil {
		next.Packs, next.Whole = slices.Clone(have.Packs), have.Whole
		maps.Copy(next.Seen, have.Seen)
	}
	chosen := ask.choose(adv, next)
	want := chosen.missing(next, ask.whole)
	if len(want) > 0 {
		if err := ask.bring(ctx, src, next, want); err != nil {
			return nil, err
		}
	}
	next.Refs, next.LateTags = chosen.refs, nil
	takeTags(next, adv)
	now := time.Now()
	for _, h := range slices.Concat(slices.Collect(maps.Values(next.Refs)), chosen.ids) {
		if next.Has(h) {
			next.Seen[h] = now
		}
	}
	return next, nil
}

// bring gets a pack with all that want needs, and puts it first.
func (ask Request) bring(ctx context.Context, src remote.Source, v *snapshot.View, want []plumbing.Hash) error {
	told := ask.Have
	if ask.whole {
		told = nil
	}
	var have remote.Stock // a nil *view is not nil in it
	if told != nil {
		have = told
	}
	info, err := packs.Write(ctx, ask.Dir, func(w io.Writer) error { return src.Pack(ctx, want, have, w) })
	if err != nil {
		return err
	}
	if info.Name == "" && told != nil {
		return &packs.Damage{What: "after a fetch, nothing new is there"} // see arrived
	}
	if info.Name == "" {
		return errors.New("the remote sent no objects for the references it named")
	}
	p, err := packs.Open(ask.Dir, info)
	if err != nil {
		return err
	}
	old := v.Packs
	v.Whole = ask.whole || told != nil && sentAgain(told, p)
	v.Packs = append([]*packs.Pack{p}, old...)
	if err := arrived(v, want); err != nil {
		p.Close()
		removePack(ask.Dir, p.Name)
		return err
	}
	if v.Whole { // or the mirror would grow by a whole repository each time
		v.Packs = append([]*packs.Pack{p}, slices.DeleteFunc(slices.Clone(old), p.Covers)...)
	}
	return nil
}

// sentAgain reports whether a pack has a commit that the remote was told of: it
// did not heed that, and sent everything.
func sentAgain(v *snapshot.View, p *packs.Pack) bool {
	return slices.ContainsFunc(v.Haves(), p.Has)
}

// arrived checks that what was asked for is there, with its tree. If not,
// either the remote or what we told it to have is at fault: a fresh clone
// tells which.
func arrived(v *snapshot.View, want []plumbing.Hash) error {
	for _, h := range want {
		if !v.Has(h) {
			return &packs.Damage{What: fmt.Sprintf("after a fetch, %s is not there", h)}
		}
	}
	return v.Complete(want)
}

func defaultBranch(adv remote.Advert, have *snapshot.View) string {
	switch {
	case remote.ValidRef(adv.Head):
		return adv.Head
	case have != nil:
		return have.Head
	}
	return "refs/heads/main"
}

// removePack removes the files of a pack. What cannot be removed now is swept
// before the next fetch.
func removePack(dir, name string) {
	for _, suffix := range []string{".idx", ".pack"} {
		_ = os.Remove(packs.Base(dir, name) + suffix)
	}
}

// choice is what a fetch is to have afterwards.
type choice struct {
	refs map[string]plumbing.Hash
	ids  []plumbing.Hash // besides: commits that no chosen reference names
}

// choose picks from what the remote has. Tags that nobody asked for come with
// what they are tags of: see takeTags.
func (ask Request) choose(adv remote.Advert, v *snapshot.View) choice {
	c := choice{refs: map[string]plumbing.Hash{}}
	now := time.Now()
	maps.DeleteFunc(ask.Asked, func(_ string, t time.Time) bool { return now.Sub(t) >= keepAsked })
	for _, w := range ask.Wanted {
		if w == Everything {
			c.ids = append(c.ids, slices.Collect(maps.Values(adv.Refs))...)
			continue
		}
		names, id := adv.Find(w)
		for _, name := range names {
			ask.Asked[name] = now
		}
		if !id.IsZero() && (v.Has(id) || !ask.named && adv.Gives(id)) {
			c.ids = append(c.ids, id)
		}
	}
	for name, h := range adv.Refs {
		_, asked := ask.Asked[name]
		target := cmp.Or(adv.Peeled[name], h)
		if asked || ask.Follows(name) || strings.HasPrefix(name, remote.Tags) && v.Has(target) {
			c.refs[name] = h
		}
	}
	return c
}

// missing is what a remote must be asked for: all of it when it is told of
// nothing, and nothing when all of it is there.
func (c choice) missing(v *snapshot.View, whole bool) []plumbing.Hash {
	all := map[plumbing.Hash]bool{}
	lacks := false
	for _, h := range slices.Concat(slices.Collect(maps.Values(c.refs)), c.ids) {
		lacks = lacks || !v.Has(h)
		if whole || !v.Has(h) {
			all[h] = true
		}
	}
	if !lacks {
		return nil
	}
	return slices.SortedFunc(maps.Keys(all), func(a, b plumbing.Hash) int { return slices.Compare(a[:], b[:]) })
}

// takeTags takes over the tags of commits that are there.
func takeTags(v *snapshot.View, adv remote.Advert) {
	for name, h := range adv.Refs {
		if _, ok := v.Refs[name]; ok || !strings.HasPrefix(name, remote.Tags) {
			continue
		}
		switch {
		case v.Has(h):
			v.Refs[name] = h
		case v.Has(adv.Peeled[name]):
			v.LateTags = append(v.LateTags, h)
		}
	}
}
