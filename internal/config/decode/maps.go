package decode

import (
	"iter"
	"maps"
	"slices"
	"strconv"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/tfops/tfops/internal/lazyregexp"
	"github.com/tfops/tfops/internal/workspace"
)

// Entry is the value of one key of a map.
type Entry struct {
	Val   cty.Value
	OK    bool      // false: it is mistaken, and reported
	Range hcl.Range // of the key, or of the whole where that is not written out
	Name  string    // the key as a message may call it
}

// Entries is a map by key. Keys are names and as such not secret.
type Entries map[string]Entry

// All are the entries, sorted by key.
func (e Entries) All() iter.Seq2[string, Entry] {
	return func(yield func(string, Entry) bool) {
		for _, key := range slices.Sorted(maps.Keys(e)) {
			if !yield(key, e[key]) {
				return
			}
		}
	}
}

// Attributes are the attributes of a block that may have any.
func (b Block) Attributes() Entries {
	out := Entries{}
	for _, name := range slices.Sorted(maps.Keys(b.Body.Attributes)) {
		a := b.Body.Attributes[name]
		v, ok := b.r.Evaluate(a.Expr)
		out[name] = Entry{Val: v, OK: ok, Range: a.NameRange, Name: strconv.Quote(name)}
	}
	return out
}

// Map evaluates an attribute that is a map. One that is written out is evaluated
// item by item, so that a mistake in one leaves the others to be checked.
func (b Block) Map(name string) Entries {
	a, ok := b.Body.Attributes[name]
	if !ok {
		return nil
	}
	inner := a.Expr
	for p, ok := inner.(*hclsyntax.ParenthesesExpr); ok; p, ok = inner.(*hclsyntax.ParenthesesExpr) {
		inner = p.Expression
	}
	if cons, ok := inner.(*hclsyntax.ObjectConsExpr); ok {
		return b.r.items(cons)
	}
	v, ok := b.value(name, hidden)
	if !ok {
		return nil
	}
	// A mark of the whole, as jsondecode(file("…")) has it, becomes one of every value.
	whole, marks := v.Unmark()
	if t := whole.Type(); !t.IsObjectType() && !t.IsMapType() {
		b.r.Errorf(b.Place(name), "wrong type", "%s must be a map, as in %s = { key = \"value\" }, and this is %s.",
			name, name, ValueName(t))
		return nil
	}
	out := Entries{}
	for it := whole.ElementIterator(); it.Next(); {
		k, e := it.Element()
		k, _ = k.Unmark()
		key := k.AsString()
		out[key] = Entry{Val: e.WithMarks(marks), OK: true, Range: b.Place(name), Name: b.r.called(key)}
	}
	return out
}

// items evaluates a map that is written out. As in HCL itself, the last of two
// equal keys wins, and a key that is made of a secret makes the whole one.
func (r *Reader) items(cons *hclsyntax.ObjectConsExpr) Entries {
	out := Entries{}
	var marks []cty.ValueMarks
	for _, i := range cons.Items {
		key, name, m, known := r.Key(i.KeyExpr)
		marks = append(marks, m)
		v, ok := r.Evaluate(i.ValueExpr)
		if known {
			out[key] = Entry{Val: v, OK: ok, Range: i.KeyExpr.Range(), Name: name}
		}
	}
	for name, e := range out {
		if e.OK {
			e.Val = e.Val.WithMarks(marks...)
			out[name] = e
		}
	}
	return out
}

const hiddenKey = "The name"

// called is a key as a message may call it: one that repeats what env or file
// returned for the expression that was evaluated last is not shown.
func (r *Reader) called(key string) string {
	if r.Repeats(key) {
		return hiddenKey
	}
	return strconv.Quote(key)
}

// Key is a key of a map that is written out, what a message may call it, and the
// marks of what it is made of. False: it is mistaken, and that was reported.
func (r *Reader) Key(expr hclsyntax.Expression) (key, name string, marks cty.ValueMarks, ok bool) {
	if dotted(expr) {
		r.Errorf(expr.Range(), notAKey, "Write a key that has a dot in it in quotes.")
		return
	}
	v, ok := r.Evaluate(expr)
	if !ok {
		return
	}
	v, marks = v.Unmark()
	text, err := convert.Convert(v, cty.String)
	if err != nil || text.IsNull() || v.Type() == cty.Number && !usable(v) {
		r.Errorf(expr.Range(), notAKey, "The key of a map is a name. Write it in quotes if it is not a plain word.")
		return "", "", marks, false
	}
	key = text.AsString()
	if name = r.called(key); len(marks) > 0 {
		name = hiddenKey
	}
	return key, name, marks, true
}

const notAKey = "not a key"

// dotted is whether a key is written as a reference: a.b without quotes.
func dotted(key hclsyntax.Expression) bool {
	k, ok := key.(*hclsyntax.ObjectConsKeyExpr)
	if !ok || k.ForceNonLiteral {
		return false
	}
	t, ok := k.Wrapped.(*hclsyntax.ScopeTraversalExpr)
	return ok && len(t.Traversal) > 1
}

// TextOf is a value of a map as a text; nil for null and for what is mistaken.
// what is the map, in messages.
func (r *Reader) TextOf(e Entry, what string) *string {
	if !e.OK {
		return nil
	}
	v, _ := e.Val.UnmarkDeep()
	t, err := convert.Convert(v, cty.String)
	if err != nil {
		r.Errorf(e.Range, "wrong type",
			"The values of %s are strings, and this is %s. jsonencode makes a string of it.", what, ValueName(v.Type()))
		return nil
	}
	if t.IsNull() {
		return nil
	}
	s := t.AsString()
	return &s
}

// labelName keeps labels usable as NAME=VALUE on a command line.
var labelName = lazyregexp.New(`^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$`)

// Labels are those of a workspace; nil: not that of the defaults.
func (b Block) Labels() map[string]*string {
	out := map[string]*string{}
	for name, e := range b.Map("labels").All() {
		if !labelName().MatchString(name) {
			b.r.Errorf(e.Range, "invalid name of a label", "The name of a label has letters, digits, dots, "+
				"underscores, slashes and hyphens, and begins with a letter or a digit.")
		}
		if e.OK && workspace.IsSecret(e.Val) {
			b.r.NoSecretIn(e.Range, "labels are", "value")
			continue
		}
		out[name] = b.r.TextOf(e, "labels")
	}
	return out
}

// RequiredLabels are those that a workspace must have.
func (b Block) RequiredLabels() map[string]string {
	before := b.r.Found()
	out := map[string]string{}
	for name, v := range b.Labels() {
		if v != nil {
			out[name] = *v
		} else if b.r.Found() == before {
			b.r.Errorf(b.Place("labels"), "null in labels",
				"A workspace has a label or not. Write the value of %s, or remove it.", strconv.Quote(name))
		}
	}
	return out
}
