package codify

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/tfops/tfops/internal/drift/codify/changes"
	"github.com/tfops/tfops/internal/drift/codify/hclsource"
)

// settle edits the place where a value is written, or returns its parts.
func (e *editor) settle(st site, w wish) ([]wish, *hclsource.Refusal) {
	if tuple, ok := st.expr.(*hclsyntax.TupleConsExpr); ok && len(st.rest) == 1 {
		return e.element(st, tuple, w)
	}
	if len(st.rest) > 0 {
		return nil, e.item(st, w)
	}
	if w.Want == nil {
		return nil, e.takeOut(st, w)
	}
	want, err := hclsource.ToValue(w.Want)
	if err != nil {
		return nil, hclsource.Refuse(err.Error(), hclsource.Handwork).In(st.expr.Range())
	}
	have, plain := hclsource.Constant(st.expr)
	if plain && hclsource.Same(have, want) {
		return nil, nil
	}
	if object, ok := st.expr.(*hclsyntax.ObjectConsExpr); ok && want.Type().IsObjectType() {
		return mergeObject(object, w)
	}
	if tuple, ok := st.expr.(*hclsyntax.TupleConsExpr); ok && want.Type().IsTupleType() {
		return mergeTuple(tuple, want, w), nil
	}
	if !plain || !e.Plain(st.expr) {
		return nil, e.Opaque(st.expr)
	}
	if r := w.elsewhere(have, st); r != nil {
		return nil, r
	}
	return nil, e.exchange(st, want)
}

// elsewhere refuses a value below an index whose neighbours in the source are
// not what was applied: the order is another.
func (w wish) elsewhere(have cty.Value, st site) *hclsource.Refusal {
	below := slices.ContainsFunc(w.Steps[:len(w.Steps)-1], func(s hclsource.Step) bool { return s.IsIndex })
	if !below || w.Was == nil || w.exact {
		return nil
	}
	if was, err := hclsource.ToValue(w.Was); err == nil && hclsource.Same(have, was) {
		return nil
	}
	return hclsource.Refuse("the source has another value here than was applied, so the element may be another one",
		hclsource.Handwork).In(st.expr.Range())
}

func (e *editor) exchange(st site, want cty.Value) *hclsource.Refusal {
	if r := e.allow(st); r != nil {
		return r
	}
	at := st.expr.Range()
	return e.Splice(at.Filename, at.Start.Byte, at.End.Byte,
		hclsource.Render(want, e.IndentAt(at.Filename, at.Start.Byte)))
}

// takeOut removes what holds the value; where there has to be one it is null.
func (e *editor) takeOut(st site, w wish) *hclsource.Refusal {
	if v, ok := hclsource.Constant(st.expr); ok && v.IsNull() && (w.Null || st.in == nil) {
		return nil
	}
	if r := e.allow(st); r != nil {
		return r
	}
	switch in := st.in.(type) {
	case *hclsyntax.ObjectConsExpr:
		if !w.Null {
			return e.CutItem(in, st.index)
		}
	case *hclsyntax.TupleConsExpr:
		if !w.Null {
			text := string(e.Text(st.expr.Range()))
			if r := e.CutElement(in, st.index); r != nil {
				return r
			}
			names, _ := hclsource.Keys(st.expr)
			e.took(w, text, names)
			return nil
		}
	default:
		if st.arg != nil {
			return e.CutLines(st.arg.SrcRange, false)
		}
	}
	if !e.Plain(st.expr) {
		return e.Opaque(st.expr)
	}
	return e.exchange(st, cty.NullVal(cty.DynamicPseudoType))
}

// took keeps the text of an element or a block that was taken out of a list, for one of the same value
// that comes into it: so it moves as it is written.
func (e *editor) took(w wish, text string, names []string) {
	if len(w.Steps) > 0 {
		e.moving[w.moves(w.Was)] = strings.ReplaceAll(text, "\r\n", "\n")
		e.wrote[w.list()] = append(e.wrote[w.list()], names...)
	}
}

// list names the list that a wish is about an element of, and moves a value in it.
func (w wish) list() string { return hclsource.PathOf(w.Steps[:len(w.Steps)-1]) }

func (w wish) moves(v any) string {
	text, _ := json.Marshal(v)
	return w.list() + " " + string(text)
}

// item adds a key to an object.
func (e *editor) item(st site, w wish) *hclsource.Refusal {
	object, ok := st.expr.(*hclsyntax.ObjectConsExpr)
	if !ok {
		return e.Opaque(st.expr)
	}
	if w.Want == nil && !w.Null {
		return nil // it is not there
	}
	want, err := hclsource.ToValue(w.Want)
	if err != nil {
		return hclsource.Refuse(err.Error(), hclsource.Handwork).In(object.Range())
	}
	for len(st.rest) > 1 {
		last := st.rest[len(st.rest)-1]
		if last.IsIndex {
			return hclsource.Refuse(fmt.Sprintf("%s is not written in the source, so it is not known what its other "+
				"elements are", hclsource.PathOf(w.Steps[:len(w.Steps)-1])), hclsource.Handwork).In(object.Range())
		}
		want, st.rest = cty.ObjectVal(map[string]cty.Value{last.Key: want}), st.rest[:len(st.rest)-1]
	}
	if r := e.allow(st); r != nil {
		return r
	}
	return e.AddItem(object, st.rest[0].Key, want)
}

// element adds, changes or removes an element of a list.
func (e *editor) element(st site, tuple *hclsyntax.TupleConsExpr, w wish) ([]wish, *hclsource.Refusal) {
	at, last := st.rest[0].Index, len(w.Steps)-1
	w.exact = w.exact || !w.Steps[last].IsIndex // it is the source's own index
	if w.insert || w.Does() == changes.Adds && !w.exact {
		return nil, e.newElement(st, tuple, at, w)
	}
	if !w.exact {
		if w.Want != nil && hclsource.HasElement(tuple, w.Want) && !hclsource.HasElement(tuple, w.Was) {
			return nil, nil
		}
		var r *hclsource.Refusal
		if at, r = elementOf(tuple, at, w.Was); r != nil {
			return nil, r
		}
	}
	if at >= len(tuple.Exprs) {
		return nil, hclsource.Refuse("this element is not written in the source", hclsource.Handwork).In(tuple.Range())
	}
	found := site{sc: st.sc, expr: tuple.Exprs[at], in: tuple, index: at, keyed: st.keyed}
	if w.Does() != changes.Removes {
		var r *hclsource.Refusal
		if found, r = e.follow(found, 0); r != nil {
			return nil, r
		}
	}
	if w.Steps[last].IsIndex {
		w = w.at(last, at)
	}
	w.exact = true
	return e.settle(found, w)
}

// newElement adds an element to a list: as it was written where it only moves.
func (e *editor) newElement(st site, tuple *hclsyntax.TupleConsExpr, at int, w wish) *hclsource.Refusal {
	want, err := hclsource.ToValue(e.asOthers(tuple, w))
	if err != nil || at > len(tuple.Exprs) {
		return hclsource.Refuse("the list in the source is shorter than that in the world",
			hclsource.Handwork).In(tuple.Range())
	}
	if r := e.allow(st); r != nil {
		return r
	}
	return e.AddElement(tuple, at, e.moving[w.moves(w.Want)], want)
}

// asOthers is the element that comes into a list, as the source writes the others: an attribute that no
// other writes may be left out, and is where it is the provider's own.
func (e *editor) asOthers(tuple *hclsyntax.TupleConsExpr, w wish) any {
	object, isObject := w.Want.(map[string]any)
	written := e.wrote[w.list()]
	for _, x := range tuple.Exprs {
		names, ok := hclsource.Keys(x)
		if !ok {
			return w.Want
		}
		written = append(written, names...)
	}
	if !isObject || len(written) == 0 {
		return w.Want
	}
	out := maps.Clone(object)
	maps.DeleteFunc(out, func(k string, v any) bool {
		return !slices.Contains(written, k) && ownOf(k, v, true, w.List)
	})
	return out
}

// elementOf finds the element that was applied.
func elementOf(tuple *hclsyntax.TupleConsExpr, at int, was any) (int, *hclsource.Refusal) {
	found := hclsource.Elements(tuple, was)
	switch {
	case slices.Contains(found, at):
		return at, nil
	case len(found) == 1:
		return found[0], nil
	}
	return 0, hclsource.Refuse("it cannot be told which element of the list this is: none, or more than one, has "+
		"the value that was applied", hclsource.Handwork).In(tuple.Range())
}

// mergeObject is the keys of an object that differ.
func mergeObject(object *hclsyntax.ObjectConsExpr, w wish) ([]wish, *hclsource.Refusal) {
	want, _ := w.Want.(map[string]any)
	was, _ := w.Was.(map[string]any)
	var gone []string
	for _, item := range object.Items {
		k, ok := hclsource.KeyText(item.KeyExpr)
		if !ok {
			return nil, hclsource.Refuse("a key of this object is computed, so it is not known what it holds",
				hclsource.Handwork).In(item.KeyExpr.Range())
		}
		if _, stays := want[k]; !stays {
			gone = append(gone, k)
		}
	}
	out := parts(w, was, want, slices.Sorted(maps.Keys(want)))
	for _, k := range gone {
		p := w.below(hclsource.Step{Key: k}, nil, nil)
		p.Null = false
		out = append(out, p)
	}
	return out, nil
}

// mergeTuple is what turns a list into another: what both begin and end with
// stays, the rest is changed, removed or added.
func mergeTuple(tuple *hclsyntax.TupleConsExpr, want cty.Value, w wish) []wish {
	to, _ := w.Want.([]any)
	from, _ := w.Was.([]any)
	values := want.AsValueSlice()
	n, m := len(tuple.Exprs), len(to)
	stays := func(i, j int) bool {
		have, ok := hclsource.Constant(tuple.Exprs[i])
		return ok && hclsource.Same(have, values[j]) || !ok && len(from) == n && reflect.DeepEqual(from[i], to[j])
	}
	head, tail := 0, 0
	for head < min(n, m) && stays(head, head) {
		head++
	}
	for tail < min(n, m)-head && stays(n-1-tail, m-1-tail) {
		tail++
	}
	both := head + min(n, m) - head - tail
	at := func(i int, to any) wish { return w.below(hclsource.Step{Index: i, IsIndex: true}, nil, to) }
	var out []wish
	for i := head; i < both; i++ {
		p := at(i, to[i])
		if len(from) == n {
			p.Was = from[i]
		}
		out = append(out, p)
	}
	for i := n - tail - 1; i >= both; i-- {
		p := at(i, nil)
		p.Null = false
		out = append(out, p)
	}
	for j := both; j < m-tail; j++ {
		p := at(j, to[j])
		p.insert = true
		out = append(out, p)
	}
	return out
}
