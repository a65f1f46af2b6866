package values

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/tfops/tfops/internal/redact"
)

// The engine says which values are sensitive in masks: JSON values that mirror
// the shape of the value they belong to, with true where something is
// sensitive. The rules here fail closed:
//
//   - true at a container makes everything in it sensitive;
//   - a place that is sensitive before or after is redacted on both sides, for
//     the other side may hold the same secret without the mark;
//   - a mask that is missing or does not fit its value makes the whole value
//     sensitive;
//   - null stays null: it says that nothing is set, as the engine itself does.
//
// Marks do not follow a value through a provider: a computed attribute may
// repeat a sensitive argument in the clear. So what is marked is looked
// for elsewhere in the plan too; see Hid and Secrets.

// Sides are the two values of one place, what is unknown of the second, and
// the masks of both.
type Sides struct {
	Before, After, Unknown any
	BeforeMask, AfterMask  any
}

// Redactor redacts by masks and remembers what it took out.
type Redactor struct {
	// Schema is what the provider says of the resource that is redacted; nil: it is not known.
	Schema *Schema
	Hid
}

// Hid are texts of strings and numbers that masks hid, by what is known of them.
//
// A mask says true of a whole object where the engine cannot tell apart what in it is
// sensitive: of an output that is a resource, of a variable, of a set of blocks. Then most of
// what is in it is no secret.
type Hid struct {
	Found []string // marked themselves, or sensitive by the schema, or by their names
	Loose []string // in something that is marked as a whole
	Open  []string // the same, and not sensitive by the schema
}

// Redact puts Sensitive where a mask hides something. The masks of what it
// returns are not set.
func (r *Redactor) Redact(s Sides) Sides { return r.redact(s, r.Schema) }

func (r *Redactor) redact(s Sides, known *Schema) Sides {
	if hides(s.Before, s.BeforeMask, s.AfterMask) || hides(s.After, s.AfterMask, s.BeforeMask) {
		r.remember(s.Before, known, s.BeforeMask, s.AfterMask)
		r.remember(s.After, known, s.AfterMask, s.BeforeMask)
		out := Sides{Before: hidden(s.Before), After: hidden(s.After)}
		if s.After == nil && AnyTrue(s.Unknown) {
			out.Unknown = true // the shape of what is unknown is hidden as well
		}
		return out
	}
	out := s
	out.BeforeMask, out.AfterMask = nil, nil
	r.redactMaps(s, &out, known)
	r.redactLists(s, &out, known)
	return out
}

// remember notes what was in a value that is hidden as a whole. Where its mask does not fit it,
// all of it counts as marked: nobody knows what the mask was about.
func (r *Redactor) remember(v any, known *Schema, own, other any) {
	if own != true && other != true && !longer(v, own) {
		r.Found = Texts(v, r.Found)
		return
	}
	r.Mark(v, known)
}

// longer reports whether a mask is that of a list from which elements were left out.
func longer(v, mask any) bool {
	l, ok1 := v.([]any)
	m, ok2 := mask.([]any)
	return ok1 && ok2 && len(m) > len(l)
}

// Mark remembers what is in a value that is marked as a whole.
func (h *Hid) Mark(v any, known *Schema) {
	switch w := v.(type) {
	case []any:
		if !slices.ContainsFunc(w, container) {
			break
		}
		for _, e := range w {
			h.within("", e, known)
		}
		return
	case map[string]any:
		if known == nil || !known.Sensitive {
			h.within("", v, known)
			return
		}
	}
	h.Found = Texts(v, h.Found)
}

// within remembers what stands under a name in something that is marked as a whole.
func (h *Hid) within(name string, v any, known *Schema) {
	switch w := v.(type) {
	case map[string]any:
		if known != nil && known.Sensitive {
			break
		}
		for _, key := range slices.Sorted(maps.Keys(w)) {
			sub, _ := known.at(key)
			h.within(key, w[key], sub)
		}
		return
	case []any:
		if known != nil && known.Sensitive {
			break
		}
		for _, e := range w {
			h.within(name, e, known)
		}
		return
	}
	switch {
	case known != nil && known.Sensitive || redact.Telling(name):
		h.Found = Texts(v, h.Found)
	case known != nil:
		h.Open = Texts(v, h.Open)
	default:
		h.Loose = Texts(v, h.Loose)
	}
}

func container(v any) bool {
	switch v.(type) {
	case []any, map[string]any:
		return true
	}
	return false
}

func (r *Redactor) redactMaps(s Sides, out *Sides, known *Schema) {
	before, isB := s.Before.(map[string]any)
	after, isA := s.After.(map[string]any)
	unknown, isU := s.Unknown.(map[string]any)
	keys := map[string]bool{}
	newB, newA, newU := emptied(before, keys), emptied(after, keys), emptied(unknown, keys)
	for key := range keys {
		within, _ := known.at(key)
		e := r.redact(Sides{before[key], after[key], unknown[key], maskKey(s.BeforeMask, key),
			maskKey(s.AfterMask, key)}, within)
		for _, side := range []struct {
			from, to map[string]any
			v        any
		}{{before, newB, e.Before}, {after, newA, e.After}, {unknown, newU, e.Unknown}} {
			if _, ok := side.from[key]; ok {
				side.to[key] = side.v
			}
		}
	}
	if isB {
		out.Before = newB
	}
	if isA {
		out.After = newA
	}
	if isU {
		out.Unknown = newU
	}
}

// emptied is an empty map for the values of m; m's keys are added to keys.
func emptied(m map[string]any, keys map[string]bool) map[string]any {
	for k := range m {
		keys[k] = true
	}
	return make(map[string]any, len(m))
}

func (r *Redactor) redactLists(s Sides, out *Sides, known *Schema) {
	before, isB := s.Before.([]any)
	after, isA := s.After.([]any)
	unknown, isU := s.Unknown.([]any)
	newB, newA, newU := slices.Clone(before), slices.Clone(after), slices.Clone(unknown)
	for i := range max(len(before), len(after), len(unknown)) {
		e := r.redact(Sides{at(before, i), at(after, i), at(unknown, i), maskIndex(s.BeforeMask, i),
			maskIndex(s.AfterMask, i)}, known)
		set(newB, i, e.Before)
		set(newA, i, e.After)
		set(newU, i, e.Unknown)
	}
	if isB {
		out.Before = newB
	}
	if isA {
		out.After = newA
	}
	if isU {
		out.Unknown = newU
	}
}

func at(l []any, i int) any {
	if i < len(l) {
		return l[i]
	}
	return nil
}

func set(l []any, i int, v any) {
	if i < len(l) {
		l[i] = v
	}
}

// hides reports whether a value is sensitive as a whole: by its own mask, or
// by the mask of the other side. A mask of the other side that does not fit is
// normal when the type changes; it counts only if it hides something. That
// lists differ in length is normal too: then it counts element by element.
func hides(v, own, other any) bool {
	if own == true || other == true {
		return true
	}
	if v == nil {
		return false
	}
	return !fits(v, own) || !alike(v, other) && AnyTrue(other)
}

// alike reports whether a mask is of the kind of a value.
func alike(v, mask any) bool {
	switch v.(type) {
	case map[string]any:
		_, ok := mask.(map[string]any)
		return ok
	case []any:
		_, ok := mask.([]any)
		return ok
	}
	return false
}

// fits reports whether a mask mirrors a value, at this level. A mask that is
// longer than its list fits only while it hides nothing: elements that are
// unknown are left out of a set, and then no index can be trusted.
func fits(v, mask any) bool {
	switch m := mask.(type) {
	case bool:
		return true
	case map[string]any:
		return alike(v, mask)
	case []any:
		l, ok := v.([]any)
		return ok && (len(m) == len(l) || len(m) > len(l) && !AnyTrue(m))
	}
	return false
}

// maskKey is the mask of an element of an object or map: what an object's mask
// leaves out is not sensitive.
func maskKey(mask any, key string) any {
	m, ok := mask.(map[string]any)
	if !ok {
		return false // true was dealt with, and a list hides nothing here: it did not fit
	}
	if sub, ok := m[key]; ok {
		return sub
	}
	return false
}

func maskIndex(mask any, i int) any {
	m, ok := mask.([]any)
	if !ok || i >= len(m) {
		return false
	}
	return m[i]
}

// hidden is what stands for a value that a mask hides.
func hidden(v any) any {
	if v == nil {
		return nil
	}
	return Sensitive
}

// Texts adds the strings and numbers within v to list.
func Texts(v any, list []string) []string {
	switch v := v.(type) {
	case string:
		return append(list, v)
	case json.Number:
		return append(list, v.String())
	case []any:
		for _, w := range v {
			list = Texts(w, list)
		}
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			list = Texts(v[k], list)
		}
	}
	return list
}

// Remarked lists the paths of values that are on both sides and are marked as sensitive on one of them only,
// and as marked those that will be known and sensitive.
func Remarked(path string, s Sides) (marked, unmarked []string) {
	before, after := s.BeforeMask == true, s.AfterMask == true
	if before || after {
		switch later := s.Unknown == true; {
		case later && s.Before == nil, !before && s.Before != nil && (s.After != nil || later):
			return []string{path}, nil
		case !after && s.Before != nil && (s.After != nil || later):
			return nil, []string{path}
		}
		return nil, nil
	}
	if !AnyTrue(s.BeforeMask) && !AnyTrue(s.AfterMask) {
		return nil, nil
	}
	add := func(path string, inner Sides) {
		m, u := Remarked(path, inner)
		marked, unmarked = append(marked, m...), append(unmarked, u...)
	}
	b, _ := s.Before.(map[string]any)
	f, _ := s.After.(map[string]any)
	u, _ := s.Unknown.(map[string]any)
	keys := map[string]bool{}
	for _, m := range []map[string]any{b, u} {
		emptied(m, keys)
	}
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		later := u[k]
		if s.Unknown == true {
			later = true
		}
		add(PathKey(path, k), Sides{b[k], f[k], later, maskKey(s.BeforeMask, k), maskKey(s.AfterMask, k)})
	}
	list, _ := s.Before.([]any)
	now, _ := s.After.([]any)
	unknown, _ := s.Unknown.([]any)
	for i := range max(len(list), len(unknown)) {
		add(PathIndex(path, i), Sides{at(list, i), at(now, i), at(unknown, i), maskIndex(s.BeforeMask, i),
			maskIndex(s.AfterMask, i)})
	}
	return marked, unmarked
}

// HiddenSet is how many blocks of a set go, come and stay that is marked as a whole.
type HiddenSet struct {
	Gone int `json:"gone,omitempty"`
	Come int `json:"come,omitempty"`
	Same int `json:"same,omitempty"`
}

// HiddenSets counts the blocks of sets that are marked as a whole, by their paths.
func HiddenSets(s Sides, known *Schema) map[string]HiddenSet {
	found := map[string]HiddenSet{}
	if hiddenSets("", s, known, found); len(found) == 0 {
		return nil
	}
	return found
}

func hiddenSets(path string, s Sides, known *Schema, found map[string]HiddenSet) {
	if known == nil || !AnyTrue(s.BeforeMask) && !AnyTrue(s.AfterMask) {
		return
	}
	b, _ := s.Before.(map[string]any)
	f, _ := s.After.(map[string]any)
	for k, w := range known.Within {
		if !w.Block {
			continue
		}
		place := PathKey(path, k)
		inner := Sides{Before: b[k], After: f[k], BeforeMask: maskKey(s.BeforeMask, k),
			AfterMask: maskKey(s.AfterMask, k)}
		old, _ := inner.Before.([]any)
		now, _ := inner.After.([]any)
		switch {
		case w.Holds == NestedObject:
			hiddenSets(place, inner, w, found)
		case w.Holds == NestedList:
			for i := range max(len(old), len(now)) {
				hiddenSets(PathIndex(place, i), Sides{Before: at(old, i), After: at(now, i),
					BeforeMask: maskIndex(inner.BeforeMask, i), AfterMask: maskIndex(inner.AfterMask, i)}, w, found)
			}
		case w.Holds == NestedSet && (inner.BeforeMask == true || inner.AfterMask == true):
			found[place] = compareSets(old, now)
		}
	}
}

func compareSets(before, after []any) (n HiddenSet) {
	left := slices.Clone(after)
	for _, v := range before {
		i := slices.IndexFunc(left, func(w any) bool { return Equal(v, w) })
		if i < 0 {
			n.Gone++
			continue
		}
		n.Same++
		left = slices.Delete(left, i, i+1)
	}
	n.Come = len(left)
	return n
}

// Lost lists the paths at which the original values differ and the redacted
// ones do not: a change that a reader could not see any more. path is where
// the four values are; the empty path is the whole.
func Lost(path string, original, redacted Sides) []string {
	if Equal(original.Before, original.After) {
		return nil
	}
	if paths, ok := lostInMap(path, original, redacted); ok {
		return paths
	}
	if paths, ok := lostInList(path, original, redacted); ok {
		return paths
	}
	if redacted.Before != nil && Equal(redacted.Before, redacted.After) {
		return []string{path}
	}
	return nil
}

func lostInMap(path string, original, redacted Sides) (paths []string, ok bool) {
	ob, ok1 := original.Before.(map[string]any)
	oa, ok2 := original.After.(map[string]any)
	rb, ok3 := redacted.Before.(map[string]any)
	ra, ok4 := redacted.After.(map[string]any)
	if !(ok1 && ok2 && ok3 && ok4) || !sameKeys(ob, rb) || !sameKeys(oa, ra) {
		return nil, false
	}
	for _, key := range slices.Sorted(maps.Keys(ob)) {
		if _, both := oa[key]; both {
			paths = append(paths, Lost(PathKey(path, key), Sides{Before: ob[key], After: oa[key]},
				Sides{Before: rb[key], After: ra[key]})...)
		}
	}
	return paths, true
}

func lostInList(path string, original, redacted Sides) (paths []string, ok bool) {
	ob, ok1 := original.Before.([]any)
	oa, ok2 := original.After.([]any)
	rb, ok3 := redacted.Before.([]any)
	ra, ok4 := redacted.After.([]any)
	if !(ok1 && ok2 && ok3 && ok4) {
		return nil, false
	}
	for i := range min(len(ob), len(oa)) {
		paths = append(paths, Lost(PathIndex(path, i), Sides{Before: ob[i], After: oa[i]},
			Sides{Before: rb[i], After: ra[i]})...)
	}
	return paths, true
}

func sameKeys(a, b map[string]any) bool {
	return maps.EqualFunc(a, b, func(any, any) bool { return true })
}
