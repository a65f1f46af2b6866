package codify

import (
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/tfops/tfops/internal/drift/codify/changes"
	"github.com/tfops/tfops/internal/drift/codify/hclsource"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/plan"
)

// wish is one value that the source is to have.
type wish struct {
	Change
	exact  bool // the last index is that of the source
	insert bool // an element is added before that index
}

// below is what is to be put at a step below a wish.
func (w wish) below(s hclsource.Step, was, want any) wish {
	out := wish{Change: Change{Was: was, Want: want, Null: want == nil, Shaped: w.Shaped, Place: w.AtKey(s.Key)}}
	if s.IsIndex {
		out.Place, out.exact = w.AtIndex(s.Index, nil), true // it is the source's own
	}
	return out
}

// at is the wish with the index that the source has for an element that was applied, whose step is the n-th.
func (w wish) at(n, index int) wish {
	w.Steps, w.Near = slices.Clone(w.Steps), slices.Clone(w.Near)
	w.Steps[n].Index = index
	if i := changes.Indexes(w.Steps[:n]); i < len(w.Near) {
		w.Near[i] = nil
	}
	return w
}

// maxValue is how deep a value may be nested.
const maxValue = 100

// put edits what one value needs. A value with parts is put part by part, so
// that what does not differ is not touched; each part finds its place anew.
func (e *editor) put(at hclsource.Target, w wish, depth int) *hclsource.Refusal {
	if depth > maxValue {
		return hclsource.Refuse("the value is nested too deep", hclsource.Handwork)
	}
	sc, err := e.Locate(at)
	if err != nil {
		return hclsource.Refuse(err.Error(), fault.Next(err))
	}
	parts, r := e.putBody(sc, append([]*hclsyntax.Block{sc.Block}, sc.Rest...), w.Steps, w)
	if r != nil {
		return r
	}
	for _, p := range parts {
		if r := e.put(at, p, depth+1); r != nil {
			return r
		}
	}
	return nil
}

// putBody edits within the body of a resource or of a nested block; blocks are
// those that are merged to be it. It returns the parts that are to be put
// instead, if any.
func (e *editor) putBody(sc *hclsource.Scope, blocks []*hclsyntax.Block, rest []hclsource.Step, w wish) ([]wish,
	*hclsource.Refusal) {
	if rest[0].IsIndex {
		return nil, hclsource.Refuse(fmt.Sprintf("%s leads to nothing in the source", hclsource.PathOf(w.Steps)),
			hclsource.Handwork).In(blocks[0].DefRange())
	}
	name := rest[0].Key
	for _, b := range slices.Backward(blocks) {
		if a := b.Body.Attributes[name]; a != nil {
			before := changes.Indexes(w.Steps[:len(w.Steps)-len(rest)])
			st, r := e.follow(site{sc: sc, expr: a.Expr, rest: rest[1:], arg: a,
				aim: aim{w.Steps, w.Near[min(before, len(w.Near)):], w.Does() == changes.Removes}}, 0)
			if r != nil {
				return nil, r
			}
			return e.settle(st, w)
		}
	}
	nested, r := nestedBlocks(blocks, name)
	if r != nil {
		return nil, r
	}
	if w.Block != nil && (len(rest) == 1 || len(rest) == 2 && rest[1].IsIndex) {
		return nil, e.putBlock(sc, blocks[0], nested, w)
	}
	if len(nested) > 0 {
		return e.putNested(sc, nested, rest[1:], w)
	}
	return nil, e.putNew(sc, blocks[0], rest, w)
}

// nestedBlocks are the blocks of a name.
func nestedBlocks(blocks []*hclsyntax.Block, name string) ([]*hclsyntax.Block, *hclsource.Refusal) {
	var found []*hclsyntax.Block
	for _, b := range blocks {
		var here []*hclsyntax.Block
		for _, n := range b.Body.Blocks {
			if n.Type == "dynamic" && len(n.Labels) > 0 && n.Labels[0] == name {
				return nil, hclsource.Refuse(fmt.Sprintf("the blocks %s are made by a dynamic block", name),
					hclsource.Handwork).In(n.DefRange())
			}
			if n.Type == name {
				here = append(here, n)
			}
		}
		if len(here) > 0 {
			found = here // an override replaces all blocks of a name
		}
	}
	return found, nil
}

// putNested edits one of the nested blocks of a name.
func (e *editor) putNested(sc *hclsource.Scope, nested []*hclsyntax.Block, rest []hclsource.Step, w wish) ([]wish,
	*hclsource.Refusal) {
	index, r := e.choose(sc, nested, rest, w)
	if r != nil {
		return nil, r
	}
	b := nested[index]
	if len(rest) > 0 && rest[0].IsIndex {
		w, rest = w.at(len(w.Steps)-len(rest), index), rest[1:]
	}
	if len(rest) > 0 {
		return e.putBody(sc, []*hclsyntax.Block{b}, rest, w)
	}
	if w.Want == nil {
		if r := e.allow(site{sc: sc}); r != nil {
			return nil, r
		}
		text := e.BlockText(b)
		if r := e.CutLines(b.Range(), true); r != nil {
			return nil, r
		}
		e.took(w, text, nil)
		return nil, nil
	}
	was, okW := w.Was.(map[string]any)
	want, okN := w.Want.(map[string]any)
	if !okW || !okN {
		return nil, hclsource.Refuse("a whole block is not written from the world's values: some of them are the "+
			"provider's own", hclsource.Handwork).In(b.DefRange())
	}
	return parts(w, was, want, slices.Sorted(maps.Keys(want))), nil
}

// choose finds the block that a path means: by its index when that fits with
// what was applied, otherwise by its values.
func (e *editor) choose(sc *hclsource.Scope, nested []*hclsyntax.Block, rest []hclsource.Step,
	w wish) (int, *hclsource.Refusal) {
	at := 0
	fits := func(b *hclsyntax.Block) bool { return e.blockIs(sc, b, rest, w.Was) }
	known := w.Was != nil && !w.exact
	if len(rest) > 0 && rest[0].IsIndex {
		at, rest = rest[0].Index, rest[1:]
		if n := changes.Indexes(w.Steps[:len(w.Steps)-len(rest)-1]); n < len(w.Near) {
			was := w.Near[n]
			fits = func(b *hclsyntax.Block) bool { return e.blockIs(sc, b, nil, was) }
			known = was != nil
		}
	} else if len(nested) > 1 {
		return 0, hclsource.Refuse(fmt.Sprintf("there are %d blocks, and the path names none of them",
			len(nested)), hclsource.Handwork).In(nested[0].DefRange())
	}
	place := hclsource.PathOf(w.Steps[:len(w.Steps)-len(rest)])
	if i, ok := e.indexes[place]; ok && known && len(w.Near) > 0 && i < len(nested) {
		return i, nil
	}
	var found []int
	for i, b := range nested {
		if known && fits(b) {
			found = append(found, i)
		}
	}
	switch {
	case !known && at >= len(nested):
		return 0, hclsource.Refuse("this block is not written in the source",
			hclsource.Handwork).In(nested[0].DefRange())
	case !known, slices.Contains(found, at):
	case len(found) == 1:
		at = found[0]
	case len(nested) == 1 && at == 0 && (len(rest) > 0 || len(w.List) == 1): // a value is looked at where it is
	default:
		return 0, hclsource.Refuse("it cannot be told which of the blocks this is: none, or more than "+
			"one, has the values that were applied", hclsource.Handwork).In(nested[0].DefRange())
	}
	if known && len(w.Near) > 0 {
		e.indexes[place] = at
	}
	return at, nil
}

// blockIs reports whether a block has what was applied: the value at the end
// of a path, or, without one, every value that is written in it.
func (e *editor) blockIs(sc *hclsource.Scope, b *hclsyntax.Block, rest []hclsource.Step, was any) bool {
	if len(rest) == 0 {
		values, _ := was.(map[string]any)
		for name, a := range b.Body.Attributes {
			if _, plain := hclsource.Constant(a.Expr); plain && !e.blockIs(sc, b, []hclsource.Step{{Key: name}},
				values[name]) {
				return false
			}
		}
		return len(values) > 0
	}
	if was == plan.Sensitive {
		return true // which it may be
	}
	want, err := hclsource.ToValue(was)
	a := b.Body.Attributes[rest[0].Key]
	if a == nil && err == nil {
		inner, r := nestedBlocks([]*hclsyntax.Block{b}, rest[0].Key)
		if rest = rest[1:]; r == nil && len(rest) > 0 && rest[0].IsIndex {
			rest = rest[1:]
		}
		return len(rest) > 0 && slices.ContainsFunc(inner,
			func(n *hclsyntax.Block) bool { return e.blockIs(sc, n, rest, was) })
	}
	if a == nil || err != nil {
		return false
	}
	st, r := e.follow(site{sc: sc, expr: a.Expr, rest: rest[1:]}, 0)
	if r != nil || len(st.rest) > 0 {
		return false
	}
	have, ok := hclsource.Constant(st.expr)
	return ok && hclsource.Same(have, want)
}

// putNew adds an argument that is not written.
func (e *editor) putNew(sc *hclsource.Scope, b *hclsyntax.Block, rest []hclsource.Step, w wish) *hclsource.Refusal {
	if w.Want == nil {
		return hclsource.Refuse(fmt.Sprintf("%s is not written in the source, so there is nothing to take out: what "+
			"was applied is the provider's default", rest[0].Key),
			"put the old value back with `tfops sync WORKSPACE`, or write the default that you want").In(b.DefRange())
	}
	want, err := hclsource.ToValue(w.Want)
	if err != nil {
		return hclsource.Refuse(err.Error(), hclsource.Handwork).In(b.DefRange())
	}
	if !w.Shaped && blocky(want) {
		return hclsource.Refuse(fmt.Sprintf("%s is not written in the source, and may be one of nested blocks",
			rest[0].Key), hclsource.Handwork).In(b.DefRange())
	}
	for _, s := range slices.Backward(rest[1:]) {
		if s.IsIndex {
			return hclsource.Refuse(fmt.Sprintf("%s is not written in the source, so it is not known what its other "+
				"elements are", rest[0].Key), hclsource.Handwork).In(b.DefRange())
		}
		want = cty.ObjectVal(map[string]cty.Value{s.Key: want})
	}
	if r := e.allow(site{sc: sc}); r != nil {
		return r
	}
	return e.AddArgument(b, rest[0].Key, want)
}

// blocky reports whether a value may be that of nested blocks.
func blocky(v cty.Value) bool {
	if v.IsNull() || !v.Type().IsTupleType() {
		return false
	}
	return slices.ContainsFunc(v.AsValueSlice(), func(v cty.Value) bool { return !v.Type().IsPrimitiveType() })
}

// allow says why the text at a site may not be edited.
func (e *editor) allow(st site) *hclsource.Refusal {
	if st.sc == nil {
		return nil
	}
	if st.keyed {
		return e.Alone(st.sc.Outside())
	}
	return e.Alone(st.sc)
}

// parts are the keys whose values differ, each to be put on its own.
func parts(w wish, was, want map[string]any, keys []string) []wish {
	var out []wish
	for _, k := range keys {
		if old, ok := was[k]; ok && reflect.DeepEqual(old, want[k]) {
			continue
		}
		out = append(out, w.below(hclsource.Step{Key: k}, was[k], want[k]))
	}
	return out
}
