package diff

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/tfops/tfops/internal/plan/values"
)

// differ compares the values of one resource or output. Values are JSON with
// unknown and null in it; nil is no value.
type differ struct {
	changed  map[string]bool // paths whose hidden value differs
	replaces map[string]bool // paths that force the replacement
	blocks   map[string]bool // paths without indexes
	dynamic  bool            // arguments are of any type: keys are names, null is a value
}

// place is where a value stands.
type place struct {
	name  string
	path  string
	plain string // path without indexes
}

func (p place) key(k string) place {
	return place{k, values.PathKey(p.path, k), values.PathKey(p.plain, k)}
}
func (p place) index(i int) place { return place{"", values.PathIndex(p.path, i), p.plain} }

// diff compares the values of one place.
func (d differ) diff(p place, before, after any) Attr {
	a := Attr{Name: p.name, Path: p.path, Shape: Value, Kind: kindOf(before, after), Before: plain(before),
		After:     plain(after),
		Sensitive: before == any(values.Sensitive) || after == any(values.Sensitive), Replaces: d.replaces[p.path]}
	if a.Kind == Unchanged && d.changed[p.path] {
		a.Kind = Changed
	}
	switch {
	case after == any(unknown{}):
		a.Unknown = true
		if before != nil && !a.Sensitive {
			d.whole(p, &a, before, Removed)
		}
	case a.Sensitive:
	case a.Kind == Added:
		d.whole(p, &a, after, Added)
	case a.Kind == Removed:
		d.whole(p, &a, before, Removed)
	default:
		d.both(p, &a, before, after)
	}
	return a
}

func kindOf(before, after any) Kind {
	switch {
	case before == nil && after == nil:
		return Unchanged
	case before == nil:
		return Added
	case after == nil:
		return Removed
	case values.Equal(before, after):
		return Unchanged
	}
	return Changed
}

// whole fills in a value that is only on one side.
func (d differ) whole(p place, a *Attr, v any, k Kind) {
	b, f := any(nil), v
	if k == Removed {
		b, f = v, nil
	}
	switch v := v.(type) {
	case map[string]any:
		if k == Removed {
			d.object(p, a, v, nil)
		} else {
			d.object(p, a, nil, v)
		}
	case []any:
		if k == Removed {
			d.list(p, a, v, nil)
		} else {
			d.list(p, a, nil, v)
		}
	case string:
		if doc, ok := container(v); ok {
			d.json(p, a, one(doc, k == Removed), one(doc, k != Removed))
			return
		}
		a.text(b, f)
	}
}

func one(v any, there bool) any {
	if there {
		return v
	}
	return nil
}

// both fills in a value that is on both sides.
func (d differ) both(p place, a *Attr, before, after any) {
	switch b := before.(type) {
	case map[string]any:
		if f, ok := after.(map[string]any); ok {
			d.object(p, a, b, f)
			return
		}
	case []any:
		if f, ok := after.([]any); ok {
			d.list(p, a, b, f)
			return
		}
	case string:
		if f, ok := after.(string); ok {
			d.strings(p, a, b, f)
			return
		}
	}
	d.switches(p, a, before, after)
}

// switches shows what goes and what comes, where one of them has parts.
func (d differ) switches(p place, a *Attr, before, after any) {
	if a.Kind == Unchanged {
		return
	}
	goes, comes := d.diff(p, before, nil), d.diff(p, nil, after)
	if goes.Shape != Value || comes.Shape != Value {
		a.Shape, a.Children = Switch, []Attr{goes, comes}
	}
}

// strings compares two strings: as JSON if both hold an object or array,
// otherwise line by line.
func (d differ) strings(p place, a *Attr, before, after string) {
	b, okB := container(before)
	f, okA := container(after)
	switch {
	case okB && okA:
		d.json(p, a, b, f)
	case okB || okA:
		d.switches(p, a, before, after)
	default:
		a.text(before, after)
	}
}

func (d differ) json(p place, a *Attr, before, after any) {
	d.dynamic, d.blocks = true, nil
	child := d.diff(place{"", p.path, p.plain}, before, after)
	child.Replaces = false // it is a's
	a.Shape, a.Children = JSON, []Attr{child}
}

// container reads a string that holds a JSON object or array.
func container(s string) (any, bool) {
	text := strings.TrimSpace(s)
	if text == "" || text[0] != '{' && text[0] != '[' {
		return nil, false
	}
	dec := json.NewDecoder(bytes.NewReader([]byte(text)))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, false
	}
	_, err := dec.Token()
	return v, err == io.EOF
}

// object compares attribute by attribute.
func (d differ) object(p place, a *Attr, before, after map[string]any) {
	a.Shape = d.objectShape(p, before, after)
	keys := map[string]bool{}
	for _, m := range []map[string]any{before, after} {
		for k := range m {
			keys[k] = true
		}
	}
	var nested []Attr
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		at := p.key(k)
		b, f := d.member(p, a.Shape, before, k), d.member(p, a.Shape, after, k)
		if b == nil && f == nil {
			continue
		}
		if d.blocks[at.plain] && (p.plain == "" || d.blocks[p.plain]) {
			nested = append(nested, d.nested(at, b, f)...)
			continue
		}
		a.Children = append(a.Children, d.diff(at, b, f))
	}
	a.Children = append(a.Children, nested...)
	a.settle()
}

// member is the value of a key. Null is no value where the provider's schema
// says which attributes there are.
func (d differ) member(p place, s Shape, m map[string]any, k string) any {
	v, ok := m[k]
	if ok && (s == Map || d.dynamic && p.plain != "") {
		return present(v)
	}
	return v
}

// objectShape guesses whether keys are names of attributes or keys of a map.
// Plan JSON does not tell: where all values are scalars of one type it is
// taken for a map, which is what providers mostly have.
func (d differ) objectShape(p place, before, after map[string]any) Shape {
	switch {
	case d.blocks[p.plain]:
		return Block
	case p.plain == "" || d.dynamic || p.name == "": // an element of a list is seldom a map
		return Object
	}
	types := map[string]bool{}
	for _, m := range []map[string]any{before, after} {
		for _, v := range m {
			if v != any(values.Sensitive) && v != any(unknown{}) && v != nil {
				types[typeName(v)] = true
			}
		}
	}
	if len(types) > 1 || types["container"] {
		return Object
	}
	return Map
}

func typeName(v any) string {
	switch v.(type) {
	case string:
		return "string"
	case bool:
		return "bool"
	case map[string]any, []any:
		return "container"
	}
	return "number"
}

// settle makes a container that looks the same changed if something hidden in
// it changes.
func (a *Attr) settle() {
	if a.Kind != Unchanged {
		return
	}
	for _, c := range a.Children {
		if c.Kind != Unchanged {
			a.Kind = Changed
		}
	}
}

// nested compares the blocks of one name.
func (d differ) nested(p place, before, after any) []Attr {
	b, okB := before.([]any)
	f, okA := after.([]any)
	if okB && (okA || after == nil) || okA && before == nil {
		var list Attr
		d.list(p, &list, b, f)
		for i := range list.Children {
			list.Children[i].Name, list.Children[i].Shape = p.name, Block
		}
		return list.Children
	}
	a := d.diff(p, before, after)
	a.Shape = Block // one block; or hidden, or unknown as a whole
	return []Attr{a}
}

// list compares two lists so that an insertion does not show every later
// element as changed.
func (d differ) list(p place, a *Attr, before, after []any) {
	a.Shape = List
	for _, m := range d.match(p, before, after) {
		switch {
		case m.before < 0:
			a.Children = append(a.Children, d.diff(p.index(m.after), nil, present(after[m.after])))
		case m.after < 0:
			a.Children = append(a.Children, d.diff(p.index(m.before), present(before[m.before]), nil))
		default:
			a.Children = append(a.Children, d.diff(p.index(m.after), present(before[m.before]),
				present(after[m.after])))
		}
	}
	a.settle()
}

// match pairs the elements of two lists. In values of any type, elements at
// the same place are paired where that is the smaller change.
func (d differ) match(p place, before, after []any) []pair {
	ids := intern{}
	b, f := ids.all(before), ids.all(after)
	pairs := align(len(before), len(after), func(i, j int) bool {
		return b[i] == f[j] && (i != j || !d.hidesChange(p.index(j).path))
	}, func(i, j int) bool {
		_, okB := before[i].(map[string]any)
		_, okA := after[j].(map[string]any)
		return okB && okA || before[i] == any(values.Sensitive) && after[j] == any(values.Sensitive)
	})
	if !d.dynamic || len(before) != len(after) {
		return pairs
	}
	byPlace, changes := make([]pair, len(before)), 0
	for i := range before {
		byPlace[i] = pair{before: i, after: i}
		if b[i] != f[i] {
			changes++
		}
	}
	for _, m := range pairs {
		if !m.same {
			changes--
		}
	}
	if changes <= 0 {
		return byPlace
	}
	return pairs
}

// hidesChange reports whether a hidden value at or within path changes.
func (d differ) hidesChange(path string) bool {
	if len(d.changed) == 0 {
		return false
	}
	for p := range d.changed {
		if rest, ok := strings.CutPrefix(p, path); ok && (rest == "" || rest[0] == '.' || rest[0] == '[') {
			return true
		}
	}
	return false
}

// text compares two strings line by line if one of them has several lines.
func (a *Attr) text(before, after any) {
	b, _ := before.(string)
	f, _ := after.(string)
	if !strings.Contains(b, "\n") && !strings.Contains(f, "\n") {
		return
	}
	a.Shape = Text
	old, now := lines(before), lines(after)
	for _, m := range align(len(old), len(now), func(i, j int) bool { return old[i] == now[j] },
		func(int, int) bool { return false }) {
		switch {
		case m.before < 0:
			a.Lines = append(a.Lines, Line{Added, now[m.after]})
		case m.after < 0:
			a.Lines = append(a.Lines, Line{Removed, old[m.before]})
		default:
			a.Lines = append(a.Lines, Line{Unchanged, now[m.after]})
		}
	}
}

// lines splits a text; nil has none.
func lines(v any) []string {
	s, ok := v.(string)
	if !ok {
		return nil
	}
	return strings.Split(strings.TrimSuffix(s, "\n"), "\n")
}
