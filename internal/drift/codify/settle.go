package codify

import (
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// settle edits the place where a value is written, or returns its parts.
func (e *editor) settle(st site, w wish) ([]wish, *Refusal) {
	if tuple, ok := st.expr.(*hclsyntax.TupleConsExpr); ok && len(st.rest) == 1 {
		return e.element(st, tuple, w)
	}
	if len(st.rest) > 0 {
		return nil, e.item(st, w)
	}
	if w.want == nil {
		return nil, e.takeOut(st)
	}
	want, err := toValue(w.want)
	if err != nil {
		return nil, refuse(err.Error(), handwork).in(st.expr.Range())
	}
	have, plain := constant(st.expr)
	if plain && same(have, want) {
		return nil, nil
	}
	if object, ok := st.expr.(*hclsyntax.ObjectConsExpr); ok && want.Type().IsObjectType() {
		return mergeObject(object, w)
	}
	if tuple, ok := st.expr.(*hclsyntax.TupleConsExpr); ok && want.Type().IsTupleType() {
		return mergeTuple(tuple, want, w), nil
	}
	if !plain || !e.plain(st.expr) {
		return nil, e.opaque(st.expr)
	}
	if r := w.elsewhere(have, st); r != nil {
		return nil, r
	}
	return nil, e.exchange(st, want)
}

// elsewhere refuses a value below an index whose neighbours in the source are
// not what was applied: the order is another.
func (w wish) elsewhere(have cty.Value, st site) *Refusal {
	below := slices.ContainsFunc(w.steps[:len(w.steps)-1], func(s step) bool { return s.isIndex })
	if !below || w.was == nil || w.exact {
		return nil
	}
	if was, err := toValue(w.was); err == nil && same(have, was) {
		return nil
	}
	return refuse("the source has another value here than was applied, so the element may be another one", handwork).in(st.expr.Range())
}

func (e *editor) exchange(st site, want cty.Value) *Refusal {
	if r := e.allow(st); r != nil {
		return r
	}
	at := st.expr.Range()
	return e.splice(at.Filename, at.Start.Byte, at.End.Byte, render(want, e.indentAt(at.Filename, at.Start.Byte)))
}

// takeOut removes what holds the value; where there has to be one it is null.
func (e *editor) takeOut(st site) *Refusal {
	if v, ok := constant(st.expr); ok && v.IsNull() {
		return nil
	}
	if r := e.allow(st); r != nil {
		return r
	}
	switch in := st.in.(type) {
	case *hclsyntax.ObjectConsExpr:
		return e.cutItem(in, st.index)
	case *hclsyntax.TupleConsExpr:
		return e.cutElement(in, st.index)
	}
	if st.arg != nil {
		return e.cutLines(st.arg.SrcRange, false)
	}
	return e.exchange(st, cty.NullVal(cty.DynamicPseudoType))
}

// item adds a key to an object.
func (e *editor) item(st site, w wish) *Refusal {
	object, ok := st.expr.(*hclsyntax.ObjectConsExpr)
	if !ok {
		return e.opaque(st.expr)
	}
	if w.want == nil {
		return nil // it is not there
	}
	want, err := toValue(w.want)
	if err != nil {
		return refuse(err.Error(), handwork).in(object.Range())
	}
	for len(st.rest) > 1 {
		last := st.rest[len(st.rest)-1]
		if last.isIndex {
			return refuse(fmt.Sprintf("%s is not written in the source, so it is not known what its other elements are", pathOf(w.steps[:len(w.steps)-1])), handwork).in(object.Range())
		}
		want, st.rest = cty.ObjectVal(map[string]cty.Value{last.key: want}), st.rest[:len(st.rest)-1]
	}
	if r := e.allow(st); r != nil {
		return r
	}
	return e.addItem(object, st.rest[0].key, want)
}

// element adds, changes or removes an element of a list.
func (e *editor) element(st site, tuple *hclsyntax.TupleConsExpr, w wish) ([]wish, *Refusal) {
	at, last := st.rest[0].index, len(w.steps)-1
	w.exact = w.exact || !w.steps[last].isIndex // it is the source's own index
	if w.insert || w.was == nil && !w.exact && w.want != nil {
		want, err := toValue(w.want)
		if err != nil || at > len(tuple.Exprs) {
			return nil, refuse("the list in the source is shorter than that in the world", handwork).in(tuple.Range())
		}
		if r := e.allow(st); r != nil {
			return nil, r
		}
		return nil, e.addElement(tuple, at, want)
	}
	if !w.exact {
		if w.want != nil && hasElement(tuple, w.want) && !hasElement(tuple, w.was) {
			return nil, nil
		}
		var r *Refusal
		if at, r = elementOf(tuple, at, w.was); r != nil {
			return nil, r
		}
	}
	if at >= len(tuple.Exprs) {
		return nil, refuse("this element is not written in the source", handwork).in(tuple.Range())
	}
	found, r := e.follow(site{sc: st.sc, expr: tuple.Exprs[at], in: tuple, index: at, keyed: st.keyed}, 0)
	if r != nil {
		return nil, r
	}
	if w.steps[last].isIndex {
		w.steps = slices.Clone(w.steps)
		w.steps[last].index = at
	}
	w.exact = true
	return e.settle(found, w)
}

// elementOf finds the element that was applied.
func elementOf(tuple *hclsyntax.TupleConsExpr, at int, was any) (int, *Refusal) {
	fits := elements(tuple, was)
	switch {
	case slices.Contains(fits, at):
		return at, nil
	case len(fits) == 1:
		return fits[0], nil
	}
	return 0, refuse("it cannot be told which element of the list this is: none, or more than one, has the value that was applied", handwork).in(tuple.Range())
}

// elements are the indexes of the elements that have a value.
func elements(tuple *hclsyntax.TupleConsExpr, v any) []int {
	var out []int
	value, err := toValue(v)
	for i, x := range tuple.Exprs {
		if have, ok := constant(x); ok && err == nil && same(have, value) {
			out = append(out, i)
		}
	}
	return out
}

func hasElement(tuple *hclsyntax.TupleConsExpr, v any) bool { return len(elements(tuple, v)) > 0 }

// mergeObject is the keys of an object that differ.
func mergeObject(object *hclsyntax.ObjectConsExpr, w wish) ([]wish, *Refusal) {
	want, _ := w.want.(map[string]any)
	was, _ := w.was.(map[string]any)
	var gone []string
	for _, item := range object.Items {
		k, ok := keyText(item.KeyExpr)
		if !ok {
			return nil, refuse("a key of this object is computed, so it is not known what it holds", handwork).in(item.KeyExpr.Range())
		}
		if _, stays := want[k]; !stays {
			gone = append(gone, k)
		}
	}
	out := parts(w.steps, was, want, slices.Sorted(maps.Keys(want)))
	for _, k := range gone {
		out = append(out, wish{steps: slices.Concat(w.steps, []step{{key: k}})})
	}
	return out, nil
}

// mergeTuple is what turns a list into another: what both begin and end with
// stays, the rest is changed, removed or added.
func mergeTuple(tuple *hclsyntax.TupleConsExpr, want cty.Value, w wish) []wish {
	to, _ := w.want.([]any)
	from, _ := w.was.([]any)
	values := want.AsValueSlice()
	n, m := len(tuple.Exprs), len(to)
	stays := func(i, j int) bool {
		have, ok := constant(tuple.Exprs[i])
		return ok && same(have, values[j]) || !ok && len(from) == n && reflect.DeepEqual(from[i], to[j])
	}
	head, tail := 0, 0
	for head < min(n, m) && stays(head, head) {
		head++
	}
	for tail < min(n, m)-head && stays(n-1-tail, m-1-tail) {
		tail++
	}
	both := head + min(n, m) - head - tail
	at := func(i int) []step { return slices.Concat(w.steps, []step{{index: i, isIndex: true}}) }
	var out []wish
	for i := head; i < both; i++ {
		p := wish{steps: at(i), want: to[i], exact: true}
		if len(from) == n {
			p.was = from[i]
		}
		out = append(out, p)
	}
	for i := n - tail - 1; i >= both; i-- {
		out = append(out, wish{steps: at(i), exact: true})
	}
	for j := both; j < m-tail; j++ {
		out = append(out, wish{steps: at(j), want: to[j], insert: true})
	}
	return out
}
