package codify

import (
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

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
	if w.want == nil {
		return nil, e.takeOut(st)
	}
	want, err := hclsource.ToValue(w.want)
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
	below := slices.ContainsFunc(w.steps[:len(w.steps)-1], func(s hclsource.Step) bool { return s.IsIndex })
	if !below || w.was == nil || w.exact {
		return nil
	}
	if was, err := hclsource.ToValue(w.was); err == nil && hclsource.Same(have, was) {
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
func (e *editor) takeOut(st site) *hclsource.Refusal {
	if v, ok := hclsource.Constant(st.expr); ok && v.IsNull() {
		return nil
	}
	if r := e.allow(st); r != nil {
		return r
	}
	switch in := st.in.(type) {
	case *hclsyntax.ObjectConsExpr:
		return e.CutItem(in, st.index)
	case *hclsyntax.TupleConsExpr:
		return e.CutElement(in, st.index)
	}
	if st.arg != nil {
		return e.CutLines(st.arg.SrcRange, false)
	}
	return e.exchange(st, cty.NullVal(cty.DynamicPseudoType))
}

// item adds a key to an object.
func (e *editor) item(st site, w wish) *hclsource.Refusal {
	object, ok := st.expr.(*hclsyntax.ObjectConsExpr)
	if !ok {
		return e.Opaque(st.expr)
	}
	if w.want == nil {
		return nil // it is not there
	}
	want, err := hclsource.ToValue(w.want)
	if err != nil {
		return hclsource.Refuse(err.Error(), hclsource.Handwork).In(object.Range())
	}
	for len(st.rest) > 1 {
		last := st.rest[len(st.rest)-1]
		if last.IsIndex {
			return hclsource.Refuse(fmt.Sprintf("%s is not written in the source, so it is not known what its other "+
				"elements are", hclsource.PathOf(w.steps[:len(w.steps)-1])), hclsource.Handwork).In(object.Range())
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
	at, last := st.rest[0].Index, len(w.steps)-1
	w.exact = w.exact || !w.steps[last].IsIndex // it is the source's own index
	if w.insert || w.was == nil && !w.exact && w.want != nil {
		want, err := hclsource.ToValue(w.want)
		if err != nil || at > len(tuple.Exprs) {
			return nil, hclsource.Refuse("the list in the source is shorter than that in the world",
				hclsource.Handwork).In(tuple.Range())
		}
		if r := e.allow(st); r != nil {
			return nil, r
		}
		return nil, e.AddElement(tuple, at, want)
	}
	if !w.exact {
		if w.want != nil && hasElement(tuple, w.want) && !hasElement(tuple, w.was) {
			return nil, nil
		}
		var r *hclsource.Refusal
		if at, r = elementOf(tuple, at, w.was); r != nil {
			return nil, r
		}
	}
	if at >= len(tuple.Exprs) {
		return nil, hclsource.Refuse("this element is not written in the source", hclsource.Handwork).In(tuple.Range())
	}
	found, r := e.follow(site{sc: st.sc, expr: tuple.Exprs[at], in: tuple, index: at, keyed: st.keyed}, 0)
	if r != nil {
		return nil, r
	}
	if w.steps[last].IsIndex {
		w.steps = slices.Clone(w.steps)
		w.steps[last].Index = at
	}
	w.exact = true
	return e.settle(found, w)
}

// elementOf finds the element that was applied.
func elementOf(tuple *hclsyntax.TupleConsExpr, at int, was any) (int, *hclsource.Refusal) {
	fits := elements(tuple, was)
	switch {
	case slices.Contains(fits, at):
		return at, nil
	case len(fits) == 1:
		return fits[0], nil
	}
	return 0, hclsource.Refuse("it cannot be told which element of the list this is: none, or more than one, has "+
		"the value that was applied", hclsource.Handwork).In(tuple.Range())
}

// elements are the indexes of the elements that have a value.
func elements(tuple *hclsyntax.TupleConsExpr, v any) []int {
	var out []int
	value, err := hclsource.ToValue(v)
	for i, x := range tuple.Exprs {
		if have, ok := hclsource.Constant(x); ok && err == nil && hclsource.Same(have, value) {
			out = append(out, i)
		}
	}
	return out
}

func hasElement(tuple *hclsyntax.TupleConsExpr, v any) bool { return len(elements(tuple, v)) > 0 }

// mergeObject is the keys of an object that differ.
func mergeObject(object *hclsyntax.ObjectConsExpr, w wish) ([]wish, *hclsource.Refusal) {
	want, _ := w.want.(map[string]any)
	was, _ := w.was.(map[string]any)
	var gone []string
	for _, item := range object.Items {
		k, ok := keyText(item.KeyExpr)
		if !ok {
			return nil, hclsource.Refuse("a key of this object is computed, so it is not known what it holds",
				hclsource.Handwork).In(item.KeyExpr.Range())
		}
		if _, stays := want[k]; !stays {
			gone = append(gone, k)
		}
	}
	out := parts(w.steps, was, want, slices.Sorted(maps.Keys(want)))
	for _, k := range gone {
		out = append(out, wish{steps: slices.Concat(w.steps, []hclsource.Step{{Key: k}})})
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
	at := func(i int) []hclsource.Step {
		return slices.Concat(w.steps, []hclsource.Step{{Index: i, IsIndex: true}})
	}
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
