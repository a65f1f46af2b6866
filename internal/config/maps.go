package config

import (
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// entry is the value of one key of a map.
type entry struct {
	val  cty.Value
	ok   bool      // false: it is mistaken, and reported
	rng  hcl.Range // of the key, or of the whole where that is not written out
	name string    // the key as a message may call it
}

// entries is a map by key. Keys are names and as such not secret.
type entries map[string]entry

func (e entries) sorted() []string { return slices.Sorted(maps.Keys(e)) }

// object evaluates an attribute that is a map. One that is written out is
// evaluated item by item, so that a mistake in one leaves the others to be
// checked.
func (b block) object(name string) entries {
	a, ok := b.body.Attributes[name]
	if !ok {
		return nil
	}
	inner := a.Expr
	for {
		p, ok := inner.(*hclsyntax.ParenthesesExpr)
		if !ok {
			break
		}
		inner = p.Expression
	}
	if cons, ok := inner.(*hclsyntax.ObjectConsExpr); ok {
		return b.r.items(cons)
	}
	v, expr, ok := b.value(name, hidden)
	if !ok {
		return nil
	}
	// A mark of the whole, as jsondecode(file("…")) has it, becomes one of every value.
	whole, marks := v.Unmark()
	if t := whole.Type(); !t.IsObjectType() && !t.IsMapType() {
		b.r.errorAt(expr.Range(), "wrong type", "%s must be a map, as in %s = { key = \"value\" }, and this is %s.", name, name, valueName(t))
		return nil
	}
	out := entries{}
	for it := whole.ElementIterator(); it.Next(); {
		k, e := it.Element()
		k, _ = k.Unmark()
		out[k.AsString()] = entry{val: e.WithMarks(marks), ok: true, rng: expr.Range(), name: b.r.called(k.AsString())}
	}
	return out
}

// items evaluates a map that is written out. As in HCL itself, the last of two
// equal keys wins, and a key that is made of a secret makes the whole one.
func (r *reader) items(cons *hclsyntax.ObjectConsExpr) entries {
	out := entries{}
	var marks []cty.ValueMarks
	for _, i := range cons.Items {
		key, known, name := cty.NilVal, false, ""
		if dotted(i.KeyExpr) {
			r.errorAt(i.KeyExpr.Range(), "not a key", "Write a key that has a dot in it in quotes.")
		} else if key, known = r.evaluate(i.KeyExpr); known {
			var m cty.ValueMarks
			key, m = key.Unmark()
			marks = append(marks, m)
			if key, known = r.key(key, i.KeyExpr.Range()); known {
				name = r.called(key.AsString())
			}
			if len(m) > 0 {
				name = hiddenKey
			}
		}
		v, ok := r.evaluate(i.ValueExpr)
		if known {
			out[key.AsString()] = entry{val: v, ok: ok, rng: i.KeyExpr.Range(), name: name}
		}
	}
	for name, e := range out {
		if e.ok {
			e.val = e.val.WithMarks(marks...)
			out[name] = e
		}
	}
	return out
}

const hiddenKey = "The name"

// called is a key as a message may call it: one that repeats what env or file
// returned for the expression that was evaluated last is not shown.
func (r *reader) called(key string) string {
	if r.within(key) {
		return hiddenKey
	}
	return quote(key)
}

// dotted is whether a key is written as a reference: a.b without quotes.
func dotted(key hclsyntax.Expression) bool {
	k, ok := key.(*hclsyntax.ObjectConsKeyExpr)
	if !ok || k.ForceNonLiteral {
		return false
	}
	t, ok := k.Wrapped.(*hclsyntax.ScopeTraversalExpr)
	return ok && len(t.Traversal) > 1
}

func (r *reader) key(v cty.Value, rng hcl.Range) (cty.Value, bool) {
	text, err := convert.Convert(v, cty.String)
	if err != nil || text.IsNull() || v.Type() == cty.Number && !sane(v) {
		r.errorAt(rng, "not a key", "The key of a map is a name. Write it in quotes if it is not a plain word.")
		return v, false
	}
	return text, true
}
