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
	printed  bool            // as an engine prints it
	tofu     bool            // which is OpenTofu
	relevant []string        // paths that are shown; none: all
	sets     map[string]values.HiddenSet
	marked   map[string]bool // paths whose hidden value will be sensitive, and was not
	unmarked map[string]bool // the other way round
}

// place is where a value stands.
type place struct {
	name  string
	path  string
	plain string // path without indexes
	// schema is what the provider says; nil: it is not known, and guessed
	schema *values.Schema
}

func (p place) key(k string) place {
	at := place{name: k, path: values.PathKey(p.path, k), plain: values.PathKey(p.plain, k)}
	switch s := p.schema; {
	case s == nil:
	case s.Holds == values.NestedDynamic:
		at.schema = s
	case s.Holds == values.NestedMap:
		at.schema = s.Each()
	default:
		at.schema = s.At(k)
	}
	return at
}

func (p place) index(i int) place {
	at := place{path: values.PathIndex(p.path, i), plain: p.plain, schema: p.schema}
	if p.schema != nil && p.schema.Holds != values.NestedDynamic {
		at.schema = p.schema.Each()
	}
	return at
}

func (p place) holds(n values.Nesting) bool { return p.schema != nil && p.schema.Holds == n }

// diff compares the values of one place.
func (d differ) diff(p place, before, after any) Attr {
	a := Attr{Name: p.name, Path: p.path, Shape: Value, Kind: kindOf(before, after), Before: plain(before),
		After:     plain(after),
		Sensitive: before == any(values.Sensitive) || after == any(values.Sensitive), Replaces: d.replaces[p.path]}
	if a.Kind == Unchanged && d.changed[p.path] {
		a.Kind = Changed
	}
	if d.printed && after == any(unknown{}) && d.marked[p.path] {
		a.Sensitive = true
	}
	d.mark(p, &a)
	switch {
	case after == any(unknown{}):
		a.Unknown = true
		if before != nil && !a.Sensitive {
			d.lost(p, &a, before)
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

// mark notes what the engines say of a value besides its difference.
func (d differ) mark(p place, a *Attr) {
	if !d.printed {
		return
	}
	a.Nested = p.schema != nil && p.schema.Nested
	a.Replaces = a.Replaces && !p.holds(values.NestedDynamic) // nothing is said in values of any type
	if !a.Sensitive || a.Kind == Added || a.Kind == Removed {
		return
	}
	a.Same = a.Kind == Unchanged
	switch {
	case d.marked[p.path]:
		a.Marking, a.Kind = Marked, Changed
	case d.unmarked[p.path]:
		a.Marking, a.Kind = Unmarked, Changed
	}
}

// lost fills in a value of which all is known only after apply. Of an object with nested attributes the
// engines say so of each.
func (d differ) lost(p place, a *Attr, before any) {
	old, ok := before.(map[string]any)
	if !ok || !a.Nested || !p.holds(values.NestedObject) {
		d.whole(p, a, before, Removed)
		return
	}
	now := map[string]any{}
	for k := range old {
		now[k] = unknown{}
	}
	for k := range p.schema.Within {
		now[k] = unknown{}
	}
	d.object(p, a, old, now)
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
		if doc, ok := d.container(v); ok {
			d.json(p, a, one(doc, k == Removed), one(doc, k != Removed))
			return
		}
		d.text(a, b, f)
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
	b, okB := d.container(before)
	f, okA := d.container(after)
	switch {
	case okB && okA:
		d.json(p, a, b, f)
	case okB || okA:
		d.switches(p, a, before, after)
	default:
		d.text(a, before, after)
	}
}

func (d differ) json(p place, a *Attr, before, after any) {
	d.dynamic, d.blocks = true, nil
	inner := place{path: p.path, plain: p.plain}
	if d.printed {
		inner.schema = anything
	}
	child := d.diff(inner, before, after)
	child.Replaces = false // it is a's
	a.Shape, a.Children = JSON, []Attr{child}
}

// container reads a string that holds a JSON object or array. The engines print one that begins with a space
// as any other string.
func (d differ) container(s string) (any, bool) {
	text := s
	if !d.printed {
		text = strings.TrimSpace(s)
	}
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
			if !d.tofu && (before[k] != nil || after[k] != nil) {
				a.Children = append(a.Children, Attr{Name: k, Path: at.path, Kind: Unchanged, Shape: Value})
			}
			continue
		}
		if !d.matters(at.path) {
			f = b
		}
		block := d.isBlock(p, at)
		if block && (!canBeBlocks(b) || !canBeBlocks(f)) {
			block, at.schema = false, nil // whoever says so is wrong, and nothing may be hidden by that
		}
		if block {
			list := d.nested(at, b, f)
			a.Hollow = a.Hollow || len(list) == 0
			nested = append(nested, list...)
			continue
		}
		a.Children = append(a.Children, d.diff(at, b, f))
	}
	if d.tofu {
		d.writeOnly(p, a)
		a.Children = append(a.Children, nested...)
		d.settle(a)
		return
	}
	a.Children = append(a.Children, nested...)
	d.settle(a)
	d.writeOnly(p, a)
}

// matters reports whether something at or within a path is shown, or what it is within.
func (d differ) matters(path string) bool {
	within := func(path, outer string) bool {
		rest, ok := strings.CutPrefix(path, outer)
		return ok && (outer == "" || rest == "" || rest[0] == '.' || rest[0] == '[')
	}
	return len(d.relevant) == 0 ||
		slices.ContainsFunc(d.relevant, func(r string) bool { return within(r, path) || within(path, r) })
}

// isBlock reports whether what stands at a place within p is written as blocks.
func (d differ) isBlock(p, at place) bool {
	if at.schema != nil {
		return at.schema.Block && !p.schema.Nested
	}
	return d.blocks[at.plain] && (p.plain == "" || d.blocks[p.plain])
}

// canBeBlocks reports whether a value could be that of blocks.
func canBeBlocks(v any) bool {
	one := func(v any) bool {
		_, object := v.(map[string]any)
		return object || v == nil || v == any(values.Sensitive) || v == any(unknown{})
	}
	list, ok := v.([]any)
	return !ok && one(v) || ok && !slices.ContainsFunc(list, func(e any) bool { return !one(e) })
}

// writeOnly adds the write-only arguments of an object: what happens to it happens to them. OpenTofu shows them
// as changed where another argument is.
func (d differ) writeOnly(p place, a *Attr) {
	if p.schema == nil || p.schema.Holds == values.NestedMap || p.schema.Holds == values.NestedDynamic {
		return
	}
	if d.tofu {
		d.settle(a)
	}
	kind := a.Kind
	if kind == Changed && !d.tofu {
		kind = Unchanged
	}
	for _, k := range slices.Sorted(maps.Keys(p.schema.Within)) {
		if !p.schema.Within[k].WriteOnly {
			continue
		}
		attr := Attr{Name: k, Path: values.PathKey(p.path, k), Kind: kind, Shape: WriteOnly}
		i := slices.IndexFunc(a.Children, func(c Attr) bool { return c.Shape == Block || c.Name > k })
		if i < 0 {
			i = len(a.Children)
		}
		a.Children = slices.Insert(a.Children, i, attr)
	}
}

// member is the value of a key. Null is no value where the provider's schema
// says which attributes there are.
func (d differ) member(p place, s Shape, m map[string]any, k string) any {
	v, ok := m[k]
	switch {
	case v == "" && d.legacy(p):
		return nil
	case !ok:
	case s == Map, p.holds(values.NestedDynamic), !d.printed && d.dynamic && p.plain != "":
		return present(v)
	}
	return v
}

// legacy reports whether "" is null in an object: the engines print arguments so where the provider's library
// cannot tell them apart. They print null in maps and lists, too, where we say what is there.
func (d differ) legacy(p place) bool {
	s := p.schema
	return s != nil && (s.Legacy || d.tofu && (s.Block || s.Holds == "") && !s.Nested)
}

// objectShape guesses whether keys are names of attributes or keys of a map.
// Plan JSON does not tell: where all values are scalars of one type it is
// taken for a map, which is what providers mostly have.
func (d differ) objectShape(p place, before, after map[string]any) Shape {
	switch {
	case p.schema != nil:
		if p.holds(values.NestedMap) {
			return Map
		}
		return Object
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
// it changes. As the engines print it, a container is what its parts are.
func (d differ) settle(a *Attr) {
	if d.printed {
		if a.Kind == Changed && !a.Unknown {
			a.Kind = Unchanged
		}
		for _, c := range a.Children {
			if c.Kind != Unchanged && c.Kind != a.Kind {
				a.Kind = Changed
			}
		}
		return
	}
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
	var all Attr
	b, okB := before.([]any)
	f, okA := after.([]any)
	hidden, isHidden := d.sets[p.path]
	switch lost := d.printed && after == any(unknown{}); {
	case isHidden:
		all.Children = d.hiddenSet(p, hidden, lost)
	case okB && lost:
		d.list(p, &all, b, nil)
		none := Attr{Name: p.name, Path: p.path, Kind: Changed, Shape: Block, Unknown: true}
		all.Children = slices.Insert(all.Children, 0, none)
	case okB && (okA || after == nil) || okA && before == nil:
		d.list(p, &all, b, f)
	case p.holds(values.NestedMap) && before != any(values.Sensitive) && after != any(values.Sensitive) && !lost:
		m, _ := before.(map[string]any)
		n, _ := after.(map[string]any)
		d.object(p, &all, m, n)
		for i, c := range all.Children {
			all.Children[i].Label = c.Name
		}
	default:
		all.Children = []Attr{d.diff(p, before, after)} // one block; or hidden, or unknown as a whole
	}
	for i := range all.Children {
		c := &all.Children[i]
		c.Name, c.Shape = p.name, Block
		c.Replaces = c.Replaces || d.printed && d.replaces[p.path]
	}
	return all.Children
}

// hiddenSet are the blocks of a set that is hidden as a whole; where it is lost, nobody knows what comes.
func (d differ) hiddenSet(p place, n values.HiddenSet, lost bool) (all []Attr) {
	unknown := 0
	if lost {
		unknown = 1
	}
	if lost && d.tofu {
		n = values.HiddenSet{}
	}
	for _, k := range []struct {
		kind Kind
		n    int
	}{{Changed, unknown}, {Removed, n.Gone}, {Unchanged, n.Same}, {Added, n.Come}} {
		for range k.n {
			a := Attr{Path: p.path, Kind: k.kind, Sensitive: true}
			d.mark(p, &a)
			all = append(all, a)
		}
	}
	return all
}

// list compares two lists so that an insertion does not show every later
// element as changed.
func (d differ) list(p place, a *Attr, before, after []any) {
	a.Shape, a.Set = List, p.holds(values.NestedSet)
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
	d.settle(a)
}

// match pairs the elements of two lists. In values of any type, elements at
// the same place are paired where that is the smaller change.
func (d differ) match(p place, before, after []any) []pair {
	ids := intern{}
	b, f := ids.all(before), ids.all(after)
	switch s := p.schema; {
	case p.holds(values.NestedSet):
		return unordered(b, f, func(j int) bool { return d.hidesChange(p.index(j).path) })
	case s != nil && (s.Block || s.Nested || s.Holds == values.NestedTuple || !d.tofu && !turned(b, f)):
		return byPlace(len(b), len(f))
	}
	pairs := align(len(before), len(after), func(i, j int) bool {
		return b[i] == f[j] && (i != j || !d.hidesChange(p.index(j).path))
	}, func(i, j int) bool {
		_, okB := before[i].(map[string]any)
		_, okA := after[j].(map[string]any)
		return okB && okA || before[i] == any(values.Sensitive) && after[j] == any(values.Sensitive) ||
			d.tofu && shareLine(before[i], after[j])
	})
	if d.printed || !d.dynamic || len(before) != len(after) {
		return pairs
	}
	changes := 0
	for i := range before {
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
		return byPlace(len(b), len(f))
	}
	return pairs
}

// shareLine reports whether two texts of several lines have one in common.
func shareLine(a, b any) bool {
	s, _ := a.(string)
	t, _ := b.(string)
	if !strings.Contains(s, "\n") && !strings.Contains(t, "\n") {
		return false
	}
	now := strings.Split(t, "\n")
	return slices.ContainsFunc(strings.Split(s, "\n"), func(l string) bool { return slices.Contains(now, l) })
}

// turned reports whether two lists are not of one length, or have the same in them: then the engines look for
// what they have in common.
func turned(before, after []int) bool {
	return len(before) != len(after) ||
		!slices.ContainsFunc(before, func(id int) bool { return !slices.Contains(after, id) })
}

// byPlace pairs what stands at one place.
func byPlace(n, m int) []pair {
	list := make([]pair, max(n, m))
	for i := range list {
		list[i] = pair{before: i, after: i}
		if i >= n {
			list[i].before = -1
		}
		if i >= m {
			list[i].after = -1
		}
	}
	return list
}

// unordered pairs equal elements, wherever they stand: first what was there, then what comes.
func unordered(before, after []int, changed func(j int) bool) (list []pair) {
	taken := make([]bool, len(after))
	for i, id := range before {
		m := pair{before: i, after: -1}
		for j := range after {
			if !taken[j] && after[j] == id && !changed(j) {
				m.after, taken[j] = j, true
				break
			}
		}
		list = append(list, m)
	}
	for j := range after {
		if !taken[j] {
			list = append(list, pair{before: -1, after: j})
		}
	}
	return list
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
func (d differ) text(a *Attr, before, after any) {
	b, _ := before.(string)
	f, _ := after.(string)
	if !strings.Contains(b, "\n") && !strings.Contains(f, "\n") {
		return
	}
	a.Shape = Text
	old, now := d.lines(before), d.lines(after)
	same := func(i, j int) bool { return old[i] == now[j] }
	pairs := align(len(old), len(now), same, func(int, int) bool { return false })
	if ids := (intern{}); d.printed && !d.tofu && !turned(ids.all(list(old)), ids.all(list(now))) {
		pairs = byPlace(len(old), len(now))
	}
	for _, m := range pairs {
		if m.before >= 0 && m.after >= 0 && same(m.before, m.after) {
			a.Lines = append(a.Lines, Line{Unchanged, now[m.after]})
			continue
		}
		if m.before >= 0 {
			a.Lines = append(a.Lines, Line{Removed, old[m.before]})
		}
		if m.after >= 0 {
			a.Lines = append(a.Lines, Line{Added, now[m.after]})
		}
	}
}

func list(lines []string) []any {
	all := make([]any, len(lines))
	for i, l := range lines {
		all[i] = l
	}
	return all
}

// lines splits a text; nil has none.
func (d differ) lines(v any) []string {
	s, ok := v.(string)
	if !ok {
		return nil
	}
	if d.printed {
		return strings.Split(strings.TrimSpace(s), "\n")
	}
	return strings.Split(strings.TrimSuffix(s, "\n"), "\n")
}
