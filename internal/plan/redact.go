package plan

import (
	"encoding/json"
	"maps"
	"slices"
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
// repeat a sensitive argument in the clear. So what a mask hides is looked
// for elsewhere in the plan too; see secrets.

// sides are the two values of one place, what is unknown of the second, and
// the masks of both.
type sides struct {
	before, after, unknown any
	beforeMask, afterMask  any
}

// redactor redacts by masks and remembers what it took out.
type redactor struct {
	found []string // texts of the strings and numbers that a mask hid
}

// redact puts Sensitive where a mask hides something. The masks of what it
// returns are not set.
func (r *redactor) redact(s sides) sides {
	if hides(s.before, s.beforeMask, s.afterMask) || hides(s.after, s.afterMask, s.beforeMask) {
		r.found = append(texts(s.before, r.found), texts(s.after, nil)...)
		out := sides{before: hidden(s.before), after: hidden(s.after)}
		if s.after == nil && anyTrue(s.unknown) {
			out.unknown = true // the shape of what is unknown is hidden as well
		}
		return out
	}
	out := s
	out.beforeMask, out.afterMask = nil, nil
	r.redactMaps(s, &out)
	r.redactLists(s, &out)
	return out
}

func (r *redactor) redactMaps(s sides, out *sides) {
	before, isB := s.before.(map[string]any)
	after, isA := s.after.(map[string]any)
	unknown, isU := s.unknown.(map[string]any)
	keys := map[string]bool{}
	newB, newA, newU := emptied(before, keys), emptied(after, keys), emptied(unknown, keys)
	for key := range keys {
		e := r.redact(sides{before[key], after[key], unknown[key], maskKey(s.beforeMask, key), maskKey(s.afterMask, key)})
		for _, side := range []struct {
			from, to map[string]any
			v        any
		}{{before, newB, e.before}, {after, newA, e.after}, {unknown, newU, e.unknown}} {
			if _, ok := side.from[key]; ok {
				side.to[key] = side.v
			}
		}
	}
	if isB {
		out.before = newB
	}
	if isA {
		out.after = newA
	}
	if isU {
		out.unknown = newU
	}
}

// emptied is an empty map for the values of m; m's keys are added to keys.
func emptied(m map[string]any, keys map[string]bool) map[string]any {
	for k := range m {
		keys[k] = true
	}
	return make(map[string]any, len(m))
}

func (r *redactor) redactLists(s sides, out *sides) {
	before, isB := s.before.([]any)
	after, isA := s.after.([]any)
	unknown, isU := s.unknown.([]any)
	newB, newA, newU := slices.Clone(before), slices.Clone(after), slices.Clone(unknown)
	for i := range max(len(before), len(after), len(unknown)) {
		e := r.redact(sides{at(before, i), at(after, i), at(unknown, i), maskIndex(s.beforeMask, i), maskIndex(s.afterMask, i)})
		set(newB, i, e.before)
		set(newA, i, e.after)
		set(newU, i, e.unknown)
	}
	if isB {
		out.before = newB
	}
	if isA {
		out.after = newA
	}
	if isU {
		out.unknown = newU
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
	return !fits(v, own) || !alike(v, other) && anyTrue(other)
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
		return ok && (len(m) == len(l) || len(m) > len(l) && !anyTrue(m))
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

// texts adds the strings and numbers within v to list.
func texts(v any, list []string) []string {
	switch v := v.(type) {
	case string:
		return append(list, v)
	case json.Number:
		return append(list, v.String())
	case []any:
		for _, w := range v {
			list = texts(w, list)
		}
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			list = texts(v[k], list)
		}
	}
	return list
}

// lost lists the paths at which the original values differ and the redacted
// ones do not: a change that a reader could not see any more. path is where
// the four values are; the empty path is the whole.
func lost(path string, original, redacted sides) []string {
	if Equal(original.before, original.after) {
		return nil
	}
	if paths, ok := lostInMap(path, original, redacted); ok {
		return paths
	}
	if paths, ok := lostInList(path, original, redacted); ok {
		return paths
	}
	if redacted.before != nil && Equal(redacted.before, redacted.after) {
		return []string{path}
	}
	return nil
}

func lostInMap(path string, original, redacted sides) (paths []string, ok bool) {
	ob, ok1 := original.before.(map[string]any)
	oa, ok2 := original.after.(map[string]any)
	rb, ok3 := redacted.before.(map[string]any)
	ra, ok4 := redacted.after.(map[string]any)
	if !(ok1 && ok2 && ok3 && ok4) || !sameKeys(ob, rb) || !sameKeys(oa, ra) {
		return nil, false
	}
	for _, key := range slices.Sorted(maps.Keys(ob)) {
		if _, both := oa[key]; both {
			paths = append(paths, lost(pathKey(path, key), sides{before: ob[key], after: oa[key]}, sides{before: rb[key], after: ra[key]})...)
		}
	}
	return paths, true
}

func lostInList(path string, original, redacted sides) (paths []string, ok bool) {
	ob, ok1 := original.before.([]any)
	oa, ok2 := original.after.([]any)
	rb, ok3 := redacted.before.([]any)
	ra, ok4 := redacted.after.([]any)
	if !(ok1 && ok2 && ok3 && ok4) {
		return nil, false
	}
	for i := range min(len(ob), len(oa)) {
		paths = append(paths, lost(pathIndex(path, i), sides{before: ob[i], after: oa[i]}, sides{before: rb[i], after: ra[i]})...)
	}
	return paths, true
}

func sameKeys(a, b map[string]any) bool {
	if len(a) != len(b) {
		return false
	}
	for k := range a {
		if _, ok := b[k]; !ok {
			return false
		}
	}
	return true
}
