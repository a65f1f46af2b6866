package reach

import (
	"slices"
	"strconv"
)

// shapes are the expressions that e stands for, with what stands between
// taken away: locals, variables, elements, conditions. Nobody changes the list.
func (v *env) shapes(e *expr) []bound {
	return remembered(v.r, v.known.shapes, e, []bound{{hole, v}}, v.shapesOf)
}

func (v *env) shapesOf(e *expr) []bound {
	switch e.op {
	case opLocal:
		return v.guarded(v.mod.locals[e.text])
	case opVar:
		return v.variable(e.text)
	case opAttr:
		return v.guarded(v.mod.attrs[e.text])
	case opEither:
		return v.each(e.args)
	case opCall:
		if f := shapeFunctions[e.text]; f != nil {
			return v.many(f(v, e))
		}
	case opGet, opElems, opKeys:
		return v.taken(e)
	}
	return []bound{{e, v}}
}

// taken are the shapes of what e takes out of its collection.
func (v *env) taken(e *expr) []bound {
	var out []bound
	misfit := false
	for _, b := range v.shapes(e.args[0]) {
		if b.op == opNull {
			continue // there is nothing in it
		}
		if e.op == opGet && b.lacks(e.text) { // it is only among what was flattened
			misfit = true
			continue
		}
		out = append(out, b.element(e)...)
		if len(out) > maxShapes {
			return []bound{{hole, v}}
		}
	}
	if misfit && len(out) == 0 {
		return []bound{{hole, v}}
	}
	return v.many(out)
}

// lacks reports whether a value can have no element of that name.
func (e *expr) lacks(name string) bool {
	return e.op == opText || e.op == opConcat || e.op == opNumber || e.op == opTuple && !numeric(name)
}

func numeric(s string) bool {
	_, err := strconv.Atoi(s)
	return err == nil
}

// maxShapes is how many expressions one may stand for.
const maxShapes = 2000

// many is a list of shapes, each once, or that nothing is known when there are
// too many.
func (v *env) many(list []bound) []bound {
	v.r.steps += len(list)
	list = once(list)
	if len(list) > maxShapes {
		return []bound{{hole, v}}
	}
	return list
}

// once is a list without what is in it a second time.
func once(list []bound) []bound {
	const short = 8
	if len(list) <= short {
		for i := range list {
			if slices.Contains(list[:i], list[i]) {
				return once(slices.Concat(list[:i], list[i+1:]))
			}
		}
		return list
	}
	seen := make(map[bound]bool, len(list))
	for _, b := range list {
		seen[b] = true
	}
	if len(seen) == len(list) {
		return list
	}
	out := make([]bound, 0, len(seen))
	for _, b := range list {
		if seen[b] {
			out, seen[b] = append(out, b), false
		}
	}
	return out
}

// each are the shapes of some expressions, in a list of the caller's own.
func (v *env) each(list []*expr) (out []bound) {
	for _, e := range list {
		if out = append(out, v.shapes(e)...); len(out) > maxShapes {
			if out = once(out); len(out) > maxShapes {
				return []bound{{hole, v}}
			}
		}
	}
	return once(out)
}

// guarded are the shapes of what a name stands for, which may be the name.
func (v *env) guarded(e *expr) []bound {
	if e == nil {
		return []bound{{hole, v}}
	}
	if v.busy[e] > 0 {
		v.r.cut++
		return []bound{{hole, v}}
	}
	v.busy[e]++
	defer func() { v.busy[e]-- }()
	return v.shapes(e)
}

// variable is what is passed for one, by whoever calls the module, its default
// where nothing is, and what its type fills in.
func (v *env) variable(name string) (out []bound) {
	fallback, declared := v.mod.vars[name]
	if !declared {
		return []bound{{hole, v}}
	}
	given := v.values[name]
	open := len(v.callers) == 0 && (given == nil || given.op == opNull)
	if given != nil && given.op != opNull {
		out = append(out, v.guarded(given)...)
	}
	for _, c := range v.callers {
		switch a := c.call.arg(name); {
		case a == nil, a.op == opNull && fallback != nil:
			open = true
		default:
			out = append(out, c.env.guarded(a)...)
		}
	}
	if typ := v.mod.types[name]; typ != nil {
		out = append(out, v.guarded(typ)...)
	}
	if open && fallback != nil {
		out = append(out, v.guarded(fallback)...)
	}
	if len(out) == 0 || open && fallback == nil && len(v.callers) == 0 || v.unsure && !v.sure[name] {
		out = append(out, bound{hole, v})
	}
	return v.many(out)
}

// element are the shapes of what op of e takes out of a collection.
func (b bound) element(e *expr) []bound {
	switch {
	case e.op == opElems && e.text == splat && b.op != opTuple && b.op != opHole && b.op != opCall:
		return []bound{b}
	case b.op == opTuple && (e.op == opElems || e.op == opKeys && e.text == "each"):
		return b.env.flat(b.args)
	case b.op == opTuple && e.op == opGet:
		if i, err := strconv.Atoi(e.text); err == nil && b.text != loose && i >= 0 && i < len(b.args) {
			return b.env.shapes(b.args[i])
		}
		return b.env.flat(b.args)
	case b.op == opObject && e.op == opElems:
		return b.env.flat(b.args)
	case b.op == opObject && e.op == opGet:
		return b.env.each(b.under(e.text))
	case b.op == opObject && e.op == opKeys:
		var out []bound
		for _, k := range b.keys() {
			if k != "" {
				out = append(out, bound{text(k), b.env})
			}
		}
		return append(out, b.env.each(b.computed())...)
	case b.op == opCall && b.text == "fileset" && (e.op == opElems || e.text == "each" || e.op == opGet):
		return []bound{b}
	case e.op == opElems && (b.op == opText || b.op == opConcat): // of what was flattened
		return []bound{b}
	}
	return []bound{{hole, b.env}}
}

// under are the values of an object that a key may name.
func (e *expr) under(key string) (out []*expr) {
	for i, k := range e.keys() {
		if k == key || k == "" {
			out = append(out, e.args[i])
		}
	}
	return out
}

// flat are the shapes of elements, and of theirs where they are lists: flatten
// and concat take brackets away.
func (v *env) flat(list []*expr) (out []bound) {
	if !v.r.enter() {
		v.r.leave()
		return []bound{{hole, v}}
	}
	defer v.r.leave()
	for _, b := range v.each(list) {
		out = append(out, b)
		if b.op == opTuple {
			out = append(out, b.env.flat(b.args)...)
		}
	}
	return v.many(out)
}

// transparent functions give one of their arguments, or what is in them.
var transparent = map[string]bool{
	"try": true, "coalesce": true, "coalescelist": true, "toset": true, "tolist": true, "tomap": true, "concat": true,
	"flatten":  true,
	"distinct": true, "sort": true, "compact": true, "reverse": true, "setunion": true, "merge": true,
	"nonsensitive": true, "sensitive": true, "ephemeralasnull": true,
}

// loosening are those of them that leave a list with other elements, or in
// another order.
var loosening = map[string]bool{
	"concat": true, "flatten": true, "distinct": true, "sort": true, "compact": true, "reverse": true, "setunion": true,
	"merge": true,
	"toset": true,
}

// shapeFunctions are functions whose value is made of what is in their arguments.
var shapeFunctions map[string]func(v *env, e *expr) []bound

func init() { // the functions lead back to the table
	list := func(v *env, elements ...*expr) []bound {
		return []bound{{&expr{op: opTuple, text: loose, args: elements}, v}}
	}
	part := func(v *env, e *expr) []bound { return v.loosened(v.each(e.args[:min(1, len(e.args))])) }
	shapeFunctions = map[string]func(v *env, e *expr) []bound{
		"for":     func(v *env, e *expr) []bound { return v.shapes(e.args[0]) },
		"if":      func(v *env, e *expr) []bound { return v.each(e.args[1:]) },
		"lookup":  lookedUp,
		"element": func(v *env, e *expr) []bound { return v.shapes(elements(e.args)) },
		"one":     func(v *env, e *expr) []bound { return v.shapes(elements(e.args)) },
		"values":  func(v *env, e *expr) []bound { return list(v, elements(e.args)) },
		"keys":    func(v *env, e *expr) []bound { return list(v, &expr{op: opKeys, args: some(e.args)}) },
		"slice":   part, "setintersection": part, "setsubtract": part, "matchkeys": part,
		"chunklist": func(v *env, e *expr) []bound { return list(v, some(e.args)...) },
		"setproduct": func(v *env, e *expr) []bound {
			one := &expr{op: opTuple}
			for _, a := range e.args {
				one.args = append(one.args, elements([]*expr{a}))
			}
			return list(v, one)
		},
		"zipmap": func(v *env, e *expr) []bound {
			if len(e.args) != 2 {
				return []bound{{hole, v}}
			}
			o := &expr{op: opObject}
			o.addKey(elements(e.args[:1]))
			o.add("", elements(e.args[1:]))
			return []bound{{o, v}}
		},
		"jsondecode": decoded("jsonencode"), "yamldecode": decoded("yamlencode"), "csvdecode": decoded("csvencode"),
	}
	for name := range transparent {
		shapeFunctions[name] = func(v *env, e *expr) []bound {
			if out := v.each(e.args); !loosening[e.text] {
				return out
			} else {
				return v.loosened(out)
			}
		}
	}
}

// loosened are shapes whose lists have lost their order.
func (v *env) loosened(list []bound) []bound {
	for i, b := range list {
		if b.op == opTuple && b.text != loose {
			list[i].expr = &expr{op: opTuple, text: loose, args: b.args}
		}
	}
	return list
}

// some are the first of the arguments, which a wrong call may not have.
func some(args []*expr) []*expr {
	if len(args) == 0 {
		return []*expr{hole}
	}
	return slices.Clip(args[:1])
}

func elements(args []*expr) *expr { return &expr{op: opElems, args: some(args)} }

func lookedUp(v *env, e *expr) []bound {
	from := elements(e.args)
	if len(e.args) > 1 && e.args[1].op == opText {
		from = &expr{op: opGet, text: e.args[1].text, args: e.args[:1]}
	}
	out := v.shapes(from)
	return append(slices.Clip(out), v.each(e.args[min(2, len(e.args)):])...)
}

// decoded are the shapes of what a function takes out of what another put in,
// or of a file of the repository.
func decoded(encode string) func(v *env, e *expr) []bound {
	return func(v *env, e *expr) []bound {
		var out []bound
		for _, b := range v.each(some(e.args)) {
			if content, known := v.content(decoders[e.text], b); known {
				if out = append(out, content...); len(out) > maxShapes {
					return []bound{{hole, v}}
				}
				continue
			}
			if b.op != opCall || b.text != encode {
				return []bound{{e, v}}
			}
			out = append(out, b.env.each(some(b.args))...)
		}
		return out
	}
}
