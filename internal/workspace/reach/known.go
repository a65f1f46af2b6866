package reach

// known is what expressions of a module were found to be, while the reach of one
// workspace is made. What many places use is worked out once: without it an
// expression over a local that is made of locals would be worked out again at
// each of them, which multiplies with every step between.
type known struct {
	texts  map[knownKey][]string
	shapes map[knownKey][]bound
}

// knownKey is an expression: names by what they say, anything else by itself.
type knownKey struct {
	name string
	op   op
	e    *expr
}

// keyOf is the key of an expression; false for one that is not worth remembering.
func keyOf(e *expr) (knownKey, bool) {
	switch e.op {
	case opLocal, opVar, opAttr:
		return knownKey{name: e.text, op: e.op}, true
	case opGet, opElems, opKeys, opCall:
		return knownKey{e: e}, true
	}
	return knownKey{}, false
}

// remembered is what work makes of an expression, worked out once where it can be kept in
// known. Beyond the bounds it is beyond.
func remembered[T any](r *resolver, known map[knownKey][]T, e *expr, beyond []T, work func(*expr) []T) []T {
	inBounds := r.enter()
	defer r.leave()
	if !inBounds {
		return beyond
	}
	key, kept := keyOf(e)
	if !kept {
		return work(e)
	}
	if out, ok := known[key]; ok {
		return out
	}
	before := r.cut
	out := work(e)
	if r.whole(before) {
		known[key] = out
	}
	return out
}

// whole reports whether nothing was left out since cut was before: neither what a
// name stands for within itself, nor what is beyond a bound. Only then does it not
// depend on where the expression was met.
func (r *resolver) whole(before int) bool { return r.cut == before && r.steps < maxSteps }

func (k *known) forget() {
	clear(k.texts)
	clear(k.shapes)
}
