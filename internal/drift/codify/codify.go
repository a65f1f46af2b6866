// Package codify proposes the edit of a module's source that makes the
// configuration match the world, for a difference that a check found.
//
// A value is followed from the resource's argument to the place where it is
// written as plain text: through variables to the argument of the module's
// call, to a file of values or to a default; through locals; through
// each.value to the element of for_each. There, and nowhere else, bytes are
// exchanged, so comments, order and layout stay as they are. A file that was
// formatted as the engine formats it is formatted again afterwards; another is
// left as it was around the edit.
//
// What is not plain text, or what more than this one resource reads, is
// refused with the reason, the file and the line: a proposal never changes
// another resource knowingly. A sensitive value is never written. Whether the
// edit does what it should is for a plan on a scratch copy to say.
package codify

import (
	"bytes"
	"io/fs"
	"maps"
	"path"
	"slices"

	"github.com/tfops/tfops/internal/drift/codify/changes"
	"github.com/tfops/tfops/internal/drift/codify/hclsource"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/plan"
)

// Change is one attribute that is to match the world.
type Change = changes.Change

// Edit is one file before and after.
type Edit struct{ Before, After []byte }

// Proposal is an edit of the source. It is empty when all was refused.
type Proposal struct {
	Files   map[string]Edit // by path from the root of the repository
	Diff    string          // unified, with a/ and b/, as git apply takes it
	Done    []string        // paths of the attributes that are codified
	Refused []hclsource.Refusal
}

// Propose makes the source say what the world has at one resource instance.
// An error means that the resource could not be looked at; what cannot be
// codified is in the proposal.
func Propose(s hclsource.Source, address string, list []Change) (Proposal, error) {
	e, at, err := open(s, address)
	if err != nil {
		return Proposal{}, err
	}
	var p Proposal
	list, p.Refused = changes.Ordered(list)
	for _, c := range list {
		saved := maps.Clone(e.Now)
		if r := e.change(at, c); r != nil {
			e.Restore(saved)
			r.Path = c.Path
			p.Refused = append(p.Refused, *r)
			continue
		}
		p.Done = append(p.Done, c.Path)
	}
	e.finish(&p)
	return p, nil
}

// editor makes sources say what the world has.
type editor struct {
	*hclsource.Sources
	at      hclsource.Target
	indexes map[string]int      // where the source has a nested block or an element that was applied, by its path
	moving  map[string]string   // texts of elements and blocks that were taken out, by list and value
	wrote   map[string][]string // keys that were written in those, by list
}

// open reads the root module and checks that the resource is written in the
// modules that lead to it.
func open(s hclsource.Source, address string) (*editor, hclsource.Target, error) {
	s.Dir = path.Clean(s.Dir)
	at, err := hclsource.ParseAddress(address)
	if err != nil {
		return nil, at, err
	}
	if s.Tree == nil || !fs.ValidPath(s.Dir) {
		return nil, at, fault.New(fault.Invalid, "name a directory of the repository",
			"%q is not a directory within the repository", s.Dir)
	}
	e := &editor{Sources: hclsource.New(s), at: at, indexes: map[string]int{}, moving: map[string]string{},
		wrote: map[string][]string{}}
	_, err = e.Locate(at)
	return e, at, err
}

// change edits what one attribute needs.
func (e *editor) change(at hclsource.Target, c Change) *hclsource.Refusal {
	if c.Sensitive || hidden(c.Want) {
		return hclsource.Refuse("the value is sensitive, and source is no place for a secret",
			"write it to your secret store and refer to it, or put the old value back with `tfops sync WORKSPACE`")
	}
	e.Edits = 0
	if r := e.put(at, wish{Change: c}, 0); r != nil || e.Edits > 0 {
		return r.Otherwise(c.Steps)
	}
	sc, err := e.Locate(at)
	if err != nil {
		return hclsource.Refuse(err.Error(), fault.Next(err))
	}
	return hclsource.Refuse("the configuration says this already",
		"apply it with `tfops sync WORKSPACE`, or wait for the next check").In(sc.Block.DefRange())
}

// hidden reports whether a value holds one that was redacted.
func hidden(v any) bool {
	switch v := v.(type) {
	case string:
		return v == plan.Sensitive
	case []any:
		return slices.ContainsFunc(v, hidden)
	case map[string]any:
		for _, w := range v {
			if hidden(w) {
				return true
			}
		}
	}
	return false
}

// finish fills in the files and the diff.
func (e *editor) finish(p *Proposal) {
	p.Files = map[string]Edit{}
	for name, after := range e.Now {
		if before := e.Was[name]; !bytes.Equal(before, after) {
			p.Files[name] = Edit{Before: before, After: after}
		}
	}
	p.Diff = unified(p.Files)
}
